"""Triggers of each class of faults: armed once, lasting for a time, or an immediate action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tests.chaos import data
from tests.chaos.acts import ODD, Acts
from tests.chaos.faults import APPROVAL, PROCESSES, SERVING
from tests.chaos.models import APPROVAL_HOURS, ASKED

OUTAGES = frozenset({*SERVING} - {"record_sent_twice"})
"""Faults that last for some seconds; all others strike once."""
FUNCTIONS = (
    *(
        "ingest",
        "open_run",
        "check_data",
        "judge",
        "register",
        "deploy",
        "smoke",
        "publish",
        "advance",
        "watch",
    ),
    *("promote", "retire", "close_run", "fail_run", "sweep", "record", "operate", "restore", ""),
)
"""Functions that a fault may hit; "" stands for any."""


BURIED_SECONDS = 3000
"""Time after which all tries of a message are over."""


def _two_at_once(acts: Acts, model: str) -> None:
    acts.upload(model)
    acts.upload(model)
    acts.stage.faults.hit("two_within_a_second")


def _during(acts: Acts, model: str) -> None:
    """Upload while a run of the model is under way."""
    lock = acts.stage.world.ledger.lock(model)
    if lock is not None:
        acts.upload(model)
        acts.stage.faults.hit("upload_during_a_run")


def _overwritten(acts: Acts, model: str) -> None:
    acts.upload(model, name="same")
    acts.upload(model, name="same")
    acts.stage.faults.hit("overwritten_before_read")


def _deleted(acts: Acts, model: str) -> None:
    acts.delete(acts.upload(model))
    acts.stage.faults.hit("deleted_before_read")


def _odd(acts: Acts, model: str) -> None:
    acts.upload(model, name=ODD)
    acts.stage.faults.hit("odd_key")


def _multipart(acts: Acts, model: str) -> None:
    acts.upload(model, multipart=True)
    acts.stage.faults.hit("multipart")


def _bury(acts: Acts) -> None:
    """Ensure that there are dead letters."""
    if not acts.stage.queues.queues["ingest"].dead:
        acts.poison_message()
        acts.stage.agenda.pass_seconds(BURIED_SECONDS)


def _replayed(acts: Acts, _model: str) -> None:
    _bury(acts)
    if acts.stage.queues.replay("ingest"):
        acts.stage.faults.hit("dead_letters_replayed")


def _replayed_twice(acts: Acts, _model: str) -> None:
    """Replay dead letters twice, as two people do without knowing of each other."""
    _bury(acts)
    letters = [letter.body for letter in acts.stage.queues.queues["ingest"].dead]
    if acts.stage.queues.replay("ingest"):
        for body in letters:
            acts.stage.queues.send("ingest", body)
        acts.stage.faults.hit("dead_letters_replayed_twice")


def _record_twice(acts: Acts, model: str) -> None:
    """Deliver a message of the records queue a second time."""
    acts.predict(model)
    queue = acts.stage.queues.queues["record"]
    if queue.messages:
        acts.stage.queues.send("record", queue.messages[-1].body)
        acts.stage.faults.hit("record_sent_twice")


def _vanish(acts: Acts, model: str) -> None:
    acts.vanish(model)


def _two_versions(acts: Acts, model: str) -> None:
    """Train two versions, so that there is a version to roll back to."""
    for _ in range(2):
        acts.upload(model)
        acts.stage.agenda.pass_seconds(A_RUN)


def _to_be_approved(name: str) -> Callable[[Acts, str], object]:
    def act(acts: Acts, _model: str) -> None:
        stage = acts.stage
        if name == "approval_overtaken":
            _two_versions(acts, ASKED.name)
        stage.faults.arm(name)
        acts.upload(ASKED.name)
        stage.agenda.pass_seconds(A_RUN + (3600 * APPROVAL_HOURS if name == "approval_unanswered" else 0))

    return act


def _upload_of(kind: str) -> Callable[[Acts, str], object]:
    return lambda acts, model: acts.upload(model, kind)


ACTS: Mapping[str, Callable[[Acts, str], object]] = {
    "two_within_a_second": _two_at_once,
    "upload_during_a_run": _during,
    "overwritten_before_read": _overwritten,
    "deleted_before_read": _deleted,
    "odd_key": _odd,
    "folder_marker": Acts.folder_marker,
    "multipart": _multipart,
    "future_rows": Acts.future_rows,
    "slow_files": Acts.slow_files,
    "long_reasons": Acts.long_reason,
    "two_names": Acts.two_names,
    "kept_cloud_killed": Acts.kill_kept_cloud,
    "own_output": Acts.own_output,
    "poison_message": lambda acts, _: acts.poison_message(),
    "dead_letters_replayed": _replayed,
    "dead_letters_replayed_twice": _replayed_twice,
    "record_sent_twice": _record_twice,
    "endpoint_vanished": _vanish,
    **{name: _upload_of(name) for name in data.BAD},
    **{name: _to_be_approved(name) for name in APPROVAL},
}
"""Immediate actions; classes that are neither here nor outages are armed."""
OF_A_FUNCTION = frozenset({*PROCESSES} - {"notification_lost"})
"""Faults that hit one function."""
FREQUENT = OF_A_FUNCTION - {"invoked_twice"}
"""Faults with many chances in every run, because each call of AWS is one."""


CLEANED = ("cleanup_partial", "config_in_use")
"""Faults that strike only when an endpoint is removed, that of the version before the previous one."""
A_RUN = 330
"""Seconds from an upload to the end of its run, if nothing goes wrong."""


@dataclass(frozen=True)
class Trouble:
    """A fault to trigger.

    Parameters
    ----------
    name, model
        Class of the fault, and its model where it concerns one.
    skip, worker
        Number of chances to skip (at most one where there are few), and function to hit.
    seconds
        Duration of an outage.
    """

    name: str
    model: str
    skip: int = 0
    worker: str = ""
    seconds: int = 30


def bring(acts: Acts, trouble: Trouble) -> None:
    """Trigger a fault, and do what it can strike."""
    name, faults = trouble.name, acts.stage.faults
    acts.stage.history.note(f"trouble: {trouble}")
    if name in ACTS:
        ACTS[name](acts, trouble.model)
    elif name in OUTAGES:
        faults.last(name, acts.stage.clock.now + timedelta(seconds=trouble.seconds))
        acts.predict(trouble.model)
    else:
        if name == "champion_changed":
            _two_versions(acts, trouble.model)
        skip = trouble.skip if name in FREQUENT else trouble.skip % 2
        faults.arm(name, skip, *([trouble.worker] if trouble.worker and name in OF_A_FUNCTION else []))
        for _ in range(3 if name in CLEANED else 1):
            acts.upload(trouble.model)
            acts.stage.agenda.pass_seconds(A_RUN if name in CLEANED else 0)
