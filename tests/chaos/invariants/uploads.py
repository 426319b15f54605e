"""Invariants of uploads: their times, their names, and the duration of their checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from relearn.lifecycle.runs import RunState
from relearn.lifecycle.uploads import Upload, UploadState
from tests.chaos.acts import Stored
from tests.chaos.checks import CUT_OFF, SLOW
from tests.chaos.faults import EVENTS, PROCESSES
from tests.chaos.invariants.evidence import Evidence
from tests.chaos.models import SPECS

PATIENCE = timedelta(minutes=2)
"""Maximum time until an upload is checked where nothing goes wrong with it and its model sends no slow files."""
OVER = frozenset({UploadState.FAILED, UploadState.SUPERSEDED, UploadState.EXCLUDED})


def no_future(evidence: Evidence) -> Iterator[str]:
    """A run learns from nothing that is dated after its beginning, and each future row is accounted for.

    The clock of a job is the beginning of its run. Rows dated a day or more after their check are rejected.
    Earlier future rows wait: the upload states their number and last time, the run the number that it did not
    see. An upload with only waiting rows is in no run that began before their time.
    """
    yield from _before_their_time(evidence)
    runs = {run.run_id: run for run in evidence.runs}
    for job in evidence.stage.training.jobs.values():
        if not SPECS[job.model].tables or job.run_id not in runs:
            continue
        run, now = runs[job.run_id], _moment(job.now)
        if job.now != run.started_at or now > _moment(job.began):
            yield f"the clock of run {run.run_id} is {job.now}; it began at {run.started_at}"
        if job.newest and _moment(job.newest) > now:
            yield f"run {run.run_id} began at {job.now} and learned from a row of {job.newest}"
        if RunState.JUDGING in run.times and sum(run.rows_waiting.values()) != job.waiting:
            yield f"run {run.run_id} tells of rows that wait: {run.rows_waiting}; there are {job.waiting}"
    for stored in evidence.stored():
        upload = evidence.uploads.get(stored.upload_id)
        if upload is None or not stored.body.waiting or UploadState.ACCEPTED not in upload.times:
            continue
        told = (upload.rows_rejected, upload.rows_waiting, bool(upload.waits_until))
        if told != (stored.body.refused, stored.body.waiting, True):
            yield f"{stored.key} tells of its rows of the future: {told}"


def _before_their_time(evidence: Evidence) -> Iterator[str]:
    times = {
        stored.upload_id: stored.body.known_from for stored in evidence.stored() if stored.body.known_from
    }
    for run in evidence.runs:
        early = {one for one in (*run.uploads, *run.snapshot) if one in times}
        began = _moment(run.started_at)
        yield from (
            f"run {run.run_id} began at {run.started_at} and has an upload of {times[one]}"
            for one in sorted(early)
            if times[one] > began
        )
    for upload_id, at in times.items():
        upload = evidence.uploads.get(upload_id)
        accepted = None if upload is None else upload.times.get(UploadState.ACCEPTED)
        if upload is None or accepted is None or _moment(accepted) >= at:
            continue
        if not upload.known_from or _moment(upload.known_from) != at or not upload.rows_waiting:
            yield f"{upload.key} is of {at} and tells of {upload.known_from or 'no time'}"


def replacement(evidence: Evidence) -> Iterator[str]:
    """No rows vanish silently, and none count twice.

    A version that replaces one that counts names it, and people are notified. The old rows count until a run
    has used the new ones. Of files with the same content, under whatever names, a snapshot has one.
    """
    for upload in evidence.uploads.values():
        if upload.state is UploadState.SUPERSEDED:
            by = evidence.uploads.get(upload.reason.removeprefix("by "))
            if by is None or by.key != upload.key or UploadState.TRAINED not in by.times:
                yield f"{upload.key} was superseded {upload.reason}, which no run has used"
    told = Counter(one.text for one in evidence.history.told if one.kind == "replaced")
    lost = evidence.stage.faults.hits["notification_lost"]
    for upload in evidence.uploads.values():
        before = [one for one in evidence.uploads.values() if _counted_before(one, upload)]
        if not before or UploadState.ACCEPTED not in upload.times:
            continue
        if upload.replaces not in {one.upload_id for one in before}:
            yield f"{upload.key} replaces another and tells of {upload.replaces or 'none'}"
        heard = sum(count for text, count in told.items() if upload.upload_id[:12] in text)
        if not upload.same_as and not heard and not lost:
            yield f"{upload.key} replaces another, and nobody was told"
    for run in evidence.runs:
        contents = Counter(evidence.uploads[one].sha256 for one in run.snapshot if one in evidence.uploads)
        twice = [digest for digest, count in contents.items() if digest and count > 1]
        yield from (f"the snapshot of run {run.run_id} has content {digest} twice" for digest in twice)


def _counted_before(one: Upload, upload: Upload) -> bool:
    """Whether an older version of the same object counted when the newer one was accepted."""
    if one.key != upload.key or one.upload_id == upload.upload_id or one.sequencer >= upload.sequencer:
        return False
    accepted, then = one.times.get(UploadState.ACCEPTED, "9"), upload.times.get(UploadState.ACCEPTED, "")
    return accepted < then and not any(one.times.get(state, "9") <= then for state in OVER)


def in_turn(evidence: Evidence) -> Iterator[str]:
    """Every check is counted before it begins, and slow files keep nobody else waiting.

    The ledger counts as many checks of a slow file as were begun. An upload of a model without slow files is
    decided within two minutes, however many slow files others send, unless a fault hits its event or ingest
    itself.
    """
    checks = evidence.stage.checks.begun
    for stored in evidence.stored():
        upload, name = evidence.uploads.get(stored.upload_id), stored.key.rpartition("/")[2]
        if upload is not None and upload.checks < checks[name]:
            yield f"{checks[name]} checks of {stored.key} were begun, {upload.checks} are counted"
    hits = evidence.stage.faults.hits
    if hits["slow_files"] and not any(hits[name] for name in (*EVENTS, *PROCESSES)):
        slow = {stored.model for stored in evidence.acts.stored if _is_slow(stored)}
        for stored in evidence.stored():
            if stored.model not in slow and (took := _took(evidence, stored)) > PATIENCE:
                yield f"{stored.key} was decided after {took}, while others sent slow files"


def _is_slow(stored: Stored) -> bool:
    return stored.key.rpartition("/")[2].startswith((SLOW, CUT_OFF))


def _took(evidence: Evidence, stored: Stored) -> timedelta:
    """Return how long an upload was undecided."""
    upload = evidence.uploads.get(stored.upload_id)
    times = (
        [] if upload is None else [at for state, at in upload.times.items() if state != UploadState.RECEIVED]
    )
    return _moment(min(times)) - stored.at if times else timedelta.max


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
