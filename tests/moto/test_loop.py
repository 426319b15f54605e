"""The loop, handler by handler: what an upload makes of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.handlers import deploy, judge, open_run, register, retire
from relearn.data import contents, snapshots
from relearn.errors import ArtifactError, ConflictError, DataError
from relearn.lifecycle import uploads
from relearn.lifecycle.runs import RunState, VersionState
from relearn.lifecycle.uploads import MAX_ATTEMPTS, UploadState
from relearn.naming import s3_keys
from relearn.traffic.route import Route
from tests.support.models import FLOWERS_CSV, flowers_csv
from tests.support.world import ARTIFACTS, FUNCTIONS, LAKE, MOVED, LambdaContext, World, tar_gz


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


def test_a_newer_version_that_comes_during_a_run_is_trained_by_the_next_one(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.sagemaker.brain = _Brain(world, 200, key="incoming/flowers/data.csv")
    assert world.run().state is RunState.PROMOTED
    assert world.states_of() == ["TRAINED", "ACCEPTED"]
    run = world.run()
    assert world.states_of() == ["SUPERSEDED", "TRAINED"]
    assert len(run.snapshot) == 1


def test_of_two_pending_versions_of_an_object_the_one_s3_calls_newer_is_trained_whatever_comes_first(
    world: World,
) -> None:
    older = world.put("incoming/flowers/a.csv", FLOWERS_CSV)
    newer = world.put("incoming/flowers/a.csv", flowers_csv("8,4,tulip"))
    world.ingest(newer, older)
    world.run()
    assert world.states_of() == ["TRAINED", "SUPERSEDED"]


def test_an_upload_that_replaces_another_says_so_in_the_ledger_and_to_people(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    world.notifications()
    (first,) = world.ledger.uploads("flowers")
    world.send(flowers_csv("8,4,tulip"))
    second = next(one for one in world.ledger.uploads("flowers") if one.upload_id != first.upload_id)
    assert second.replaces == first.upload_id
    assert second.reason.startswith(f"replaces upload {first.upload_id[:12]} (20 rows, received ")
    (told,) = world.notifications()
    assert told["MessageAttributes"]["kind"]["Value"] == "replaced"
    assert first.upload_id[:12] in told["Message"]


@pytest.mark.parametrize("name", ["data.csv", "other.csv"])
def test_the_same_content_again_is_said_and_starts_no_run(world: World, name: str) -> None:
    world.ingest(world.put("incoming/flowers/data.csv", FLOWERS_CSV, same=True))
    run = world.run()
    (first,) = world.ledger.uploads("flowers")
    world.ingest(world.put(f"incoming/flowers/{name}", FLOWERS_CSV, same=True))
    again = next(one for one in world.ledger.uploads("flowers") if one.upload_id != first.upload_id)
    assert (again.state, again.same_as, again.run_id) == (UploadState.TRAINED, first.upload_id, run.run_id)
    assert again.reason.startswith(f"the same content as upload {first.upload_id[:12]} (data.csv, received ")
    assert again.sha256 == hashlib.sha256(FLOWERS_CSV).hexdigest()
    assert world.ledger.lock("flowers") is None


def test_the_same_content_under_two_names_counts_once_and_outlives_either(world: World) -> None:
    for name in ("a.csv", "b.csv"):
        world.ingest(world.put(f"incoming/flowers/{name}", FLOWERS_CSV, same=True))
    assert len(world.run().snapshot) == 1
    assert world.states_of() == ["TRAINED", "TRAINED"]
    world.send(flowers_csv("8,4,tulip"), "incoming/flowers/a.csv")
    run = world.run()
    assert world.states_of() == ["SUPERSEDED", "TRAINED", "TRAINED"]
    assert len(run.snapshot) == 2


def test_the_same_content_that_came_during_the_run_that_used_it_is_trained_on_by_no_other(
    world: World,
) -> None:
    world.ingest(world.put("incoming/flowers/a.csv", FLOWERS_CSV, same=True))
    lock = world.ledger.lock("flowers")
    assert lock is not None
    again = world.put("incoming/flowers/b.csv", FLOWERS_CSV, same=True)
    world.walk({"model": "flowers", "run_id": lock.run_id}, before={"train": lambda: world.ingest(again)})
    assert world.states_of() == ["TRAINED", "ACCEPTED"]
    world.stop(lock.run_id)
    world.clock.pass_seconds(1)
    run = world.run()
    assert (run.snapshot, run.version) == ((), 0)
    first, second = sorted(world.ledger.uploads("flowers"), key=lambda upload: upload.key)
    assert (second.state, second.same_as, second.run_id) == (
        UploadState.TRAINED,
        first.upload_id,
        lock.run_id,
    )
    assert second.reason.startswith("the same content as upload")
    assert world.ledger.lock("flowers") is None


def test_the_same_content_with_other_counts_of_rows_is_not_the_same(world: World) -> None:
    world.ingest(world.put("incoming/flowers/a.csv", FLOWERS_CSV, same=True))
    first = world.upload()
    other = replace(first, upload_id="other", rows_rejected=3)
    assert uploads.same_content(other, [first]) is None
    assert uploads.same_content(replace(other, rows_rejected=0), [first]) is first


def test_an_upload_under_a_name_of_its_own_replaces_nothing(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    world.send(flowers_csv("8,4,tulip"), "incoming/flowers/b.csv")
    assert [one.replaces for one in world.ledger.uploads("flowers")] == ["", ""]
    assert world.notifications() == []


@pytest.mark.parametrize("trained", [True, False])
def test_what_a_refused_file_would_have_replaced_still_counts(world: World, *, trained: bool) -> None:
    world.send(FLOWERS_CSV)
    if trained:
        world.run()
    world.send(b"a,b\n1,2\n")
    assert world.states_of() == ["TRAINED" if trained else "ACCEPTED", "QUARANTINED"]
    world.send(flowers_csv("8,4,tulip"), "incoming/flowers/other.csv")
    assert len(world.run().snapshot) == 2


@pytest.mark.parametrize("trained", [True, False])
def test_what_a_rejected_replacement_would_have_replaced_still_counts(world: World, *, trained: bool) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/first.csv")
    world.run()
    world.champions = {1: 0.9, 2: 0.9}
    world.send(flowers_csv("8,4,tulip"))
    if trained:
        world.run()
    world.score["flowers"] = 0.5
    world.send(flowers_csv("1,4,tulip"))
    world.clock.pass_seconds(2)  # ids of runs have the second
    assert world.run().state is RunState.REJECTED
    assert world.states_of() == ["TRAINED", "TRAINED" if trained else "ACCEPTED", "FAILED"]
    world.score["flowers"] = 0.95
    world.send(flowers_csv("9,4,tulip"), "incoming/flowers/other.csv")
    assert world.run().state is RunState.PROMOTED
    assert world.states_of() == ["TRAINED", "TRAINED", "FAILED", "TRAINED"]


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


def test_a_first_model_below_the_absolute_minimum_never_serves(world: World) -> None:
    world.score["flowers"] = 0.5
    world.send(FLOWERS_CSV)
    assert world.run().state is RunState.REJECTED
    assert world.ledger.route("flowers").champion == 0
    assert world.sagemaker.packages == {}


@pytest.mark.parametrize("step", ["open_run", "train", "judge", "register", "deploy", "smoke", "promote"])
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
    run = world.run(broken="retire")
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
    world.run(broken="train")
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
        world.run(broken="train")
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


def test_steps_that_are_repeated_are_done_once(world: World) -> None:
    world.repeats = 3
    for number in range(3):
        world.send(FLOWERS_CSV, f"incoming/flowers/{number}.csv")
        assert world.run().state is RunState.PROMOTED
    route = world.ledger.route("flowers")
    assert (route.champion, route.previous, route.revision) == (3, 2, 3)
    assert len(world.sagemaker.packages) == 3
    assert sorted(world.sagemaker.endpoints) == ["relearn-test-flowers-v2", "relearn-test-flowers-v3"]
    assert world.states_of() == ["TRAINED"] * 3
    assert [told["MessageAttributes"]["kind"]["Value"] for told in world.notifications()] == ["promoted"] * 3


def test_a_failure_that_is_handled_twice_counts_once(world: World) -> None:
    world.repeats = 3
    world.send(FLOWERS_CSV)
    world.run(broken="smoke")
    assert world.upload().attempts == 1
    assert len(world.notifications()) == 1


@pytest.mark.parametrize(
    "call", ["CreateModelPackage", "CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
)
def test_a_reply_of_sagemaker_that_is_lost_makes_nothing_twice(world: World, call: str) -> None:
    world.sagemaker.lose_reply_of = call
    world.send(FLOWERS_CSV)
    assert world.run().state is RunState.PROMOTED
    assert (len(world.sagemaker.packages), len(world.sagemaker.endpoints)) == (1, 1)


def test_a_run_opened_twice_trains_on_what_it_chose_first(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    run_id = world.latest().run_id
    event = {"model": "flowers", "run_id": run_id}
    first = open_run.handler(event, LambdaContext())
    world.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    assert open_run.handler(event, LambdaContext()) == first
    (prefix, *shards) = world.read_json(LAKE, f"snapshots/flowers/{run_id}.manifest")
    assert prefix == {"prefix": f"s3://{LAKE}/datasets/flowers/"}
    (upload_id,) = world.latest().snapshot
    assert shards == [f"main/{upload_id}.parquet"]


def test_a_run_that_lost_its_lock_does_not_open(world: World) -> None:
    world.send(FLOWERS_CSV)
    run_id = world.latest().run_id
    world.ledger.release_lock("flowers", run_id)
    with pytest.raises(ConflictError, match="does not hold the lock of flowers; nobody does"):
        open_run.handler({"model": "flowers", "run_id": run_id}, LambdaContext())


def test_a_run_with_nothing_left_to_train_on_is_empty(world: World) -> None:
    older = world.put("incoming/flowers/a.csv", FLOWERS_CSV)
    world.ingest(world.put("incoming/flowers/a.csv", flowers_csv("8,4,tulip")))
    world.run()
    older["detail"]["object"]["sequencer"] = "0"
    world.ingest(older)
    assert world.run().state is RunState.EMPTY
    assert world.states_of() == ["TRAINED", "SUPERSEDED"]
    assert world.ledger.lock("flowers") is None


def champion_sha256(world: World) -> str:
    """SHA-256 of what lies in S3 of version 1, which nobody changed."""
    version = world.ledger.version("flowers", 1)
    assert version is not None
    bucket, key = s3_keys.parse_uri(version.artifact)
    return hashlib.sha256(world.s3.get_object(Bucket=bucket, Key=key)["Body"].read()).hexdigest()


def test_a_training_job_is_told_what_the_container_needs(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    world.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    run_id = world.latest().run_id
    context = open_run.handler({"model": "flowers", "run_id": run_id}, LambdaContext())
    told = context["hyperparameters"]
    assert told == {
        "model": "flowers",
        "run_id": run_id,
        "snapshot": snapshots.digest(world.ledger.run("flowers", run_id).snapshot),
        "champion_version": "1",
        "champion_sha256": champion_sha256(world),
        "now": world.latest().started_at,
        "on_trial": world.ledger.run("flowers", run_id).uploads[0][:16],
        "depth": "3",
    }
    sources = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]
        for channel in context["input_data_config"]
    }
    assert sources["train"]["S3DataType"] == "ManifestFile"
    assert sources["train"]["S3Uri"] == f"s3://{LAKE}/snapshots/flowers/{run_id}.manifest"
    version = world.ledger.version("flowers", 1)
    assert version is not None
    assert sources["champion"]["S3Uri"] == version.artifact
    assert context["output_path"] == f"s3://{ARTIFACTS}/models/flowers"


def test_a_report_is_kept_where_people_find_it(world: World) -> None:
    world.send(FLOWERS_CSV)
    run = world.run()
    prefix = f"reports/flowers/{run.run_id}/"
    assert world.lake(prefix) == [
        f"{prefix}{file}" for file in ("data.html", "data.json", "probes.jsonl", "report.html", "report.json")
    ]
    assert (run.metrics, run.champion_metrics) == ({"f1_macro": 0.9}, {})


@pytest.mark.parametrize(
    ("lies", "reason"),
    [
        ({"run_id": "another"}, "run_id in the report is 'another'"),
        ({"snapshot": "another"}, "snapshot in the report is 'another'"),
        ({"spec_digest": "another"}, "spec_digest in the report is 'another'"),
        ({"candidate": {"metrics": {"f1_macro": "best"}}}, "metric f1_macro is 'best', not a number"),
    ],
)
def test_a_report_that_is_not_this_runs_fails_the_run(
    world: World, lies: dict[str, Any], reason: str
) -> None:
    world.lies = lies
    world.send(FLOWERS_CSV)
    run = world.run()
    assert run.state is RunState.FAILED
    assert reason in run.reason
    assert world.sagemaker.packages == {}


def test_a_metric_that_is_no_number_never_wins(world: World) -> None:
    world.lies = {"candidate": {"metrics": {"f1_macro": float("nan")}}}
    world.send(FLOWERS_CSV)
    run = world.run()
    assert (run.state, run.metrics) == (RunState.REJECTED, {})


def test_a_judged_run_keeps_the_smallest_difference_that_its_rows_show(world: World) -> None:
    told = {"rows": 37, "smallest": 0.1, "confidence": 0.95, "planned": True}
    world.lies = {"power": told}
    world.send(FLOWERS_CSV)
    assert world.run().power == told


def test_data_that_contradict_each_other_wait_for_a_person_whatever_the_policy(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    world.run()

    def part(difference: float) -> dict[str, float]:
        bounds = {"low": difference - 0.1, "high": difference + 0.1, "error": 0.06, "smallest": 0.15}
        return {"difference": difference, **bounds, "confidence": 0.95, "rows": 100}

    comparison = {**part(0.2), "known": part(-0.3), "new": part(0.4)}
    champion = {"version": 1, "metrics": {"f1_macro": 0.7}, "comparison": comparison}
    world.lies = {"champion": champion}
    world.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    run = world.run()
    assert run.contradicts
    assert run.state is RunState.REJECTED
    assert "version 2 expired: nobody decided within 72 hours" in run.reason


def test_a_person_decides_about_a_candidate_whose_champion_can_not_be_compared(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    world.run()
    world.lies = {"champion": None, "champion_incompatible": {"version": 1, "reason": "other classes"}}
    world.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    run = world.run()
    assert run.contradicts
    assert run.state is RunState.REJECTED
    assert "version 2 expired: nobody decided within 72 hours" in run.reason
    package = next(reversed(world.sagemaker.packages.values()))
    told = "version 1 cannot be compared: other classes; a person decides"
    assert told in str(package)


def test_an_artifact_of_another_job_is_not_judged(world: World) -> None:
    world.send(FLOWERS_CSV)
    event = {"model": "flowers", "run_id": world.latest().run_id}
    context = open_run.handler(event, LambdaContext())
    artifact = world.train({**context, "job_name": "somebody-elses"})
    with pytest.raises(DataError, match=r"the job left .*somebody-elses.*; expected "):
        judge.handler({**event, "training": {"artifact": artifact}}, LambdaContext())


@pytest.mark.parametrize("name", ["contents_sha256", "onnx_sha256"])
def test_an_artifact_that_the_job_did_not_measure_is_not_judged(world: World, name: str) -> None:
    world.lies = {"contents_sha256": "", name: "0" * 64}
    world.send(FLOWERS_CSV)
    run = world.run()
    assert run.state is RunState.FAILED
    assert "is not what the job measured" in run.reason
    assert world.sagemaker.packages == {}


def change_before_deploying(monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]) -> None:
    """Have something happen between the judge and Deploy."""
    plain = register.handler

    def registered(event: Any, context: Any) -> Any:
        answer = plain(event, context)
        change()
        return answer

    monkeypatch.setitem(FUNCTIONS, "register", registered)


def test_an_artifact_that_was_changed_after_it_was_judged_is_not_deployed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change() -> None:
        (key,) = (
            found["Key"]
            for found in world.s3.list_objects_v2(Bucket=ARTIFACTS)["Contents"]
            if found["Key"].endswith("model.tar.gz")
        )
        world.s3.put_object(
            Bucket=ARTIFACTS, Key=key, Body=tar_gz({"model.onnx": b"onnx", "model.json": b"{}"})
        )

    change_before_deploying(monkeypatch, change)
    world.send(FLOWERS_CSV)
    run = world.run()
    assert run.state is RunState.FAILED
    assert "was changed since it was judged" in run.reason
    assert (world.sagemaker.models, world.sagemaker.endpoints) == ({}, {})


ON_RECORD = {"length": 4.0, "width": 1.0}


@pytest.mark.parametrize(("sure", "ended"), [(0.5, RunState.PROMOTED), (0.9, RunState.FAILED)])
def test_a_version_has_to_answer_as_the_judged_model_did(world: World, sure: float, ended: RunState) -> None:
    prediction = {"label": "tulip", "probabilities": {"tulip": sure, "rose": 1 - sure}}
    world.recorded = [{"instance": ON_RECORD, "prediction": prediction}]
    world.send(FLOWERS_CSV)
    run = world.run()
    assert run.state is ended
    if ended is RunState.FAILED:
        assert (
            "1 of 1 answers are not those of the model that was judged: rose (0.5000), and it gave tulip (0.9000)"
            in run.reason
        )


def test_a_version_of_which_nobody_wrote_down_what_was_judged_is_not_deployed_again(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    version = world.ledger.version("flowers", 1)
    assert version is not None
    world.ledger.change_version(version, artifact_sha256="")
    event = {"model": "flowers", "registration": {"version": 1}}
    assert deploy.handler(event, LambdaContext())["status"] == "InService"  # it is there, and serves on
    world.sagemaker.endpoints.clear()
    with pytest.raises(ArtifactError, match="it is not deployed again; retrain"):
        deploy.handler(event, LambdaContext())


def test_a_candidate_whose_champion_changed_meanwhile_is_not_promoted(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    world.run()
    world.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    container = world.sagemaker.brain

    def somebody_promotes(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
        old = world.ledger.route("flowers")
        world.ledger.write_route("flowers", old, Route(champion=9, previous=1, revision=2), {}, MOVED)
        return container(endpoint, body)

    world.sagemaker.brain = somebody_promotes
    run = world.run()
    assert run.state is RunState.FAILED
    assert "judged against version 1, but version 9 serves" in run.reason
    assert world.ledger.route("flowers").champion == 9


def test_the_registry_says_where_a_version_came_from(world: World) -> None:
    world.send(FLOWERS_CSV)
    run = world.run()
    (package,) = world.sagemaker.packages.values()
    said = package["CustomerMetadataProperties"]
    assert (said["run_id"], said["metric.f1_macro"]) == (run.run_id, "0.9")
    assert said["snapshot"] == snapshots.digest(run.snapshot)
    report = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert report == f"s3://{LAKE}/reports/flowers/{run.run_id}/report.json"
    assert package["ModelApprovalStatus"] == "Approved"


def test_an_endpoint_is_what_the_spec_says_and_knows_its_version(world: World) -> None:
    world.send(FLOWERS_CSV)
    run = world.run()
    model = world.sagemaker.models["relearn-test-flowers-v1"]
    assert model["PrimaryContainer"]["Environment"] == {
        "RELEARN_MODEL_VERSION": "1",
        "RELEARN_ARTIFACT_SHA256": contents.digest({"model.onnx": hashlib.sha256(b"onnx").hexdigest()}),
    }
    (variant,) = world.sagemaker.configs["relearn-test-flowers-v1"]["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 10}
    tags = {tag["Key"]: tag["Value"] for tag in world.sagemaker.endpoints["relearn-test-flowers-v1"]["Tags"]}
    assert tags == {
        "relearn:stage": "test",
        "relearn:model": "flowers",
        "relearn:version": "1",
        "relearn:run": run.run_id,
    }


def test_an_endpoint_that_does_not_go_at_once_is_left_to_a_later_retirement(world: World) -> None:
    for number in range(2):
        world.send(FLOWERS_CSV, f"incoming/flowers/{number}.csv")
        world.run()
    world.sagemaker.deleting = 1000
    world.send(FLOWERS_CSV, "incoming/flowers/2.csv")
    with pytest.raises(ConflictError, match="still Deleting"):
        world.walk({"model": "flowers", "run_id": world.latest().run_id})
    assert "relearn-test-flowers-v1" in world.sagemaker.configs
    world.sagemaker.endpoints["relearn-test-flowers-v1"]["looks"] = 0
    assert retire.handler({"model": "flowers"}, LambdaContext()) == {"retired": [1]}
    assert "relearn-test-flowers-v1" not in world.sagemaker.configs


class _Brain:
    """A container that answers with a status, and during whose first smoke test another upload arrives."""

    def __init__(self, world: World, status: int, *, key: str = "incoming/flowers/meanwhile.csv") -> None:
        self.world = world
        self.after = world.sagemaker.brain
        self.status = status
        self.key = key
        self.calls = 0

    def __call__(self, endpoint: str, body: dict[str, object]) -> tuple[int, object]:
        self.calls += 1
        if self.calls == 1:
            self.world.send(FLOWERS_CSV, self.key)
        return self.after(endpoint, body) if self.status == 200 else (self.status, {})
