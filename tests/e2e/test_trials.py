"""A candidate is tried under load, by real processes: one that does harm is withdrawn by itself, a good one serves."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.e2e.asking import Load, constantly_asked
from tests.e2e.client import ENDS, Item, Stage, csv_bytes, rows
from tests.e2e.flowers import MORE, elsewhere, relearned
from tests.e2e.killing import processes
from tests.e2e.variants import TRIED, Variants

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.long]

MODEL = TRIED
PAUSE = 0.4  # training runs on the same machine
STOPPED_SECONDS, KILLED_SECONDS = 0.9, 0.2


@pytest.fixture(scope="module")
def tried(variants: Variants) -> Stage:
    """A stage whose candidates are shadowed and then tried on a fifth and on half of the requests."""
    stage = variants.stage
    stage.wait_until_served(MODEL)
    return stage


def moves(stage: Stage) -> list[str]:
    """What was done to the route, oldest first."""
    history = stage.http(f"/v1/models/{MODEL}/route")[2]["history"]
    return [one["what"] for one in reversed(history)]


def tries(stage: Stage, upload: str) -> Item:
    """Wait until the candidate that an upload made gets requests; gives the route."""

    def look() -> Item | None:
        found: Item = stage.http(f"/v1/models/{MODEL}/route")[2]
        ended = stage.ended_run(MODEL, upload)
        assert ended is None, ended
        return found if found["weight"] else None

    return stage.wait("a canary", look)


def serving(stage: Stage) -> set[int]:
    """The processes below the stage's cloud that serve a version."""
    assert stage.described_by is not None
    return set(processes(json.loads(stage.described_by.read_text())["pid"])["endpoint"])


def signalled(found: set[int], *signals: signal.Signals) -> None:
    for number in signals:
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, number)
        time.sleep(STOPPED_SECONDS if number == signal.SIGSTOP else KILLED_SECONDS)


@contextmanager
def harmed(harm: Callable[[], None]) -> Iterator[None]:
    """Do harm again and again until the block is left."""
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            harm()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def rolled_back(stage: Stage, upload: str) -> Item:
    run = stage.run_of(MODEL, upload, *ENDS)
    assert run["state"] == "ROLLED_BACK", run
    stage.wait("iris at rest", lambda: stage.at_rest(MODEL))
    return run


def assert_unharmed(load: Load, run: Item, moved: list[str]) -> None:
    """Nobody met a failure, and the first step of the canary was the candidate's last."""
    assert load.failed == []
    assert load.seen[-1].version != run["version"]
    assert moved[-2:] == ["canary 20 %", "withdrawn"]


@pytest.mark.parametrize(
    ("signals", "why"),
    [
        pytest.param((signal.SIGKILL,), "requests failed", id="fails"),
        pytest.param((signal.SIGSTOP, signal.SIGCONT), "p95 of ", id="is slow"),
    ],
)
def test_a_candidate_that_does_harm_is_withdrawn_within_the_first_step(
    tried: Stage, signals: tuple[signal.Signals, ...], why: str
) -> None:
    others = serving(tried)
    with constantly_asked(tried, MODEL, pause=PAUSE) as load:
        upload = tried.put(MODEL, "more.csv", MORE.read_bytes())
        tries(tried, upload)
        with harmed(lambda: signalled(serving(tried) - others, *signals)):  # the candidate's, again and again
            run = rolled_back(tried, upload)
    assert_unharmed(load, run, moves(tried))
    assert why in run["reason"]
    assert tried.upload(MODEL, upload)["state"] == "FAILED"  # type: ignore[index]


def test_a_candidate_that_answers_otherwise_is_withdrawn_although_its_figures_were_better(
    tried: Stage,
) -> None:
    relabelled = relearned(150) + list(rows(MORE))
    with constantly_asked(tried, MODEL, elsewhere(4, seed=2), pause=PAUSE) as load:
        run = rolled_back(tried, tried.put(MODEL, "relabelled.csv", csv_bytes(relabelled)))
    assert load.failed == []
    assert load.versions() == {1}
    assert run["reason"].startswith("shadow: not one of ")
    assert "answers is the champion's; yet version" in run["reason"]


def test_a_shadow_changes_no_answer_and_its_agreement_is_written_down(tried: Stage) -> None:
    with constantly_asked(tried, MODEL, pause=PAUSE) as load:
        before = load_of(load, tried)
        upload = tried.put(MODEL, "more.csv", MORE.read_bytes())
        shadowed = tried.wait("a shadow", lambda: shadow(tried))
        counted = tried.wait("copies", lambda: compared(tried, shadowed))
        run = tried.run_of(MODEL, upload, *ENDS)
    assert (run["state"], load.failed) == ("PROMOTED", [])
    assert moves(tried)[-4:] == ["shadow", "canary 20 %", "canary 50 %", "promoted"]
    of_champion = [one.outputs for one in load.seen if one.version == 1]
    assert all(one == before for one in of_champion)
    assert 0 < counted["equal"] <= counted["compared"]
    assert counted["distance"] > 0  # another model, which agrees on the labels


def load_of(load: Load, stage: Stage) -> list[Item]:
    return stage.wait("an answer", lambda: load.seen[0].outputs if load.seen else None)


def shadow(stage: Stage) -> Item | None:
    found: Item = stage.http(f"/v1/models/{MODEL}/route")[2]
    return found if found["shadow"] else None


def compared(stage: Stage, route: Item) -> Item | None:
    """What was counted of a shadowed candidate, once some of its answers were compared."""
    key = {"pk": f"LIVE#{MODEL}", "sk": f"{route['revision']:09d}#{route['candidate']}"}
    item: Item = stage.ledger.get_item(Key=key).get("Item", {})
    return item if item.get("compared", 0) else None
