"""What the custom resource does when a stage is created, updated and deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lambdas import wiring
from lambdas.aws import clients
from lambdas.aws.executions import Executions
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.aws.sagemaker.registry import Registry
from lambdas.aws.sagemaker.scaling import Scaling
from lambdas.aws.sagemaker.transforms import Transforms
from lambdas.handlers import lifecycle
from lambdas.maintenance.stage import Teardown
from lambdas.runtime.config import Config
from relearn.lifecycle.runs import RunState
from relearn.spec.hosting import Hosting, InLambda, Serverless
from tests.support.fake_sagemaker import ACCOUNT, REGION
from tests.support.hosted import serve, store
from tests.support.models import FLOWERS_CSV
from tests.support.wire import receiving
from tests.support.world import MACHINE, RESTORE_MACHINE, SPECS, STAGE, UPLOADS, LambdaContext, World

EVENTS = Path(__file__).parent.parent / "events"


@dataclass
class CloudFormation:
    """Sends requests as CloudFormation does, and keeps the answers."""

    url: str
    answers: list[dict[str, Any]]

    def send(self, request: str, seconds: float = 300, **more: Any) -> dict[str, Any]:
        event = json.loads((EVENTS / "lifecycle_create.json").read_text())
        event |= {"RequestType": request, "ResponseURL": self.url, **more}
        lifecycle.handler(event, LambdaContext(seconds=seconds))
        return self.answers[-1]


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    with receiving() as (url, bodies):
        yield CloudFormation(url, bodies)


def teardown(world: World) -> Teardown:
    """A teardown whose waiting is the world's clock."""
    return Teardown(
        ledger=world.ledger,
        executions=Executions(clients.stepfunctions(), MACHINE),
        restores=Executions(clients.stepfunctions(), RESTORE_MACHINE),
        transforms=Transforms(clients.sagemaker(), STAGE),
        endpoints=Endpoints(clients.sagemaker(), STAGE, Scaling(clients.scaling()), world.clock.pass_seconds),
        online=wiring.online(Config.from_env()),
        registry=Registry(clients.sagemaker(), STAGE),
        models=SPECS,
        stage=STAGE,
        sleep=world.clock.pass_seconds,
    )


def incoming(world: World) -> list[str]:
    found = world.s3.list_objects_v2(Bucket=UPLOADS).get("Contents", [])
    return [item["Key"] for item in found]


def test_a_new_stage_gets_the_seed_of_every_model(world: World, cloudformation: CloudFormation) -> None:
    answer = cloudformation.send("Create")
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"Seeded": "flowers,prices"})
    assert incoming(world) == ["incoming/flowers/seed.csv", "incoming/prices/seed.csv"]


def test_the_answer_names_the_request_and_a_resource_that_never_changes(
    world: World, cloudformation: CloudFormation
) -> None:
    created = cloudformation.send("Create")
    updated = cloudformation.send("Update", PhysicalResourceId=created["PhysicalResourceId"])
    assert updated["PhysicalResourceId"] == created["PhysicalResourceId"]
    event = json.loads((EVENTS / "lifecycle_create.json").read_text())
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        assert created[name] == event[name]
    assert world.notifications() == []


def test_a_seed_is_put_once_only(world: World, cloudformation: CloudFormation) -> None:
    cloudformation.send("Create")
    assert cloudformation.send("Update")["Data"] == {"Seeded": ""}
    versions = world.s3.list_object_versions(Bucket=UPLOADS)["Versions"]
    assert len(versions) == 2


def promoted(world: World, *modes: Hosting) -> None:
    """Let a version of the prices model serve in each mode, one after the other."""
    for number, mode in enumerate(modes, 1):
        store(world, number, b"archive", where=mode)
        serve(world, number)


def update(cloudformation: CloudFormation, *hosts: str) -> dict[str, Any]:
    """Update to a stage in which these models have hosts."""
    properties = {"Models": ["flowers", "prices"], "Hosts": list(hosts)}
    return cloudformation.send("Update", ResourceProperties=properties)


def test_an_update_that_would_remove_a_host_that_a_route_needs_is_refused_and_says_what_to_declare(
    world: World, cloudformation: CloudFormation
) -> None:
    promoted(world, InLambda(), InLambda())
    answer = update(cloudformation, "flowers")
    assert answer["Status"] == "FAILED"
    assert "prices (version 1, 2)" in answer["Reason"]
    assert "keeps_host=True" in answer["Reason"]
    assert incoming(world) == []


