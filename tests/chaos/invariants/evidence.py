"""Evidence that the invariants inspect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from relearn.ledger import items
from relearn.ledger.attribute_values import decode_item
from relearn.lifecycle.runs import Run, Version
from relearn.lifecycle.uploads import Upload
from relearn.naming import ledger_keys, resources, s3_keys
from relearn.traffic.route import Route, RouteWrite
from tests.chaos.acts import Acts, Stored
from tests.chaos.history import Call, History
from tests.chaos.models import SPECS
from tests.chaos.stage import Stage
from tests.chaos.training import Job
from tests.support.world import ARTIFACTS, LAKE, STAGE

MANY = 10_000


@dataclass(frozen=True)
class Written:
    """One write of a route that DynamoDB executed."""

    at: datetime
    model: str
    route: Route


@dataclass
class Evidence:
    """A stage at rest, and its history."""

    acts: Acts

    @property
    def stage(self) -> Stage:
        return self.acts.stage

    @property
    def history(self) -> History:
        return self.stage.history

    @cached_property
    def uploads(self) -> dict[str, Upload]:
        """All uploads in the ledger, by id."""
        ledger = self.stage.world.ledger
        return {upload.upload_id: upload for model in SPECS for upload in ledger.uploads(model)}

    @cached_property
    def runs(self) -> list[Run]:
        """All runs in the ledger, oldest first for each model."""
        ledger = self.stage.world.ledger
        return [run for model in SPECS for run in reversed(ledger.runs(model, newest=MANY))]

    @cached_property
    def versions(self) -> dict[tuple[str, int], Version]:
        """All versions in the ledger, by model and number."""
        ledger = self.stage.world.ledger
        return {(model, found.version): found for model in SPECS for found in ledger.versions(model)}

    @cached_property
    def routes(self) -> dict[str, Route]:
        return {model: self.stage.world.ledger.route(model) for model in SPECS}

    def moves(self, model: str) -> list[RouteWrite]:
        """Return the history of a route, oldest first."""
        return self.stage.world.ledger.route_history(model, newest=MANY)[::-1]

    def stored(self) -> Iterator[Stored]:
        """Yield the uploads that were not deleted."""
        for stored in self.acts.stored:
            if not stored.gone:
                yield stored

    def job(self, run: str) -> Job | None:
        """Return the training job of a run; None when there is none."""
        return next((job for job in self.stage.training.jobs.values() if job.run_id == run), None)

    def job_of(self, model: str, version: int) -> Job | None:
        """Return the training job of a version; None when there is none."""
        found = self.versions.get((model, version))
        return None if found is None else self.job(found.run_id)

    @cached_property
    def writes_of_routes(self) -> list[Written]:
        """All writes of routes, in the order of their execution."""
        written = []
        for call in self.history.successes("dynamodb", "PutItem", "TransactWriteItems"):
            for put in _puts(call):
                if put["Item"]["sk"].get("S") == ledger_keys.ROUTE:
                    item = decode_item(put["Item"])
                    written.append(Written(call.at, item["pk"].partition("#")[2], items.route(item)))
        return written

    def keys(self, bucket: str, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Yield key and version id of every object version."""
        pages = self.stage.world.s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, Prefix=prefix
        )
        for page in pages:
            for found in page.get("Versions", []):
                yield found["Key"], found["VersionId"]

    @cached_property
    def manifests(self) -> dict[str, list[Any]]:
        """All manifests that runs have written, by key and version."""
        found = {}
        for key, version in self.keys(LAKE, f"{s3_keys.SNAPSHOTS}/"):
            body = self.stage.world.s3.get_object(Bucket=LAKE, Key=key, VersionId=version)["Body"].read()
            found[f"{key} {version}"] = json.loads(body)
        return found

    def artifact(self, uri: str) -> bytes:
        bucket, key = s3_keys.parse_uri(uri)
        assert bucket == ARTIFACTS
        body: bytes = self.stage.world.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def endpoint(self, model: str, version: int) -> str:
        return resources.endpoint(STAGE, model, version)

    @property
    def calm(self) -> bool:
        """Whether no fault struck and nobody changed a route by hand."""
        return not self.stage.faults.hits and not self.acts.by_hand


def _puts(call: Call) -> Iterator[Any]:
    if call.operation == "PutItem":
        yield call.params
    for member in call.params.get("TransactItems", ()):
        if "Put" in member:
            yield member["Put"]
