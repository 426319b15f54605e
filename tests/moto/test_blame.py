"""What becomes of the uploads of a rejected run: kept without a sure loss, else those to blame fail alone."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.handlers import close_run, open_run
from lambdas.runs import opening
from relearn.lifecycle import retries
from relearn.lifecycle.runs import RunState
from tests.moto.test_sweep import run_sweep
from tests.support.models import FLOWERS_CSV, flowers_csv
from tests.support.world import LambdaContext, World

WORSE, UNDECIDED = (-0.3, -0.1), (-0.2, 0.1)


@pytest.fixture
def serving(world: World) -> World:
    """A stage whose first version serves, and two uploads for the next run."""
    world.send(FLOWERS_CSV, "incoming/flowers/old.csv")
    world.run()
    world.clock.pass_seconds(5)
    world.send(flowers_csv("8,4,tulip"), "incoming/flowers/a.csv")
    world.send(flowers_csv("9,4,tulip"), "incoming/flowers/b.csv")
    return world


def names(world: World) -> dict[str, str]:
    return {one.key.rpartition("/")[2]: one.upload_id for one in world.ledger.uploads("flowers")}


def states(world: World) -> dict[str, str]:
    return {one.key.rpartition("/")[2]: str(one.state) for one in world.ledger.uploads("flowers")}


def says(
    world: World, bounds: tuple[float, float], *, blamed: list[str] | None = None, recipe: bool = False
) -> None:
    """Let the next job report a difference from the champion, and the uploads that are to blame for it."""
    low, high = bounds
    comparison = {
        "difference": (low + high) / 2, "low": low, "high": high, "error": 0.05, "smallest": 0.2,
        "confidence": 0.95, "rows": 210,
    }  # fmt: skip
    trial = {"without": 0.93, "given": 0.71, "high": -0.1, "rows": 210}
    world.lies = {"champion": {"version": 1, "metrics": {"f1_macro": 0.9}, "comparison": comparison}}
    if blamed is not None:
        trials: list[dict[str, Any]] = [
            {**trial, "uploads": [upload_id], "blamed": name in blamed}
            for name, upload_id in names(world).items()
            if name != "old.csv"
        ]
        world.lies["blame"] = {"trials": trials, "recipe": recipe, "fits": 3, "stopped": ""}
    world.score["flowers"] = 0.8


def test_the_upload_to_blame_fails_with_figures_and_a_run_starts_with_the_others(serving: World) -> None:
    says(serving, WORSE, blamed=["a.csv"])
    run = serving.run()
    assert run.state is RunState.REJECTED
    assert (
        f"to blame: upload {names(serving)['a.csv'][:12]} (without it: f1_macro 0.9300, with it: 0.7100"
        in run.reason
    )
    assert states(serving) == {"old.csv": "TRAINED", "a.csv": "FAILED", "b.csv": "ACCEPTED"}
    bad = serving.ledger.upload("flowers", names(serving)["a.csv"])
    assert bad is not None
    assert bad.reason == (
        f"rejected by run {run.run_id}, to blame for its loss: "
        "without it: f1_macro 0.9300, with it: 0.7100 on 210 held-out rows"
    )
    serving.lies, serving.score["flowers"] = {}, 0.95
    following = serving.run()
    assert (following.state, following.uploads) == (RunState.PROMOTED, (names(serving)["b.csv"],))
    assert states(serving)["b.csv"] == "TRAINED"


def test_closing_again_moves_nobody_else(serving: World) -> None:
    says(serving, WORSE, blamed=["a.csv"])
    run = serving.run()
    close_run.flow().close("flowers", run.run_id, RunState.REJECTED, run.reason)
    assert states(serving) == {"old.csv": "TRAINED", "a.csv": "FAILED", "b.csv": "ACCEPTED"}


def test_where_no_upload_is_to_blame_all_of_the_run_fail(serving: World) -> None:
    says(serving, WORSE, blamed=[])
    run = serving.run()
    assert run.reason.endswith("no upload alone makes the difference")
    assert states(serving) == {"old.csv": "TRAINED", "a.csv": "FAILED", "b.csv": "FAILED"}


def test_where_the_recipe_is_to_blame_no_upload_fails(serving: World) -> None:
    says(serving, WORSE, blamed=[], recipe=True)
    run = serving.run()
    assert run.state is RunState.REJECTED
    assert states(serving) == {"old.csv": "TRAINED", "a.csv": "ACCEPTED", "b.csv": "ACCEPTED"}


def test_uploads_of_an_undecided_run_wait_and_join_the_next(serving: World) -> None:
    says(serving, UNDECIDED)
    run = serving.run()
    assert run.state is RunState.REJECTED
    assert run.reason.endswith("its new uploads stay and join the next run")
    assert states(serving) == {"old.csv": "TRAINED", "a.csv": "ACCEPTED", "b.csv": "ACCEPTED"}
    assert serving.ledger.lock("flowers") is None
    waiting = serving.ledger.upload("flowers", names(serving)["a.csv"])
    assert waiting is not None
    assert (waiting.run_id, waiting.reason) == (run.run_id, f"no decision by run {run.run_id}: {run.reason}")
    run_sweep(serving)
    assert serving.ledger.lock("flowers") is None, "the same data is not judged twice"
    serving.lies, serving.score["flowers"] = {}, 0.95
    serving.send(flowers_csv("7,4,tulip"), "incoming/flowers/c.csv")
    following = serving.run()
    assert len(following.uploads) == 3
    assert set(states(serving).values()) == {"TRAINED"}


def test_a_person_may_have_undecided_uploads_judged_at_once(serving: World) -> None:
    says(serving, UNDECIDED)
    serving.run()
    serving.clock.pass_seconds(5)
    waiting = serving.ledger.upload("flowers", names(serving)["a.csv"])
    assert waiting is not None
    serving.ingest(retries.message("flowers", [waiting]))
    serving.lies, serving.score["flowers"] = {}, 0.95
    assert len(serving.run().uploads) == 2


def test_the_job_is_told_which_uploads_are_on_trial(serving: World) -> None:
    event = {"model": "flowers", "run_id": serving.latest().run_id}
    told = open_run.handler(event, LambdaContext())["hyperparameters"]["on_trial"].split()
    assert sorted(told) == sorted(found[:16] for name, found in names(serving).items() if name != "old.csv")


@pytest.mark.parametrize(("uploads", "characters"), [(1, 16), (140, 16), (200, 11), (277, 8), (278, 0)])
def test_of_many_uploads_on_trial_the_job_is_told_fewer_characters_and_of_too_many_none(
    uploads: int, characters: int
) -> None:
    told = opening._on_trial([f"{at:032x}" for at in range(uploads)])
    assert len(told) <= 2_500
    assert {len(one) for one in told.split()} == ({characters} if characters else set())


def test_where_nobody_could_look_for_the_upload_to_blame_none_fails(serving: World) -> None:
    says(serving, WORSE)
    run = serving.run()
    assert run.state is RunState.REJECTED
    assert run.reason.endswith(
        "; which upload is to blame is not known; its new uploads stay and join the next run, unless a person excludes them"
    )
    assert states(serving) == {"old.csv": "TRAINED", "a.csv": "ACCEPTED", "b.csv": "ACCEPTED"}


def test_where_the_search_for_the_upload_to_blame_ended_early_none_fails(serving: World) -> None:
    says(serving, WORSE, blamed=[])
    serving.lies["blame"]["stopped"] = "the job had no time for more than 2 fits"
    serving.run()
    assert states(serving) == {"old.csv": "TRAINED", "a.csv": "ACCEPTED", "b.csv": "ACCEPTED"}


def test_an_upload_that_a_person_brought_back_is_not_blamed_again_without_a_person(serving: World) -> None:
    says(serving, WORSE, blamed=["a.csv"])
    serving.run()
    serving.score["flowers"] = 0.95
    serving.lies = {}
    serving.run()
    serving.clock.pass_seconds(5)
    bad = serving.ledger.upload("flowers", names(serving)["a.csv"])
    assert bad is not None
    assert "waits for a person's approval" in retries.outlook(bad, serving.clock.now)
    serving.ingest(retries.message("flowers", [bad]))
    says(serving, WORSE, blamed=["a.csv"])
    serving.lies["champion"]["version"] = 2
    examples = [[12, "rose", "tulip", 15], [17, "rose", "tulip", 21]]
    serving.lies["blame"]["trials"] = [
        {**one, "examples": examples}
        for one in serving.lies["blame"]["trials"]
        if one["uploads"] == [names(serving)["a.csv"]]
    ]
    serving.notifications()
    run = serving.run()
    assert run.contradicts
    (asked,) = [one for one in serving.notifications() if "waits for approval" in one["Subject"]]
    told = (
        f"\n\nUpload {bad.upload_id[:12]}, a.csv: without it: f1_macro 0.9300, with it: 0.7100 on 210 held-out rows; "
        "for example its lines 15 (rose; the champion says tulip), 21 (rose; the champion says tulip).\n\n"
    )
    assert told in asked["Message"]
    assert RunState.AWAITING_APPROVAL in run.times
    assert "expired: nobody decided within 72 hours" in run.reason
    again = serving.ledger.upload("flowers", names(serving)["a.csv"])
    assert again is not None
    assert "to blame for its loss (version 3 expired" in again.reason
