"""What is done to a stage so that an error of ours would show; without the error each ends well."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos.acts import Acts
from tests.chaos.kills import kill
from tests.chaos.models import ASKED
from tests.chaos.troubles import A_RUN, Trouble, bring

MODEL = "flowers"
BEFORE_WRITING = 3
"""Calls of a promotion before its write: it looks at the version, the run and the route."""
Story = Callable[[Acts], None]


def one(acts: Acts) -> None:
    """One version serves, and is asked."""
    acts.upload(MODEL)
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.predict(MODEL)


def three(acts: Acts) -> None:
    """One version after the other serves, each is asked, and by then the first is not needed."""
    for _ in range(3):
        one(acts)
    acts.stage.agenda.pass_seconds(60)


def troubled(name: str, *, skip: int = 0, worker: str = "", versions: int = 1) -> Story:
    """Make the story of one trouble, after so many versions served."""

    def story(acts: Acts) -> None:
        for _ in range(versions):
            one(acts)
        bring(acts, Trouble(name, MODEL, skip, worker))
        acts.stage.agenda.pass_seconds(A_RUN)
        acts.predict(MODEL)

    return story


def asked_of(model: str) -> Story:
    """Make the story of two versions of another model, each asked."""

    def story(acts: Acts) -> None:
        for _ in range(2):
            acts.upload(model)
            acts.stage.agenda.pass_seconds(2 * A_RUN)
            acts.predict(model)

    return story


def given_back(acts: Acts) -> None:
    """The endpoint that answers vanishes, and the sweep has it made again."""
    one(acts)
    acts.vanish(MODEL)
    acts.stage.agenda.pass_seconds(3 * A_RUN)
    acts.predict(MODEL)


def by_hand(acts: Acts) -> None:
    """A person rolls back; the route is frozen and unfrozen, and the next version is promoted over it."""
    one(acts)
    one(acts)
    acts.change(MODEL, "rollback")
    acts.change(MODEL, "freeze")
    acts.change(MODEL, "unfreeze")
    one(acts)


def overruled(acts: Acts) -> None:
    """Of two people one says no between the other's look at the version and her yes."""
    acts.stage.asked = lambda: None
    acts.upload(ASKED.name)
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.stage.calls.meanwhile = lambda: acts.people.decide(ASKED.name, 1, "reject", "ben")
    acts.stage.faults.arm("interleaved", 0, "operate", operation="UpdateItem")
    acts.people.decide(ASKED.name, 1, "approve", "ann")
    acts.stage.agenda.pass_seconds(A_RUN)


def told_again(acts: Acts) -> None:
    """Every event comes a second time when all is done."""
    one(acts)
    acts.repeat_events()
    acts.stage.agenda.pass_seconds(A_RUN)


def beaten(acts: Acts) -> None:
    """A person rolls back between a promotion's look at the route and its write."""
    one(acts)
    one(acts)
    acts.stage.calls.meanwhile = lambda: acts.change(MODEL, "rollback")
    acts.stage.faults.arm("interleaved", BEFORE_WRITING, "promote")
    one(acts)


def frozen(acts: Acts) -> None:
    """A person freezes the route while a run is under way."""
    one(acts)
    acts.upload(MODEL)
    acts.stage.agenda.pass_seconds(60)
    acts.change(MODEL, "freeze")
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.change(MODEL, "unfreeze")
    acts.stage.agenda.pass_seconds(A_RUN)


def misreported(acts: Acts) -> None:
    """A job on bad labels leaves a report with better figures, of another snapshot."""
    one(acts)
    acts.stage.faults.arm("report_of_another_snapshot")
    bring(acts, Trouble("labels_flipped", MODEL))
    acts.stage.agenda.pass_seconds(A_RUN)


def refused_then_good(acts: Acts) -> None:
    """Data is quarantined, and other data is trained on after it."""
    bring(acts, Trouble("label_unknown", MODEL))
    acts.stage.agenda.pass_seconds(60)
    one(acts)


def in_between(acts: Acts) -> None:
    """Data comes while a run is under way."""
    acts.upload(MODEL)
    acts.stage.agenda.pass_seconds(60)
    one(acts)


def kept(acts: Acts) -> None:
    """A laptop cloud in which two versions came to serve is killed at its end, nearly."""
    one(acts)
    one(acts)
    acts.kills.append(kill(acts.stage, -2))


def ahead(acts: Acts) -> None:
    """Rows of the future come, and are there for two runs."""
    for _ in range(2):
        bring(acts, Trouble("future_rows", MODEL))
        acts.stage.agenda.pass_seconds(A_RUN)


def slowed(acts: Acts) -> None:
    """Slow files of two models take ingest's places, and a third model has a good one."""
    bring(acts, Trouble("slow_files", MODEL))
    acts.stage.agenda.pass_seconds(4 * A_RUN)


def overwritten_by_worse(acts: Acts) -> None:
    """What was trained on is overwritten with rows whose labels are wrong: no run uses them."""
    acts.upload(MODEL, name="ours")
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.upload(MODEL, "labels_flipped", name="ours")
    acts.stage.agenda.pass_seconds(A_RUN)


def cut_off(operation: str, number: int) -> Story:
    """Make the story of an ingest that dies just after its call of some kind; ``number`` counts such calls from 0."""

    def story(acts: Acts) -> None:
        acts.stage.faults.arm("crash_after_a_call", number, "ingest", operation=operation)
        acts.upload(MODEL)
        acts.stage.agenda.pass_seconds(2 * A_RUN)

    return story
