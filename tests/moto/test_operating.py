"""Routes are moved by hand, on moto: by whoever may, with a reason, once of two at the same time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.handlers import deploy, operate, publish, restore, smoke, sweep
from relearn.api import operations as api
from relearn.errors import ConflictError
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.naming import resources
from tests.support import gateway
from tests.support.gateway import ANN
from tests.support.world import RESTORE_MACHINE, STAGE, LambdaContext, World

WHY = "it answers nonsense"


def ask(operation: api.Operation, body: object = None) -> tuple[int, Any]:
    answer = operate.handler(gateway.event(operation, body, model="flowers"), LambdaContext())
    status, _, told = gateway.answered(answer)
    return status, told


def change(action: str, **more: Any) -> tuple[int, Any]:
    return ask(api.CHANGE_ROUTE, {"action": action, "why": WHY, **more})


@pytest.fixture
def two(world: World) -> World:
    """A stage where version 2 of a model serves, and version 1 did before."""
    for _ in range(2):
        world.send(b"length,width,kind\n" + b"3,1,rose\n9,4,tulip\n" * 10, f"incoming/flowers/{_}.csv")
        world.run()
    assert world.ledger.route("flowers").champion == 2
    world.notifications()
    return world


def give_up_endpoint(world: World, number: int) -> None:
    """Make a version one of those that lost their endpoints."""
    found = world.ledger.version("flowers", number)
    assert found is not None
    world.sagemaker.endpoints.pop(found.endpoint)
    world.ledger.change_version(found, endpoint="", state=VersionState.RETIRED)


def executions(world: World) -> list[dict[str, Any]]:
    found = world.states.list_executions(stateMachineArn=RESTORE_MACHINE)["executions"]
    told = [world.states.describe_execution(executionArn=one["executionArn"]) for one in found]
    return [json.loads(one["input"]) for one in told]


def deploy_again(world: World) -> dict[str, Any]:
    """Walk the state machine that deploys a version again."""
    (context,) = executions(world)
    while context.setdefault("endpoint", {}).get("status") != "InService":
        context["endpoint"] = deploy.handler(context, LambdaContext())
    context["smoke"] = smoke.handler(context, LambdaContext())
    context["published"] = publish.handler(context, LambdaContext())
    restore.handler(context, LambdaContext())
    return context


def states(world: World) -> dict[int, str]:
    return {one.version: str(one.state) for one in world.ledger.versions("flowers")}


def test_a_rollback_is_one_write_that_says_who_did_it_and_why(two: World) -> None:
    status, told = change("rollback")
    assert (status, told["champion"], told["previous"], told["revision"]) == (200, 1, 2, 3)
    newest = told["history"][0]
    assert (newest["what"], newest["who"], newest["why"]) == ("rolled back", ANN, WHY)
    assert states(two) == {1: "LIVE", 2: "PREVIOUS"}


def test_the_route_tells_how_it_came_to_stand_so(two: World) -> None:
    status, told = ask(api.GET_ROUTE)
    assert (status, told["model"], told["champion"], told["previous"]) == (200, "flowers", 2, 1)
    assert [one["what"] for one in told["history"]] == ["promoted", "promoted"]
    assert told["history"][0]["who"] == f"run {two.latest().run_id}"
    kept = two.ledger.route_history("flowers", newest=2)
    assert [one["at"] for one in told["history"]] == [one.at for one in kept]
    assert (told["candidate"], told["weight"], told["frozen"], told["restore"]) == (None, 0, False, None)


def test_people_are_told_of_a_change(two: World) -> None:
    change("rollback")
    (told,) = two.notifications()
    assert "version 1 serves, revision 3" in told["Message"]
    assert WHY in told["Message"]


def test_a_second_rollback_does_not_put_the_bad_version_back(two: World) -> None:
    change("rollback")
    status, told = change("rollback")
    assert (status, told["type"]) == (409, "urn:relearn:problem:route-changed")
    assert "version 2 was rolled back from, and version 1 serves since" in told["detail"]
    assert states(two) == {1: "LIVE", 2: "PREVIOUS"}


def test_a_version_that_was_rolled_back_from_serves_again_when_it_is_named(two: World) -> None:
    change("rollback")
    assert change("rollback", version=2)[1]["champion"] == 2
    assert states(two) == {1: "PREVIOUS", 2: "LIVE"}


def test_a_rollback_that_had_to_deploy_first_is_one_as_any(two: World) -> None:
    give_up_endpoint(two, 1)
    change("rollback")
    deploy_again(two)
    assert "version 2 was rolled back from" in change("rollback")[1]["detail"]
    assert two.ledger.route("flowers").champion == 1


def test_a_request_whose_answer_was_lost_may_be_sent_again(two: World) -> None:
    first = change("rollback", revision=2)
    assert change("rollback", revision=2) == first
    assert two.ledger.route("flowers").revision == 3


@pytest.mark.parametrize("named", [1, 3])
def test_a_request_that_names_another_version_is_not_the_same_request(two: World, named: int) -> None:
    two.send(b"length,width,kind\n" + b"3,1,rose\n9,4,tulip\n" * 10, "incoming/flowers/more.csv")
    two.run()
    change("rollback", revision=3)
    status, told = change("rollback", revision=3, version=named)
    assert (status, two.ledger.route("flowers").champion) == (409, 2)
    assert "at revision 4, not 3" in told["detail"]


def test_so_may_one_that_has_a_version_deployed_again(two: World) -> None:
    give_up_endpoint(two, 1)
    first = change("rollback", revision=2)
    assert change("rollback", revision=2) == first
    assert len(executions(two)) == 1


def test_a_version_that_is_not_there_is_not_found(two: World) -> None:
    del two
    assert change("promote", version=7)[0] == 404


def test_a_version_that_failed_does_not_come_to_serve(two: World) -> None:
    run = two.ledger.create_run(Run(run_id="x", model="flowers", state=RunState.JUDGING))
    two.ledger.register(
        run, Version(model="flowers", version=3, state=VersionState.FAILED, reason="no answer")
    )
    status, told = change("promote", version=3)
    assert status == 409
    assert "version 3 of flowers failed: no answer" in told["detail"]


def test_a_version_that_lost_its_endpoint_is_deployed_before_it_serves(two: World) -> None:
    give_up_endpoint(two, 1)
    status, told = change("rollback")
    assert (status, told["champion"]) == (200, 2)
    restoring = told["restore"]
    assert (restoring["version"], restoring["state"], restoring["who"]) == (1, "RESTORING", ANN)
    deploy_again(two)
    _, told = ask(api.GET_ROUTE)
    assert (told["champion"], told["previous"], told["restore"]["state"]) == (1, 2, "DONE")
    assert (told["history"][0]["what"], told["history"][0]["who"]) == ("rolled back", ANN)
    assert resources.endpoint(STAGE, "flowers", 1) in two.sagemaker.endpoints


def test_one_version_at_a_time_is_deployed_again(two: World) -> None:
    give_up_endpoint(two, 1)
    change("rollback")
    status, told = change("rollback")
    assert status == 409
    assert f"version 1 is being deployed again, for {ANN}" in told["detail"]


def test_a_version_that_can_not_be_deployed_again_says_why_and_the_champion_stays(two: World) -> None:
    give_up_endpoint(two, 1)
    change("rollback")
    (context,) = executions(two)
    two.notifications()
    error = {"Error": "ModelFailedError", "Cause": json.dumps({"errorMessage": "the endpoint is Failed"})}
    restore.handler({**context, "error": error}, LambdaContext())
    _, told = ask(api.GET_ROUTE)
    assert told["champion"] == 2
    assert (told["restore"]["state"], told["restore"]["reason"]) == (
        "FAILED",
        "ModelFailedError: the endpoint is Failed",
    )
    assert states(two) == {1: "RETIRED", 2: "LIVE"}
    assert "could not be deployed again" in two.notifications()[0]["Subject"]


def test_the_sweep_gives_up_what_a_dead_execution_left(two: World) -> None:
    give_up_endpoint(two, 1)
    change("rollback")
    (found,) = two.states.list_executions(stateMachineArn=RESTORE_MACHINE)["executions"]
    two.states.stop_execution(executionArn=found["executionArn"], error="Stopped", cause="someone did")
    sweep.sweep().everything()
    _, told = ask(api.GET_ROUTE)
    assert (told["restore"]["state"], told["restore"]["reason"]) == ("FAILED", "the execution ABORTED")


def test_a_frozen_route_starts_no_run_and_its_uploads_wait(two: World) -> None:
    assert change("freeze")[1]["frozen"] is True
    two.send(b"length,width,kind\n" + b"3,1,rose\n9,4,tulip\n" * 10, "incoming/flowers/late.csv")
    assert two.ledger.lock("flowers") is None
    assert two.states_of()[-1] == "ACCEPTED"
    change("unfreeze")
    assert two.ledger.lock("flowers") is not None
    assert two.run().state is RunState.PROMOTED


def test_a_run_under_way_leaves_a_frozen_route_alone_and_its_uploads_wait(two: World) -> None:
    two.send(b"length,width,kind\n" + b"3,1,rose\n9,4,tulip\n" * 10, "incoming/flowers/late.csv")
    change("freeze")
    run = two.run()
    assert (run.state, two.ledger.route("flowers").champion) == (RunState.FAILED, 2)
    assert "the route is frozen" in run.reason
    waiting = [one for one in two.ledger.uploads("flowers") if one.key.endswith("late.csv")]
    assert [(one.state, one.attempts) for one in waiting] == [("ACCEPTED", 0)]


def test_a_rollback_during_a_run_keeps_its_version_from_serving(two: World) -> None:
    two.send(b"length,width,kind\n" + b"3,1,rose\n9,4,tulip\n" * 10, "incoming/flowers/late.csv")
    lock = two.ledger.lock("flowers")
    assert lock is not None
    context: dict[str, Any] = {"model": "flowers", "run_id": lock.run_id}
    with pytest.raises(ConflictError, match="but version 1 serves"):
        two.walk(context, before={"promote": lambda: change("rollback")})
    assert two.ledger.route("flowers").champion == 1
