"""Waiting for the end of an upload, run or version, with output of each change."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from cli.stage.ledger import Ledger
from cli.terminal.errors import FAILED, TIMED_OUT
from cli.terminal.output import COLOURS, err, waiting_for
from relearn.figures import counted
from relearn.lifecycle import runs
from relearn.lifecycle import waiting as pending
from relearn.lifecycle.runs import Run, RunState, VersionState
from relearn.lifecycle.uploads import Upload, UploadState, is_undecided, waiting

ENDS = frozenset(
    {
        UploadState.TRAINED,
        UploadState.QUARANTINED,
        UploadState.SUPERSEDED,
        UploadState.FAILED,
        UploadState.EXCLUDED,
    }
)


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading of the state that is waited for.

    Parameters
    ----------
    state
        State in one word.
    text
        Description for people.
    ended
        Whether the state is final.
    good
        Whether it ended in the desired state.
    record
        The record itself, for scripts.
    """

    state: str
    text: str
    ended: bool = False
    good: bool = False
    record: dict[str, Any] = field(default_factory=dict)


Look = Callable[[], Observation]


def follow(look: Look, *, what: str, timeout: float, poll: float) -> tuple[Observation, int]:
    """Read a state until it is final, printing every change.

    Parameters
    ----------
    look
        Reads the current state.
    what
        Description of what is waited for.
    timeout, poll
        Maximum wait, and pause between two readings, in seconds.

    Returns
    -------
    tuple
        The last observation, and the exit code: 0 ended well, 1 ended badly, 3 not ended in time.
    """
    began, told = time.monotonic(), ""
    with err.waiting(what) as spinner:
        while True:
            seen = look()
            if seen.text != told:
                err.print(
                    f"{time.monotonic() - began:7.1f}s  ",
                    seen.text,
                    style=COLOURS.get(seen.state),
                    sep="",
                )
                told = seen.text
            if seen.ended:
                return seen, 0 if seen.good else FAILED
            left = began + timeout - time.monotonic()
            if left <= 0:
                err.print(
                    f"gave up after {timeout:g} s: {what} has not ended ({seen.state})",
                    style="red",
                )
                return seen, TIMED_OUT
            spinner.update(waiting_for(f"{what}: {seen.state}"))
            time.sleep(min(poll, left))


def upload_looks(ledger: Ledger, model: str, upload_id: str) -> Look:
    """Return a reader of an upload.

    It ends when the upload is trained on, refused, superseded or excluded, or a run came to no decision about it.
    """

    def look() -> Observation:
        upload = ledger.upload(model, upload_id)
        if upload is None:
            return Observation("UPLOADED", "uploaded; its event is on the way")
        return Observation(
            upload.state,
            _upload_text(upload, ledger),
            ended=upload.state in ENDS or is_undecided(upload),
            good=upload.state is UploadState.TRAINED,
            record=asdict(upload),
        )

    return look


def run_looks(ledger: Ledger, model: str, run_id: str) -> Look:
    """Return a reader of a run, which ends with the run."""
    return lambda: seen_run(ledger.run(model, run_id))


def seen_run(run: Run) -> Observation:
    """Return an observation of a run."""
    return Observation(
        run.state,
        run_text(run),
        ended=run.state in runs.FINAL,
        good=run.state is RunState.PROMOTED,
        record=asdict(run),
    )


def latest_looks(ledger: Ledger, model: str, arriving: Callable[[], str]) -> Look:
    """Return a reader of all current work of a model.

    It ends when the newest run has ended and no upload is pending. The outcome is that of the run, unless an
    upload was refused since the run began; otherwise the run's success would be taken for the upload's.

    Parameters
    ----------
    ledger
        Ledger of the stage.
    model
        Name of the model.
    arriving
        Returns the key of a recently stored object that the ledger does not have yet; empty when there is
        none.
    """

    def look() -> Observation:
        newest, uploads = next(iter(ledger.runs(model, 1)), None), ledger.uploads(model)
        seen = Observation("NO RUN", f"{model} has no run yet") if newest is None else seen_run(newest)
        if newest is not None and not seen.ended:
            return seen
        if coming := pending.to_come(uploads, newest):
            return Observation("NEXT", f"{seen.text}; {_coming(coming[0], ledger)}")
        if key := arriving():
            return Observation("NEXT", f"{seen.text}; {key} was uploaded, and its event is on the way")
        if refused := pending.refused_since(uploads, newest):
            first, more = refused[0], len(refused) - 1
            others = f"; {more} more {'upload was' if more == 1 else 'uploads were'} refused" if more else ""
            text = f"{_upload_text(first, ledger)}{others}; before it, {seen.text}"
            return Observation(first.state, text, ended=True, record=asdict(first))
        return seen

    return look


def version_looks(ledger: Ledger, model: str, number: int) -> Look:
    """Return a reader of a version, which ends when it serves, has served or fails."""
    served = {VersionState.LIVE, VersionState.PREVIOUS, VersionState.RETIRED}

    def look() -> Observation:
        version = ledger.version(model, number)
        if version is None:
            return Observation("NOT REGISTERED", f"version {number} is not registered yet")
        text = f"version {number} is {version.state}" + _because(version.reason)
        ended = version.state in served or version.state is VersionState.FAILED
        return Observation(
            version.state, text, ended=ended, good=version.state in served, record=asdict(version)
        )

    return look


def run_text(run: Run) -> str:
    """Describe a run's state in one line."""
    version = f" as version {run.version}" if run.version else ""
    return f"run {run.run_id} is {run.state}{version}{_because(why(run))}"


def why(run: Run) -> str:
    """Describe the reason of a run's state and the decision it waits for; empty when there is neither."""
    waited = pending.decision_on(run)
    late = ", ".join(f"{count} of {table}" for table, count in sorted(run.rows_waiting.items()))
    told = (
        run.reason,
        f"someone has to decide about {waited}" if waited else "",
        f"rows dated later than it began wait for a later run: {late}" if late else "",
        f"{counted(len(run.left_out), 'upload')} left out, older than the spec keeps" if run.left_out else "",
    )
    return "; ".join(filter(None, told))


def _coming(upload: Upload, ledger: Ledger) -> str:
    name = f"upload {upload.upload_id[:12]}"
    if upload.state is UploadState.RECEIVED:
        return f"{name} is being checked"
    if ledger.route(upload.model).frozen:
        return f"{name} waits, because the route is frozen: relearn unfreeze {upload.model}"
    return f"{name} waits for the next run{_because(waiting(upload, datetime.now(UTC)))}"


def _upload_text(upload: Upload, ledger: Ledger) -> str:
    rows = f"{counted(upload.rows_accepted, 'row')} good, {upload.rows_rejected} rejected"
    told = f" ({rows})" if upload.rows_accepted or upload.rows_rejected else ""
    late = waiting(upload, datetime.now(UTC))
    text = f"upload {upload.upload_id[:12]} is {upload.state}{told}{_because(upload.reason)}{_because(late)}"
    if upload.state is UploadState.ACCEPTED:
        newest = next(iter(ledger.runs(upload.model, 1)), None)
        return f"{text}; {run_text(newest)}" if newest else text
    if upload.state is UploadState.TRAINED:
        run = _run_of(upload, ledger)
        return f"{text}; {run_text(run)}" if run else text
    return text


def _run_of(upload: Upload, ledger: Ledger) -> Run | None:
    return next((run for run in ledger.runs(upload.model) if upload.upload_id in run.uploads), None)


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
