"""Reader of the stage's lake: prediction records and ground truth (see ``relearn.records.predictions``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from cli.stage.target import Target
from relearn.records import predictions
from relearn.records.predictions import Outcome

AT_ONCE = 10
"""Number of objects read concurrently, the size of a client's connection pool."""


class Lake:
    """Read-only access to the lake.

    Parameters
    ----------
    target
        The stage.
    """

    def __init__(self, target: Target) -> None:
        self._client = target.client("s3")
        self._bucket = target.output("LakeBucket")

    def outcomes(self, model: str, since: datetime, until: datetime) -> list[Outcome]:
        """Return the predictions between two times, oldest first, with the ground truth known by now.

        Only objects of those days are listed, and only those that can hold such records are read, because an
        object's name has the time of its newest record.

        Parameters
        ----------
        model
            Name of the model.
        since, until
            Time-zone-aware bounds, inclusive.
        """
        days = [since + timedelta(days=number) for number in range((until.date() - since.date()).days + 1)]
        found = predictions.read_records(self._lines(predictions.predictions_folder, model, days, since))
        records = [record for record in found if since <= datetime.fromisoformat(record.at) <= until]
        records.sort(key=lambda record: (record.at, record.id))
        truths = predictions.read_truths(self._lines(predictions.truth_folder, model, days, since))
        return list(predictions.join(records, truths))

    def _lines(
        self, folder: Callable[[str, datetime], str], model: str, days: list[datetime], since: datetime
    ) -> Iterator[bytes]:
        keys = [key for day in days for key in self._keys(folder(model, day), since)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for content in pool.map(self._read, keys):
                yield from content.splitlines()

    def _keys(self, folder: str, since: datetime) -> Iterator[str]:
        first = f"{folder}{since.astimezone(UTC):%Y%m%dt%H%M%S}"  # a prefix of object names, which sorts before them
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=folder, StartAfter=first
        )
        for page in pages:
            yield from (found["Key"] for found in page.get("Contents", []))

    def _read(self, key: str) -> bytes:
        content: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return content
