"""Publishes the online features of a version's entities to the online table; called repeatedly until all are published.

The training job leaves them in the lake, one line for each entity. The whole file is compared with the job's
report before its first line is published; later reads are bound to the same content by its ETag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.online_features import Online, RemainingSeconds
from lambdas.aws.s3.ranged_reader import Blocks
from lambdas.runtime.catalog import Catalog
from relearn.errors import ConflictError, DataError, NotFoundError
from relearn.lifecycle.run_context import Published
from relearn.lifecycle.runs import Run, Version, VersionState
from relearn.naming import s3_keys
from relearn.records import online_features as online
from relearn.spec.model import ModelSpec

SPARE_SECONDS = 60
"""Seconds of the function's time kept back for the block in progress."""
_SERVABLE = (VersionState.REGISTERED, VersionState.LIVE, VersionState.PREVIOUS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """Publishes the online features of a version.

    Parameters
    ----------
    ledger
        Holds runs and versions.
    blocks
        Reads the lake in blocks.
    online
        Writes the online table.
    catalog
        Specs of all models.
    """

    ledger: Ledger
    blocks: Blocks
    online: Online
    catalog: Catalog

    def publish(
        self, model: str, run_id: str, number: int, progress: Published | None, left: RemainingSeconds
    ) -> Published:
        """Publish as many features as the time allows.

        Parameters
        ----------
        model, run_id, number
            The model, its run, and the version of the run.
        progress
            Result of the previous call; None for the first.
        left
            Returns the seconds left for this call.

        Returns
        -------
        Published
            ``status``: ``"Published"``, or ``"Publishing"``, to call again with this result. ``rows``: number
            of entities.

        Raises
        ------
        DataError
            The file does not match the job's report, or a line of it is malformed.
        ConflictError
            The version was withdrawn or has failed meanwhile.
        NotFoundError
            The ledger has no such version.
        """
        spec = self.catalog.spec(model)
        if spec.looked_up_by is None:
            return {"status": "Published", "rows": 0}
        run, version = self.ledger.run(model, run_id), self._version(model, number)
        key = s3_keys.online_key(model, run_id)
        if not progress:
            progress = {
                "status": "Publishing",
                "next": 0,
                "etag": self._check(key, run),
                "rows": run.online["rows"],
            }
            told = {name: run.online[name] for name in ("rows", "as_of")}
            # Recorded before the first item, so that no items exist that the ledger does not know of.
            self.ledger.change_version(version, online=told)
        start, etag = progress["next"], progress["etag"]
        while (lines := self._lines(key, start, etag)) is not None:
            self._version(model, number)  # stops when the run was stopped meanwhile
            if left() <= 0 or not self.online.write(_items(spec, number, lines), left):
                return {**progress, "status": "Publishing", "next": start}
            start += len(lines)
        return {**progress, "status": "Published", "next": start}

    def _version(self, model: str, number: int) -> Version:
        version = self.ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"version {number} of {model} is not in the ledger")
        if version.state not in _SERVABLE:
            raise ConflictError(f"version {number} of {model} is {version.state} and gets no features")
        return version

    def _check(self, key: str, run: Run) -> str:
        """Compare the file with the report, and return its ETag."""
        if not run.online:
            raise DataError("features", f"the report of run {run.run_id} tells of no online features")
        digest, rows, start, etag = hashlib.sha256(), 0, 0, ""
        while True:
            block = self.blocks.fetch(key, start, etag)
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
        """Return the complete lines of the next block; None after the last."""
        block = self.blocks.fetch(key, start, etag)
        if not block.body:
            return None
        end = block.body.rfind(b"\n") + 1
        if not end:
            raise DataError("features", f"a line of {key} has no end within {len(block.body)} bytes")
        return block.body[:end]


def _items(spec: ModelSpec, version: int, lines: bytes) -> Iterator[dict[str, str]]:
    """Yield the items of lines. An entity with two lines, adjacent because the file is sorted, raises `DataError`.

    The error does not name the entity, which may be private.
    """
    before = ("", "")
    for line in lines.splitlines():
        item = online.item(spec, version, line)
        if (item["pk"], item["sk"]) == before:
            raise DataError("features", f"the online features have two lines of the same {spec.entity}")
        before = (item["pk"], item["sk"])
        yield item
