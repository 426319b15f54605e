"""The loop in simulated time: well without faults, at rest after them; errors of ours are noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from relearn.naming import resources
from tests.chaos import cuts, seeds
from tests.chaos.acts import POISON
from tests.chaos.faults import APPROVAL
from tests.chaos.models import ASKED
from tests.chaos.mutants import MUTANTS, Mutant, caught_by
from tests.chaos.run import Run, ViolationError
from tests.chaos.stories import MODEL, one, three
from tests.chaos.troubles import Trouble, bring
from tests.support.world import STAGE

ROOT = Path(__file__).parents[2]
SOME = [
    mutant
    for mutant in MUTANTS
    if mutant.patch.__name__ in ("accept_nan", "unquote_the_key", "sweep_nothing", "supersede_at_once")
]


def test_an_upload_becomes_a_version_that_answers(run: Run) -> None:
    one(run.acts)
    run.end()
    ledger = run.acts.stage.world.ledger
    assert run.acts.stage.world.states_of(MODEL) == ["TRAINED"]
    assert ledger.route(MODEL).champion == 1
    assert run.acts.predict(MODEL) == 200


def test_the_version_before_the_previous_one_is_retired(run: Run) -> None:
    three(run.acts)
    run.end()
    assert set(run.acts.stage.sagemaker.endpoints) == {
        resources.endpoint(STAGE, MODEL, number) for number in (2, 3)
    }


def test_a_candidate_that_is_tried_on_a_few_first_comes_to_serve(run: Run) -> None:
    for _ in range(2):
        run.acts.upload("herbs")
        run.acts.stage.agenda.pass_seconds(600)
    run.end()
    told = [move.change.what for move in run.acts.stage.world.ledger.route_history("herbs", newest=9)]
    assert told == ["promoted", "canary 50 %", "promoted"]


def test_an_endpoint_that_vanished_serves_again(run: Run) -> None:
    one(run.acts)
    run.acts.vanish(MODEL)
    run.end()
    assert run.acts.predict(MODEL) == 200


@pytest.mark.parametrize(
    ("also", "ended"), [((), "PROMOTED"), (("job_failed",), "FAILED"), (("job_stopped_partial",), "FAILED")]
)
def test_a_job_whose_reply_was_lost_is_the_runs_own(run: Run, also: tuple[str, ...], ended: str) -> None:
    stage = run.acts.stage
    for fault in ("training_reply_lost", *also):
        stage.faults.arm(fault)
    run.acts.upload(MODEL)
    stage.agenda.pass_seconds(600)
    first = stage.world.ledger.runs(MODEL, newest=9)[-1]
    assert first.state == ended
    assert next(iter(stage.training.jobs)) == resources.job(STAGE, MODEL, first.run_id)
    assert ended == "FAILED" or len(stage.training.jobs) == 1
    run.end()


def test_a_stopped_job_fails_its_run_whichever_way_its_end_is_reported(run: Run) -> None:
    stage = run.acts.stage
    reasons = set()
    for _ in range(2):  # the first end is reported as a failure of the task, the second as its success
        stage.faults.arm("job_stopped_partial")
        run.acts.upload(MODEL)
        stage.agenda.pass_seconds(600)
        failed = [one for one in stage.world.ledger.runs(MODEL, newest=9) if one.state == "FAILED"]
        reasons |= {one.reason for one in failed}
    run.end()
    assert len(failed) == 2
    assert reasons == {"States.TaskFailed: the training job was stopped (MaxRuntimeExceeded)"}


def test_a_message_that_nobody_can_read_is_a_dead_letter_before_all_rests(run: Run) -> None:
    run.acts.poison_message()
    run.end()
    assert [letter.body for letter in run.acts.stage.queues.queues["ingest"].dead] == [POISON]


def test_everything_comes_to_rest_as_it_should_whatever_goes_wrong() -> None:
    outcome = seeds.run(5, runs=2, shrink=False)  # `make chaos` makes hundreds
    assert outcome.found == [], outcome.story
    assert outcome.runs >= 2
    assert outcome.hits


@pytest.mark.long
def test_the_same_seed_is_the_same_runs() -> None:
    # In processes of their own, as `make chaos` runs them: hypothesis draws on what is imported besides.
    code = "from tests.chaos import seeds; print(sorted(seeds.run(3, runs=1).hits.items()))"
    first, again = (
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    )
    assert first.startswith("[('")
    assert first == again


@pytest.mark.parametrize("mutant", SOME, ids=lambda mutant: str(mutant.patch.__name__))
def test_an_error_of_ours_is_caught_and_without_it_all_is_well(mutant: Mutant) -> None:
    assert caught_by(mutant, mutant.story) != []
    assert caught_by(None, mutant.story) == []


@pytest.mark.parametrize("way", cuts.WAYS)
def test_a_side_effect_that_is_cut_is_made_good(run: Run, way: str) -> None:
    run.acts.stage.faults.arm(way, 0, "promote", operation="TransactWriteItems")
    one(run.acts)
    run.end()
    assert run.acts.stage.faults.hits[way] == 1
    assert run.acts.stage.world.ledger.route(MODEL).champion == 1


def test_every_function_of_a_run_that_writes_has_side_effects_that_are_cut() -> None:
    assert {effect.worker for effect in cuts.of("a version")} >= {
        *("ingest", "open_run", "check_data", "judge", "register", "deploy", "promote", "close_run", "record")
    }


@pytest.mark.parametrize(
    ("trouble", "state", "reason"),
    [
        ("leakage", "FAILED", "leakage: length says kind"),
        ("too_few_of_a_class", "FAILED", "missing_class: the split keeps"),
        ("artifact_tampered", "FAILED", "is not what the job measured"),
        ("metadata_swapped", "FAILED", "it is not what was judged"),
        ("tar_traversal", "FAILED", "is outside of it"),
        ("approval_unanswered", "REJECTED", "nobody decided within 1 hours"),
        ("approval_by_two", "PROMOTED", "approved by arn:aws:iam::123456789012:user/ann"),
        ("approval_event_lost", "PROMOTED", "approved by the Model Registry"),
    ],
)
def test_a_run_ends_with_a_reason_that_names_what_went_wrong(
    run: Run, trouble: str, state: str, reason: str
) -> None:
    model = ASKED.name if trouble in APPROVAL else MODEL
    bring(run.acts, Trouble(trouble, model))
    run.end()
    first = run.acts.stage.world.ledger.runs(model, newest=9)[-1]
    assert (first.state, reason in first.reason) == (state, True), first.reason


def test_a_violation_tells_what_happened(run: Run) -> None:
    stored = run.acts.upload(MODEL)
    run.acts.stage.queues.queues["ingest"].tries = 0
    run.acts.stage.executions.machines.clear()
    with pytest.raises(ViolationError, match=f"no_loss: {stored.key}") as told:
        run.end()
    assert f"upload good {stored.key}" in str(told.value)
