"""The loop, handler by handler: what an upload makes of a model."""

from __future__ import annotations

import pytest

from relearn.runs import RunState, VersionState
from relearn.uploads import MAX_ATTEMPTS
from tests.aws.models import FLOWERS_CSV, flowers_csv
from tests.aws.world import World


def test_a_first_upload_becomes_version_1_and_serves(world: World) -> None:
    world.send(FLOWERS_CSV)
    run = world.run()
    assert (run.state, run.version) == (RunState.PROMOTED, 1)
    assert world.ledger.route("flowers").champion == 1
    assert world.states_of() == ["TRAINED"]
    assert list(world.sagemaker.endpoints) == ["relearn-test-flowers-v1"]
    assert world.ledger.lock("flowers") is None


def test_a_promotion_is_told(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    (told,) = world.notifications()
    assert told["MessageAttributes"]["kind"]["Value"] == "promoted"
    assert "meets the spec's bound" in told["Message"]


def test_a_run_records_when_each_state_was_reached(world: World) -> None:
    world.send(FLOWERS_CSV)
    run = world.run()
    item = world.dynamodb.get_item(
        TableName="ledger", Key={"pk": {"S": "MODEL#flowers"}, "sk": {"S": f"RUN#{run.run_id}"}}
    )["Item"]
    times = {state: at["S"] for state, at in item["times"]["M"].items()}
    assert sorted(times, key=lambda state: times[state]) == [
        "DEBOUNCING",
        "TRAINING",
        "JUDGING",
        "DEPLOYING",
        "PROMOTED",
    ]


def test_a_better_upload_becomes_version_2_and_version_1_stays_for_a_rollback(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    world.send(FLOWERS_CSV, "incoming/flowers/more.csv")
    run = world.run()
    route = world.ledger.route("flowers")
    assert (route.champion, route.previous, route.revision) == (2, 1, 2)
    assert run.champion_version == 1
    assert sorted(world.sagemaker.endpoints) == ["relearn-test-flowers-v1", "relearn-test-flowers-v2"]
    states = [version.state for version in world.ledger.versions("flowers")]
    assert states == [VersionState.PREVIOUS, VersionState.LIVE]


def test_the_version_before_the_previous_one_is_retired_as_a_whole(world: World) -> None:
    for number in range(3):
        world.send(FLOWERS_CSV, f"incoming/flowers/{number}.csv")
        world.run()
    kept = ["relearn-test-flowers-v2", "relearn-test-flowers-v3"]
    assert sorted(world.sagemaker.endpoints) == kept
    assert sorted(world.sagemaker.configs) == kept
    assert sorted(world.sagemaker.models) == kept
    first = world.ledger.version("flowers", 1)
    assert first is not None
    assert (first.state, first.endpoint) == (VersionState.RETIRED, "")


def test_two_uploads_before_a_run_opens_are_one_run(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    world.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    assert len(world.executions()) == 1
    run = world.run()
    assert len(run.snapshot) == 2
    assert world.states_of() == ["TRAINED", "TRAINED"]
    assert world.ledger.lock("flowers") is None


def test_an_upload_during_a_run_is_trained_by_the_next_one_by_itself(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    first = world.ledger.lock("flowers")
    assert first is not None
    world.sagemaker.brain = _Brain(world, 200)
    assert world.run().state is RunState.PROMOTED
    second = world.ledger.lock("flowers")
    assert second is not None
    assert second.run_id != first.run_id
    run = world.run()
    assert len(run.snapshot) == 2
    assert world.states_of() == ["TRAINED", "TRAINED"]


def test_a_newer_version_of_an_object_takes_the_place_of_the_older_in_the_snapshot(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    world.send(flowers_csv("8,4,tulip"))
    run = world.run()
    assert world.states_of() == ["SUPERSEDED", "TRAINED"]
    (newer,) = run.snapshot
    old = next(upload for upload in world.ledger.uploads("flowers") if upload.state == "SUPERSEDED")
    assert old.reason == f"by {newer}"


def test_of_two_pending_versions_of_an_object_the_one_s3_calls_newer_is_trained_whatever_comes_first(
    world: World,
) -> None:
    older = world.put("incoming/flowers/a.csv", FLOWERS_CSV)
    newer = world.put("incoming/flowers/a.csv", flowers_csv("8,4,tulip"))
    world.ingest(newer, older)
    world.run()
    assert world.states_of() == ["TRAINED", "SUPERSEDED"]


def test_a_worse_candidate_is_rejected_and_its_data_never_reaches_a_later_snapshot(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/good.csv")
    world.run()
    world.champions = {1: 0.9}
    world.score["flowers"] = 0.85
    world.send(FLOWERS_CSV, "incoming/flowers/poison.csv")
    rejected = world.run()
    assert rejected.state is RunState.REJECTED
    assert "0.8500 against the champion's 0.9000" in rejected.reason
    assert world.ledger.route("flowers").champion == 1
    assert list(world.sagemaker.endpoints) == ["relearn-test-flowers-v1"]
    poison = next(u for u in world.ledger.uploads("flowers") if u.key.endswith("poison.csv"))
    assert (poison.state, poison.reason) == (
        "FAILED",
        f"rejected by run {rejected.run_id}: {rejected.reason}",
    )
    world.score["flowers"] = 0.95
    world.send(FLOWERS_CSV, "incoming/flowers/better.csv")
    assert poison.upload_id not in world.run().snapshot


def test_a_rejected_replacement_leaves_the_object_it_would_have_replaced_in_use(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    world.champions = {1: 0.9}
    world.score["flowers"] = 0.85
    world.send(flowers_csv("8,4,rose"))
    world.run()
    assert world.states_of() == ["TRAINED", "FAILED"]


def test_a_first_model_below_the_absolute_minimum_never_serves(world: World) -> None:
    world.score["flowers"] = 0.5
    world.send(FLOWERS_CSV)
    assert world.run().state is RunState.REJECTED
    assert world.ledger.route("flowers").champion == 0
    assert world.sagemaker.packages == {}


@pytest.mark.parametrize(
    "step", ["open", "training", "judgement", "registration", "endpoint", "smoke", "promotion"]
)
def test_a_run_that_breaks_leaves_the_champion_and_names_the_reason(world: World, step: str) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    world.run()
    world.notifications()
    world.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    run = world.run(broken=step)
    assert (run.state, run.reason) == (RunState.FAILED, f"RuntimeError: {step} broke")
    assert world.ledger.route("flowers").champion == 1
    assert list(world.sagemaker.endpoints) == ["relearn-test-flowers-v1"]
    assert world.states_of() == ["TRAINED", "ACCEPTED"]
    assert world.ledger.lock("flowers") is None
    assert [told["MessageAttributes"]["kind"]["Value"] for told in world.notifications()] == ["failed"]


def test_a_failure_after_the_route_moved_is_a_promotion(world: World) -> None:
    world.send(FLOWERS_CSV)
    run = world.run(broken="retired")
    assert run.state is RunState.PROMOTED
    assert world.states_of() == ["TRAINED"]


def test_a_candidate_that_was_registered_before_the_run_broke_is_failed(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run(broken="smoke")
    version = world.ledger.version("flowers", 1)
    assert version is not None
    assert (version.state, version.reason, version.endpoint) == (
        VersionState.FAILED,
        "RuntimeError: smoke broke",
        "",
    )
    assert (world.sagemaker.endpoints, world.sagemaker.configs, world.sagemaker.models) == ({}, {}, {})


def test_a_failed_run_is_not_started_again_for_the_same_uploads(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run(broken="training")
    assert len(world.executions()) == 1


def test_a_failed_run_is_followed_by_one_for_the_uploads_that_came_meanwhile(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    container = world.sagemaker.brain
    world.sagemaker.brain = _Brain(world, 500)
    assert world.run().state is RunState.FAILED
    assert world.ledger.lock("flowers") is not None
    world.sagemaker.brain = container
    assert len(world.run().snapshot) == 2


def test_an_upload_fails_for_good_after_too_many_failed_runs(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/0.csv")
    for number in range(1, MAX_ATTEMPTS + 1):
        world.run(broken="training")
        if number < MAX_ATTEMPTS:
            world.send(FLOWERS_CSV, f"incoming/flowers/{number}.csv")
    first = next(u for u in world.ledger.uploads("flowers") if u.key.endswith("/0.csv"))
    assert (first.state, first.attempts) == ("FAILED", MAX_ATTEMPTS)
    assert "3 runs with it failed" in first.reason


def test_an_endpoint_that_takes_its_time_is_waited_for(world: World) -> None:
    world.sagemaker.creating = 5
    world.send(FLOWERS_CSV)
    assert world.run().state is RunState.PROMOTED


def test_an_endpoint_that_fails_fails_the_run_with_its_reason(world: World) -> None:
    world.sagemaker.fail_with = "the container did not pass the ping health check"
    world.send(FLOWERS_CSV)
    run = world.run()
    assert run.state is RunState.FAILED
    assert "did not pass the ping health check" in run.reason
    assert world.sagemaker.endpoints == {}


def test_a_version_that_answers_nonsense_is_never_promoted(world: World) -> None:
    world.sagemaker.brain = lambda _endpoint, _body: (200, {"version": 1, "predictions": [{"label": "oak"}]})
    world.send(FLOWERS_CSV)
    run = world.run()
    assert run.state is RunState.FAILED
    assert run.reason.startswith("ModelFailedError")
    assert world.ledger.route("flowers").champion == 0


def test_a_regression_goes_the_same_way(world: World) -> None:
    world.send(b"area,price\n50,100\n60,120\n", "incoming/prices/a.csv")
    assert world.run("prices").state is RunState.PROMOTED
    assert world.ledger.route("prices").champion == 1
    assert world.ledger.route("flowers").champion == 0


class _Brain:
    """A container during whose first smoke test another upload arrives."""

    def __init__(self, world: World, status: int) -> None:
        self.world = world
        self.after = world.sagemaker.brain
        self.status = status
        self.calls = 0

    def __call__(self, endpoint: str, body: dict[str, object]) -> tuple[int, object]:
        self.calls += 1
        if self.calls == 1:
            self.world.send(FLOWERS_CSV, "incoming/flowers/meanwhile.csv")
            if self.status != 200:
                return self.status, {}
        return self.after(endpoint, body)