def test_a_host_is_needed_by_the_version_that_a_rollback_returns_to_and_then_no_more(
    world: World, cloudformation: CloudFormation
) -> None:
    promoted(world, InLambda(), Serverless())
    assert "prices (version 1)" in update(cloudformation)["Reason"]
    assert update(cloudformation, "prices")["Status"] == "SUCCESS"
    store(world, 3, b"archive", where=Serverless())
    serve(world, 3)
    assert update(cloudformation)["Status"] == "SUCCESS"


def test_what_a_refused_update_is_rolled_back_to_is_not_refused(
    world: World, cloudformation: CloudFormation
) -> None:
    """An earlier release, in which every model had a host, has no such property."""
    promoted(world, InLambda())
    assert cloudformation.send("Update", ResourceProperties={"Models": ["prices"]})["Status"] == "SUCCESS"


@pytest.mark.parametrize("taken", [True, False])
def test_a_model_that_has_an_upload_gets_no_seed(
    world: World, cloudformation: CloudFormation, *, taken: bool
) -> None:
    event = world.put("incoming/flowers/own.csv", FLOWERS_CSV)
    if taken:
        world.ingest(event)
        world.s3.delete_object(Bucket=UPLOADS, Key="incoming/flowers/own.csv")
    assert cloudformation.send("Create")["Data"] == {"Seeded": "prices"}


def test_a_deleted_stage_leaves_nothing_that_runs_created_and_keeps_the_data(
    world: World, cloudformation: CloudFormation
) -> None:
    for number in range(2):
        world.send(FLOWERS_CSV, f"incoming/flowers/{number}.csv")
        world.run()
    kept = incoming(world) + world.lake()
    assert cloudformation.send("Delete")["Status"] == "SUCCESS"
    fake = world.sagemaker
    assert (fake.endpoints, fake.configs, fake.models, fake.packages, fake.groups) == ({}, {}, {}, {}, {})
    assert incoming(world) + world.lake() == kept
    assert world.ledger.route("flowers").champion == 0


