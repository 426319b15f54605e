"""Invariants of a stage at rest."""

from __future__ import annotations

from collections.abc import Iterator

from relearn.lifecycle.runs import FINAL, VersionState
from relearn.lifecycle.uploads import UploadState
from relearn.traffic.route_changes import RestoreState
from tests.chaos.invariants.evidence import Evidence
from tests.chaos.models import SPECS

ENDS = frozenset({UploadState.QUARANTINED, UploadState.FAILED, UploadState.SUPERSEDED})
"""Final states, which no upload leaves."""


def no_loss(evidence: Evidence) -> Iterator[str]:
    """Every object version that S3 acknowledged ends in exactly one state, the right one, with its reason.

    At rest the ledger has each version of each object under ``incoming/<model>/`` that was not deleted since,
    as TRAINED, SUPERSEDED, QUARANTINED or FAILED; as ACCEPTED only while a frozen route makes it wait,
    while all its rows lie in the future, or where its run was rejected without a sure loss and keeps it for the next. No upload reached two final states. Data that breaks its spec is
    QUARANTINED, and no other data is.
    """
    kept = {one for run in evidence.runs if run.keeps_uploads for one in run.uploads}
    for stored in evidence.stored():
        upload = evidence.uploads.get(stored.upload_id)
        if upload is None:
            yield f"{stored.key} {stored.version} is not in the ledger"
            continue
        late = stored.body.known_from
        early = late is not None and late > evidence.stage.clock.now
        waits = evidence.routes[upload.model].frozen or early or stored.upload_id in kept
        if upload.state is UploadState.RECEIVED or (upload.state is UploadState.ACCEPTED and not waits):
            yield f"{stored.key} is {upload.state} at rest"
        if upload.state not in stored.body.ends and upload.state is not UploadState.RECEIVED:
            yield f"{stored.key} is {upload.state}: {upload.reason}; right: {', '.join(sorted(stored.body.ends))}"
    for upload in evidence.uploads.values():
        ends = ENDS & {UploadState(state) for state in upload.times}
        if len(ends) > 1 or (ends and upload.state not in ends):
            yield f"{upload.key} came to {', '.join(sorted(ends))} and is {upload.state}"


def pointer_equals_reality(evidence: Evidence) -> Iterator[str]:
    """The route never names a missing endpoint at rest.

    The endpoints of champion, previous version and candidate are in service, and the ledger names them. There
    is no candidate when no run is under way. No endpoint of a failed version is left, and no config or model
    of an endpoint that the ledger lists as gone. Nobody tried to delete the config of an existing endpoint.
    """
    for model, route in evidence.routes.items():
        for number in sorted(route.named):
            version, name = evidence.versions.get((model, number)), evidence.endpoint(model, number)
            if version is None or version.endpoint != name:
                yield f"{model}: the route names version {number}, for which the ledger has no endpoint"
            if not evidence.stage.sagemaker.in_service(name):
                yield f"{model}: the route names version {number}, whose endpoint is not in service"
        if route.candidate:
            yield f"{model}: version {route.candidate} is still tried"
    sagemaker = evidence.stage.sagemaker
    yield from (f"the config {name} was to be deleted before its endpoint" for name in sagemaker.too_early)
    for (model, number), version in evidence.versions.items():
        name = evidence.endpoint(model, number)
        if version.state is VersionState.FAILED and name in sagemaker.endpoints:
            yield f"{model}: version {number} failed, and its endpoint is still there"
        for kind, things in (("config", sagemaker.configs), ("model", sagemaker.models)):
            if not version.endpoint and name in things:
                yield f"{model}: version {number} has no endpoint, and its {kind} is still there"


def liveness(evidence: Evidence) -> Iterator[str]:
    """When faults stop, everything comes to rest within 60 simulated minutes; a message that always fails, within 80.

    Then no execution runs, no lock is held, every run has ended, no upload is RECEIVED, no message waits or
    is hidden, no version is being deployed again, and no endpoint is being created or deleted.
    """
    for arn, execution in evidence.stage.executions.executions.items():
        if execution.status == "RUNNING":
            yield f"{arn} runs, in {execution.state}"
    yield from (
        f"run {run.run_id} of {run.model} is {run.state}" for run in evidence.runs if run.state not in FINAL
    )
    undecided = (upload for upload in evidence.uploads.values() if upload.state is UploadState.RECEIVED)
    yield from (f"{upload.key} is RECEIVED" for upload in undecided)
    for name, queue in evidence.stage.queues.queues.items():
        if queue.messages or queue.hidden:
            yield f"{len(queue.messages) + queue.hidden} messages wait in {name}"
    yield from _held(evidence)
    yield from _on_the_way(evidence)


def _held(evidence: Evidence) -> Iterator[str]:
    for model in SPECS:
        if (lock := evidence.stage.world.ledger.lock(model)) is not None:
            yield f"{model} is locked by {lock.run_id}"
        restore = evidence.stage.world.ledger.restore(model)
        if restore is not None and restore.state is RestoreState.RESTORING:
            yield f"version {restore.version} of {model} is still being deployed again"


def _on_the_way(evidence: Evidence) -> Iterator[str]:
    sagemaker = evidence.stage.sagemaker
    for name in list(sagemaker.endpoints):
        sagemaker.settle(name)
    for name, found in sagemaker.endpoints.items():
        if found["EndpointStatus"] in ("Creating", "Deleting"):
            yield f"endpoint {name} is {found['EndpointStatus']}"
