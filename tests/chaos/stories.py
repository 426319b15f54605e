"""Sequences of actions in which an error of our code would show; without an error each ends well."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos import data
from tests.chaos.acts import Acts
from tests.chaos.kills import kill
from tests.chaos.models import ASKED
from tests.chaos.troubles import A_RUN, Trouble, bring

MODEL = "flowers"
BEFORE_WRITING = 3
"""Calls of a promotion before its write: it reads the version, the run and the route."""
Story = Callable[[Acts], None]


def one(acts: Acts) -> None:
    """One version is trained, serves, and answers a request."""
    acts.upload(MODEL)
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.predict(MODEL)


def three(acts: Acts) -> None:
    """Three versions serve one after the other, each answers, and the first is then retired."""
    for _ in range(3):
        one(acts)
    acts.stage.agenda.pass_seconds(60)


def troubled(name: str, *, skip: int = 0, worker: str = "", versions: int = 1) -> Story:
    """Return the story of one trouble, after a number of versions."""

    def story(acts: Acts) -> None:
        for _ in range(versions):
            one(acts)
        bring(acts, Trouble(name, MODEL, skip, worker))
        acts.stage.agenda.pass_seconds(A_RUN)
        acts.predict(MODEL)

    return story


def asked_of(model: str) -> Story:
    """Return the story of two versions of another model, each answering a request."""

    def story(acts: Acts) -> None:
        for _ in range(2):
            acts.upload(model)
            acts.stage.agenda.pass_seconds(2 * A_RUN)
            acts.predict(model)

    return story


def given_back(acts: Acts) -> None:
    """The champion's endpoint vanishes, and the sweep has it created again."""
    one(acts)
    acts.vanish(MODEL)
    acts.stage.agenda.pass_seconds(3 * A_RUN)
    acts.predict(MODEL)


def by_hand(acts: Acts) -> None:
    """A person rolls back, freezes and unfreezes the route, and the next version is promoted over it."""
    one(acts)
    one(acts)
    acts.change(MODEL, "rollback")
    acts.change(MODEL, "freeze")
    acts.change(MODEL, "unfreeze")
    one(acts)


def overruled(acts: Acts) -> None:
    """One person rejects between another's read of the version and her approval."""
    acts.stage.asked = lambda: None
    acts.upload(ASKED.name)
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.stage.calls.meanwhile = lambda: acts.people.decide(ASKED.name, 1, "reject", "ben")
    acts.stage.faults.arm("interleaved", 0, "operate", operation="UpdateItem")
    acts.people.decide(ASKED.name, 1, "approve", "ann")
    acts.stage.agenda.pass_seconds(A_RUN)


def told_again(acts: Acts) -> None:
    """Every event is delivered again after the run."""
    one(acts)
    acts.repeat_events()
    acts.stage.agenda.pass_seconds(A_RUN)


def beaten(acts: Acts) -> None:
    """A person rolls back between a promotion's read of the route and its write."""
    one(acts)
    one(acts)
    acts.stage.calls.meanwhile = lambda: acts.change(MODEL, "rollback")
    acts.stage.faults.arm("interleaved", BEFORE_WRITING, "promote")
    one(acts)


def frozen(acts: Acts) -> None:
    """A person freezes the route during a run."""
    one(acts)
    acts.upload(MODEL)
    acts.stage.agenda.pass_seconds(60)
    acts.change(MODEL, "freeze")
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.change(MODEL, "unfreeze")
    acts.stage.agenda.pass_seconds(A_RUN)


def misreported(acts: Acts) -> None:
    """A job on bad labels writes a report of another snapshot with better metrics."""
    one(acts)
    acts.stage.faults.arm("report_of_another_snapshot")
    bring(acts, Trouble("labels_flipped", MODEL))
    acts.stage.agenda.pass_seconds(A_RUN)


def poisoned(acts: Acts) -> None:
    """Two good versions serve; then fifty times as many rows arrive with the other labels, and nobody approves anything."""
    acts.stage.asked = lambda: None
    one(acts)
    one(acts)
    acts.store(MODEL, data.poison(3, max(data.POISON_TIMES), 1.0), kind="labels_poisoned")
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.predict(MODEL)


def refused_then_good(acts: Acts) -> None:
    """Data is quarantined, then good data is trained on."""
    bring(acts, Trouble("label_unknown", MODEL))
    acts.stage.agenda.pass_seconds(60)
    one(acts)


def in_between(acts: Acts) -> None:
    """Data arrives during a run."""
    acts.upload(MODEL)
    acts.stage.agenda.pass_seconds(60)
    one(acts)


def kept(acts: Acts) -> None:
    """A laptop cloud is killed close to the end of two runs."""
    one(acts)
    one(acts)
    acts.kills.append(kill(acts.stage, -2))


def ahead(acts: Acts) -> None:
    """Rows of the future arrive and are present in two runs."""
    for _ in range(2):
        bring(acts, Trouble("future_rows", MODEL))
        acts.stage.agenda.pass_seconds(A_RUN)


def slowed(acts: Acts) -> None:
    """Slow files of two models occupy ingest's places, and a third model has a good file."""
    bring(acts, Trouble("slow_files", MODEL))
    acts.stage.agenda.pass_seconds(4 * A_RUN)


def overwritten_by_worse(acts: Acts) -> None:
    """A trained file beside another is overwritten with wrong labels, which no run uses."""
    acts.upload(MODEL)
    acts.upload(MODEL, name="ours")
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.upload(MODEL, "labels_flipped", name="ours")
    acts.stage.agenda.pass_seconds(A_RUN)


def overwritten_alone(acts: Acts) -> None:
    """The only file is overwritten with wrong labels, so that none of the rows held out before is left."""
    acts.upload(MODEL, name="ours")
    acts.stage.agenda.pass_seconds(A_RUN)
    acts.upload(MODEL, "labels_flipped", name="ours")
    acts.stage.agenda.pass_seconds(A_RUN)


def cut_off(operation: str, number: int) -> Story:
    """Return the story of an ingest that dies just after a call; ``number`` counts such calls from 0."""

    def story(acts: Acts) -> None:
        acts.stage.faults.arm("crash_after_a_call", number, "ingest", operation=operation)
        acts.upload(MODEL)
        acts.stage.agenda.pass_seconds(2 * A_RUN)

    return story
