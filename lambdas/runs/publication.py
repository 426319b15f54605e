"""Publishes the features of a version's entities, to be looked up by those who ask it; called again until all are there.

The training job left them in the lake, one line an entity. The whole file is compared with what the job's report says of it
before a line of it is published, and read as that very file from then on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.online_features import Online, RemainingSeconds
from lambdas.aws.s3.ranged_reader import Blocks
from lambdas.runtime.catalog import Catalog
from relearn.errors import ConflictError, DataError, NotFoundError
from relearn.lifecycle.runs import Run, Version, VersionState
from relearn.naming import s3_keys
from relearn.records import online_features as online
from relearn.spec.model import ModelSpec

SPARE_SECONDS = 60
"""Kept of the function's time for the block it is at."""


PUBLISHING, PUBLISHED = "Publishing", "Published"


_SERVABLE = (VersionState.REGISTERED, VersionState.LIVE, VersionState.PREVIOUS)


Progress = Mapping[str, Any]


class Publication:
    """Publishes the online features of a version.

    Parameters
    ----------
    ledger, blocks, online
        Adapters; ``blocks`` of the lake.
    catalog
        The models.
    """

    def __init__(self, *, ledger: Ledger, blocks: Blocks, online: Online, catalog: Catalog) -> None:
        self._ledger = ledger
        self._blocks = blocks
        self._online = online
        self._catalog = catalog

    def publish(
        self, model: str, run_id: str, number: int, progress: Progress, left: RemainingSeconds
    ) -> dict[str, Any]:
        """Publish as much as there is time for.

        Parameters
        ----------
        model, run_id, number
            Which version, of which run.
        progress
            What the last call returned; empty for the first.
        left
            How many seconds there are.

        Returns
        -------
        dict
            ``status``: ``"Published"``, or ``"Publication"``: call again with this. ``rows``: how many entities.

        Raises
        ------
        DataError
            The file is not what the job's report says, or a line of it not as agreed.
        ConflictError
            The version was given up meanwhile.
        """
        spec = self._catalog.spec(model)
        if spec.looked_up_by is None:
            return {"status": PUBLISHED, "rows": 0}
        run, version = self._ledger.run(model, run_id), self._version(model, number)
        key = s3_keys.online_key(model, run_id)
        if not progress:
            progress = {"next": 0, "etag": self._check(key, run), "rows": run.online["rows"]}
            told = {name: run.online[name] for name in ("rows", "as_of")}
            # Written down before there are any, so that no items are there that nobody knows of.
            self._ledger.change_version(version, online=told)
        start, etag = progress["next"], progress["etag"]
        while (lines := self._lines(key, start, etag)) is not None:
            self._version(model, number)  # a run that was stopped must not go on
            if left() <= 0 or not self._online.write(_items(spec, number, lines), left):
                return {**progress, "status": PUBLISHING, "next": start}
            start += len(lines)
        return {**progress, "status": PUBLISHED, "next": start}

    def _version(self, model: str, number: int) -> Version:
        version = self._ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"version {number} of {model} is not in the ledger")
        if version.state not in _SERVABLE:
            raise ConflictError(f"version {number} of {model} is {version.state} and gets no features")
        return version

    def _check(self, key: str, run: Run) -> str:
        """Compare the file with what the report says of it; what names its content."""
        if not run.online:
            raise DataError("features", f"the report of run {run.run_id} tells of no online features")
        digest, rows, start, etag = hashlib.sha256(), 0, 0, ""
        while True:
            block = self._blocks.fetch(key, start, etag)
            digest.update(block.body)
            rows += block.body.count(b"\n")
            start, etag = start + len(block.body), block.etag
            if start >= block.total:
                break
        found = {"rows": rows, "sha256": digest.hexdigest()}
        for name, value in found.items():
            if value != run.online[name]:
                said = f"the report of run {run.run_id} says {run.online[name]!r}"
                raise DataError("features", f"{name} of {key} is {value!r}; {said}")
        return etag

    def _lines(self, key: str, start: int, etag: str) -> bytes | None:
        """Read the whole lines of the next block; None behind the last."""
        block = self._blocks.fetch(key, start, etag)
        if not block.body:
            return None
        end = block.body.rfind(b"\n") + 1
        if not end:
            raise DataError("features", f"a line of {key} has no end within {len(block.body)} bytes")
        return block.body[:end]


def _items(spec: ModelSpec, version: int, lines: bytes) -> Iterator[dict[str, str]]:
    """Make the items of lines; an entity that has two, side by side as the file is sorted, is refused: without its name, which may be private."""
    before = ("", "")
    for line in lines.splitlines():
        item = online.item(spec, version, line)
        if (item["pk"], item["sk"]) == before:
            raise DataError("features", f"the online features have two lines of the same {spec.entity}")
        before = (item["pk"], item["sk"])
        yield item
