"""Invariants of what people can see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from relearn.lifecycle.runs import RunState
from relearn.lifecycle.uploads import UploadState
from tests.chaos.acts import POISON
from tests.chaos.invariants.evidence import Evidence

BAD_RUNS = frozenset({RunState.FAILED, RunState.REJECTED, RunState.ROLLED_BACK})
BAD_UPLOADS = frozenset({UploadState.QUARANTINED, UploadState.FAILED, UploadState.SUPERSEDED})


def visibility(evidence: Evidence) -> Iterator[str]:
    """Each failure has its reason, a metric, and an alarm or a notification; and no alarm is without a cause.

    Runs that failed, were rejected or rolled back have a reason, are counted by outcome, and people are
    notified (unless the notification itself was lost). A failed run and a dead letter raise an alarm. Uploads
    that were not used have a reason, and quarantined ones are counted. Unreadable messages are kept as dead
    letters. Without faults and changes by hand there is no alarm.
    """
    yield from _runs(evidence)
    yield from _uploads(evidence)
    yield from _letters(evidence)
    if evidence.calm and evidence.history.alarms:
        yield f"nothing went wrong, and there were alarms: {dict(evidence.history.alarms)}"


def _runs(evidence: Evidence) -> Iterator[str]:
    history = evidence.history
    bad = [run for run in evidence.runs if run.state in BAD_RUNS]
    yield from (f"run {run.run_id} is {run.state} without a reason" for run in bad if not run.reason)
    for (model, state), count in Counter((run.model, run.state) for run in bad).items():
        counted = history.metrics[("Runs", model, state)]
        if counted < count:
            yield f"{count} runs of {model} are {state}, {counted} are counted"
        told = [
            one
            for one in history.told
            if (one.model, one.kind) == (model, state.lower()) and " run " in one.text
        ]
        if len(told) + evidence.stage.faults.hits["notification_lost"] < count:
            yield f"{count} runs of {model} are {state}, people heard of {len(told)}"
    failed = sum(run.state is RunState.FAILED for run in bad)
    if failed > history.alarms["RunsFailed"]:
        yield f"{failed} runs failed, the alarm saw {history.alarms['RunsFailed']}"


def _uploads(evidence: Evidence) -> Iterator[str]:
    bad = [upload for upload in evidence.uploads.values() if upload.state in BAD_UPLOADS]
    yield from (f"{upload.key} is {upload.state} without a reason" for upload in bad if not upload.reason)
    for (model, state), count in Counter((upload.model, upload.state) for upload in bad).items():
        counted = evidence.history.metrics[("Uploads", model, state)]
        if state is UploadState.QUARANTINED and counted < count:
            yield f"{count} uploads of {model} are QUARANTINED, {counted} are counted"


def _letters(evidence: Evidence) -> Iterator[str]:
    for name, queue in evidence.stage.queues.queues.items():
        if queue.dead and not evidence.history.alarms[f"{name}_dead_letters"]:
            yield f"{name} has {len(queue.dead)} dead letters without an alarm"
    dead = [letter.body for letter in evidence.stage.queues.queues["ingest"].dead]
    if dead.count(POISON) < evidence.acts.poison:
        yield f"{evidence.acts.poison} messages could not be read, {dead.count(POISON)} are kept as dead letters"