def test_a_model_that_the_stage_no_longer_has_leaves_nothing_in_the_registry_of_a_deleted_stage(
    world: World, cloudformation: CloudFormation
) -> None:
    world.sagemaker.groups |= {"relearn-test-gone": {}, "relearn-test2-gone": {}}
    world.sagemaker.packages[f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/relearn-test-gone/1"] = {}
    assert cloudformation.send("Delete")["Status"] == "SUCCESS"
    assert (world.sagemaker.packages, list(world.sagemaker.groups)) == ({}, ["relearn-test2-gone"])


def test_only_what_belongs_to_the_stage_is_deleted(world: World, cloudformation: CloudFormation) -> None:
    strangers = ["relearn-test2-flowers-v1", "my-relearn-test-flowers-v1"]
    for name in strangers:
        world.sagemaker.models[name] = {"ModelName": name}
    world.sagemaker.models["relearn-test-orphan-v9"] = {"ModelName": "relearn-test-orphan-v9"}
    cloudformation.send("Delete")
    assert list(world.sagemaker.models) == strangers


def test_deleting_twice_or_what_was_never_created_is_a_success(
    world: World, cloudformation: CloudFormation
) -> None:
    del world
    assert cloudformation.send("Delete")["Status"] == "SUCCESS"
    assert cloudformation.send("Delete", PhysicalResourceId="anything")["Status"] == "SUCCESS"


def test_running_executions_are_stopped_and_nothing_starts_while_the_stage_goes(world: World) -> None:
    world.send(FLOWERS_CSV)
    run_id = world.executions()[0]
    teardown(world).run(60)
    assert list(Executions(clients.stepfunctions(), MACHINE).running()) == []
    run = world.ledger.run("flowers", run_id)
    assert (run.state, run.reason) == (RunState.FAILED, "the stage is being deleted")
    world.send(FLOWERS_CSV, "incoming/flowers/late.csv")
    assert world.executions() == [run_id]


def test_transform_jobs_of_the_stage_are_stopped_and_no_other(
    world: World, cloudformation: CloudFormation
) -> None:
    jobs = {
        "relearn-test-flowers-b": "InProgress",
        "relearn-test-prices-b": "Completed",
        "relearn-test2-flowers-b": "InProgress",
        "my-relearn-test-flowers-b": "InProgress",
    }
    for name, status in jobs.items():
        world.sagemaker.transforms[name] = {"TransformJobName": name, "TransformJobStatus": status}
    assert cloudformation.send("Delete")["Status"] == "SUCCESS"
    now = {name: job["TransformJobStatus"] for name, job in world.sagemaker.transforms.items()}
    assert now == {**jobs, "relearn-test-flowers-b": "Stopping"}


def test_a_stage_that_comes_back_to_its_old_data_trains_on_it_again(
    world: World, cloudformation: CloudFormation
) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    teardown(world).run(60)
    world.clock.pass_seconds(60)
    cloudformation.send("Create")
    run = world.run()
    assert (run.state, run.version) == (RunState.PROMOTED, 1)
    route = world.ledger.route("flowers")
    assert (route.champion, route.revision) == (1, 3)
    assert world.states_of() == ["TRAINED"]


def test_an_error_is_answered_with_its_reason(world: World, cloudformation: CloudFormation) -> None:
    world.s3.delete_bucket(Bucket=UPLOADS)
    answer = cloudformation.send("Create")
    assert answer["Status"] == "FAILED"
    assert "NoSuchBucket" in answer["Reason"]


def test_a_teardown_that_takes_too_long_says_what_is_left(
    world: World, cloudformation: CloudFormation
) -> None:
    world.send(FLOWERS_CSV)
    world.run()
    world.sagemaker.deleting = 100
    answer = cloudformation.send("Delete", seconds=31)
    assert answer["Status"] == "FAILED"
    assert "endpoint relearn-test-flowers-v1 is still Deleting" in answer["Reason"]


def test_an_answer_goes_to_http_only(world: World) -> None:
    del world
    event = json.loads((EVENTS / "lifecycle_create.json").read_text())
    with pytest.raises(ValueError, match="allowed: an http or https URL"):
        lifecycle.handler({**event, "ResponseURL": "file:///etc/passwd"}, LambdaContext())


def trained(world: World) -> None:
    """Let a run promote the first version of a model."""
    world.send(FLOWERS_CSV)
    assert world.run().state is RunState.PROMOTED


def remove(world: World, monkeypatch: pytest.MonkeyPatch, *, only_tell: bool = False) -> dict[str, Any]:
    monkeypatch.setattr(lifecycle, "teardown", lambda: teardown(world))
    asked = {"model": "flowers", "only_tell": only_tell, "who": "ann"}
    told: dict[str, Any] | None = lifecycle.handler({"remove_model": asked}, LambdaContext(seconds=300))
    assert told is not None
    return told


def test_what_removing_a_model_takes_is_told_and_stays_until_it_is_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(world)
    told = remove(world, monkeypatch, only_tell=True)
    assert told == {
        "serves": 1, "versions": [1], "endpoints": ["relearn-test-flowers-v1"], "packages": 1, "deployed": True,
    }  # fmt: skip
    assert world.ledger.route("flowers").champion == 1
    assert "relearn-test-flowers-v1" in world.sagemaker.endpoints


def test_a_removed_model_leaves_nothing_that_costs_and_keeps_its_data_and_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(world)
    assert "refused" not in remove(world, monkeypatch)
    assert (world.sagemaker.endpoints, world.ledger.versions("flowers")) == ({}, [])
    assert world.ledger.route("flowers").champion == 0
    newest = world.ledger.route_history("flowers", newest=1)[0]
    assert (newest.change.who, newest.change.why) == ("ann", "the model is being removed")
    assert world.states_of() == ["TRAINED"]
    assert incoming(world) != []
    nothing: dict[str, Any] = {
        "serves": None,
        "versions": [],
        "endpoints": [],
        "packages": 0,
        "deployed": True,
    }
    assert remove(world, monkeypatch) == nothing


def test_no_run_starts_of_a_removed_model_until_it_is_deployed_again(
    world: World, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(world)
    remove(world, monkeypatch)
    world.send(FLOWERS_CSV, "incoming/flowers/late.csv")
    lock = world.ledger.lock("flowers")
    assert lock is not None
    assert lock.run_id == "teardown"
    cloudformation.send("Update")
    assert world.run().state is RunState.PROMOTED


def test_a_model_with_a_run_under_way_is_not_removed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(world)
    world.send(FLOWERS_CSV, "incoming/flowers/more.csv")
    told = remove(world, monkeypatch)
    assert "is under way: wait for it (relearn wait flowers --run" in told["refused"]
    assert world.ledger.route("flowers").champion == 1


def test_a_model_whose_name_begins_alike_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(world)
    alike = world.sagemaker.endpoints["relearn-test-flowers-v1"]
    world.sagemaker.endpoints["relearn-test-flowers-v1-v1"] = alike
    remove(world, monkeypatch)
    assert list(world.sagemaker.endpoints) == ["relearn-test-flowers-v1-v1"]
