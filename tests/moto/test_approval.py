"""A version waits for a person, on moto: approved it goes its way, rejected or not decided about it never serves."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas import wiring
from lambdas.handlers import approval_event, models, operate, sweep, uploads
from lambdas.runtime.catalog import Catalog
from lambdas.runtime.config import Config
from relearn.api import operations
from relearn.lifecycle.runs import RunState, VersionState
from relearn.naming import resources
from relearn.spec.model import Retrain
from relearn.traffic.route import Change
from tests.support import gateway
from tests.support.gateway import ANN
from tests.support.models import FLOWERS, FLOWERS_CSV
from tests.support.world import STAGE, LambdaContext, World

BOB = "arn:aws:iam::123456789012:user/bob"
HOURS = 5
BY_HAND = Change("by hand", ANN, "to see what happens")


@pytest.fixture
def models_catalog(models_catalog: Catalog) -> Catalog:
    manual = replace(FLOWERS, retrain=Retrain(debounce_seconds=5, approval="manual", approval_hours=HOURS))
    return replace(models_catalog, specs={**models_catalog.specs, "flowers": manual})


@pytest.fixture
def waits(world: World) -> World:
    """A stage where version 1 serves because Ann approved it, and data has come that makes version 2."""
    world.send(FLOWERS_CSV, "incoming/flowers/0.csv")
    world.decides = lambda: say("approve", 1)
    world.run()
    world.notifications()
    world.decides = lambda: None
    world.send(FLOWERS_CSV, "incoming/flowers/1.csv")
    return world


def say(decision: str, version: int = 2, why: str | None = None, who: str = ANN) -> tuple[int, Any]:
    """Decide over HTTP."""
    body = {"decision": decision} | ({} if why is None else {"why": why})
    return ask(operations.DECIDE_VERSION, operate.handler, body, who=who, version=str(version))


def ask(
    operation: operations.Operation,
    handler: Callable[[Any, Any], dict[str, Any]],
    body: object = None,
    *,
    who: str = ANN,
    **path: str,
) -> tuple[int, Any]:
    asked = gateway.event(operation, body, who=who, **{"model": "flowers", **path})
    status, _, answer = gateway.answered(handler(asked, LambdaContext()))
    return status, answer


def set_in_registry(world: World, status: str, version: int = 2, why: str = "") -> None:
    """Set an approval status as people do in the SageMaker console, and deliver the event of it."""
    arn = package(world, version)
    world.sagemaker.packages[arn] |= {"ModelApprovalStatus": status, "ApprovalDescription": why}
    hear_of_registry(world, version)


def hear_of_registry(world: World, version: int = 2) -> None:
    """Deliver the event of a package as it is."""
    found = world.sagemaker.packages[package(world, version)]
    hear_of("flowers", version, found["ModelApprovalStatus"])


def hear_of(model: str, version: int, status: str, stage: str = STAGE) -> None:
    detail = {
        "ModelPackageGroupName": resources.group(stage, model),
        "ModelPackageVersion": version,
        "ModelApprovalStatus": status,
    }
    approval_event.handler(
        {"detail-type": "SageMaker Model Package State Change", "detail": detail}, LambdaContext()
    )


def package(world: World, version: int) -> str:
    (arn,) = (one for one in world.sagemaker.packages if one.endswith(f"/{version}"))
    return arn


def status(world: World, version: int = 2) -> str:
    return str(world.sagemaker.packages[package(world, version)]["ModelApprovalStatus"])


def champion(world: World) -> int:
    return world.ledger.route("flowers").champion


def state(world: World, version: int = 2) -> str:
    found = world.ledger.version("flowers", version)
    assert found is not None
    return str(found.state)


def new_upload(world: World) -> Any:
    return next(one for one in world.ledger.uploads("flowers") if one.key.endswith("/1.csv"))


def seen_while_waiting(world: World, look: Callable[[], object]) -> Any:
    """Walk the run; what is seen while it waits, before it is approved."""
    seen: list[object] = []

    def decides() -> None:
        seen.append(look())
        say("approve")

    world.decides = decides
    world.run()
    return seen[0]


# the wait


def test_nothing_is_deployed_before_someone_decided(waits: World) -> None:
    def look() -> object:
        endpoint = resources.endpoint(STAGE, "flowers", 2)
        return waits.latest().state, status(waits), endpoint in waits.sagemaker.endpoints, champion(waits)

    found = seen_while_waiting(waits, look)
    assert found == (RunState.AWAITING_APPROVAL, "PendingManualApproval", False, 1)


def test_a_model_that_asks_nobody_is_registered_as_approved(world: World) -> None:
    world.send(b"area,price\n" + b"50,100\n60,120\n" * 10, "incoming/prices/0.csv")
    world.run("prices")
    (found,) = world.sagemaker.packages.values()
    assert found["ModelApprovalStatus"] == "Approved"
    version = world.ledger.version("prices", 1)
    assert version is not None
    assert version.approval is None


def test_people_are_told_what_to_type(waits: World) -> None:
    (told,) = seen_while_waiting(waits, waits.notifications)
    assert told["MessageAttributes"]["kind"]["Value"] == "waiting"
    assert "relearn approve flowers 2" in told["Message"]
    assert 'relearn reject flowers 2 --why "..."' in told["Message"]
    assert "f1_macro 0.9000" in told["Message"]


def test_the_version_says_that_it_waits_and_until_when(waits: World) -> None:
    _, listed = seen_while_waiting(waits, lambda: ask(operations.LIST_VERSIONS, models.handler))
    newest = listed["versions"][0]
    assert (newest["version"], newest["state"]) == (2, "REGISTERED")
    assert (newest["approval"]["state"], newest["approval"]["hours"]) == ("WAITING", HOURS)
    assert newest["approval"]["at"] is None


def test_uploads_that_come_meanwhile_wait_and_say_for_what(waits: World) -> None:
    def look() -> object:
        waits.send(FLOWERS_CSV, "incoming/flowers/late.csv")
        return {one["filename"]: one for one in ask(operations.LIST_UPLOADS, uploads.handler)[1]["uploads"]}

    found = seen_while_waiting(waits, look)
    assert found["late.csv"]["state"] == found["1.csv"]["state"] == "ACCEPTED"
    assert "the next run starts when someone has decided about version 2" in found["late.csv"]["reason"]
    assert "trained on; someone has to decide about version 2" in found["1.csv"]["reason"]
    assert "relearn approve flowers 2" in found["late.csv"]["reason"]
    assert waits.ledger.lock("flowers") is not None
    waits.decides = lambda: say("approve", 3)
    assert waits.run().version == 3


# approved


def test_an_approved_version_serves_and_who_said_so_and_why_is_kept(waits: World) -> None:
    waits.decides = lambda: say("approve", why="the figures are right")
    run = waits.run()
    assert (run.state, champion(waits), state(waits), status(waits)) == ("PROMOTED", 2, "LIVE", "Approved")
    assert f"approved by {ANN}: the figures are right" in run.reason
    (newest,) = waits.ledger.route_history("flowers", newest=1)
    assert ANN in newest.change.why
    assert list(run.times) == ["DEBOUNCING", "TRAINING", "JUDGING", "AWAITING_APPROVAL", "DEPLOYING", "PROMOTED"]  # fmt: skip


def test_an_approval_needs_no_reason(waits: World) -> None:
    answers: list[tuple[int, Any]] = []
    waits.decides = lambda: answers.append(say("approve"))
    assert waits.run().state is RunState.PROMOTED
    ((code, told),) = answers
    assert (code, told["version"], told["approval"]["state"]) == (200, 2, "APPROVED")
    assert (told["approval"]["who"], told["approval"]["why"]) == (ANN, "")


def test_every_step_may_be_repeated(waits: World) -> None:
    waits.repeats = 2
    waits.decides = lambda: (say("approve"), say("approve"))
    assert waits.run().state is RunState.PROMOTED
    assert champion(waits) == 2


# rejected


def test_a_rejected_version_never_serves_and_its_data_is_explained_and_not_tried_again(waits: World) -> None:
    waits.decides = lambda: say("reject", why="rows of a test got in")
    run = waits.run()
    why = f"version 2 rejected by {ANN}: rows of a test got in"
    assert (run.state, run.reason, champion(waits), status(waits)) == ("REJECTED", why, 1, "Rejected")
    found = waits.ledger.version("flowers", 2)
    assert found is not None
    assert (found.state, found.reason) == (VersionState.FAILED, f"rejected by {ANN}: rows of a test got in")
    upload = new_upload(waits)
    assert (upload.state, upload.reason) == ("FAILED", f"rejected by run {run.run_id}: {why}")
    assert waits.ledger.lock("flowers") is None
    sweep.sweep().everything()
    assert waits.ledger.lock("flowers") is None


def test_people_are_told_of_a_rejection(waits: World) -> None:
    waits.decides = lambda: say("reject", why="no")
    waits.run()
    kinds = [one["MessageAttributes"]["kind"]["Value"] for one in waits.notifications()]
    assert kinds == ["waiting", "changed", "rejected"]


def test_a_rejected_version_can_not_be_promoted_by_hand(waits: World) -> None:
    waits.decides = lambda: say("reject", why="no")
    waits.run()
    body = {"action": "promote", "version": 2, "why": "I want it"}
    code, told = ask(operations.CHANGE_ROUTE, operate.handler, body)
    assert (code, told["type"]) == (409, "urn:relearn:problem:route-changed")
    assert f"rejected by {ANN}" in told["detail"]


def test_a_rejection_stands_when_the_run_breaks_right_after_it(waits: World) -> None:
    def decides() -> None:
        say("reject", why="no")
        waits.sagemaker.no_more_by = "UpdateModelPackage"

    waits.decides = decides
    run = waits.run()
    assert (run.state, new_upload(waits).state) == (RunState.REJECTED, "FAILED")


# nobody


def test_what_nobody_decides_about_in_time_is_rejected_for_that(waits: World) -> None:
    run = waits.run()
    found = waits.ledger.version("flowers", 2)
    assert found is not None
    assert found.approval is not None
    why = f"version 2 expired: nobody decided within {HOURS} hours, until {found.approval.until}"
    assert (run.state, run.reason, champion(waits), status(waits)) == ("REJECTED", why, 1, "Rejected")
    assert why in new_upload(waits).reason
    code, told = say("approve")
    assert (code, told["type"]) == (409, "urn:relearn:problem:not-waiting")
    assert "nobody decided within" in told["detail"]


def test_a_step_that_was_woken_without_a_decision_waits_on(waits: World) -> None:
    looks = []

    def decides() -> None:
        looks.append(waits.latest().state)
        if len(looks) == 1:
            waits.callbacks.waiting.clear()  # whoever has the token and may, but has no say
        else:
            say("approve")

    waits.decides = decides
    assert waits.run().state is RunState.PROMOTED
    assert looks == [RunState.AWAITING_APPROVAL] * 2


# who is first


@pytest.mark.parametrize("second", ["approve", "reject"])
def test_the_second_operator_hears_who_decided_first(waits: World, second: str) -> None:
    answers: list[tuple[int, Any]] = []
    waits.decides = lambda: answers.extend([say("approve", why="good"), say(second, why="x", who=BOB)])
    assert waits.run().state is RunState.PROMOTED
    (first, _), (code, told) = answers
    assert (first, code, told["type"]) == (200, 409, "urn:relearn:problem:not-waiting")
    assert f"approved by {ANN}: good" in told["detail"]


@pytest.mark.parametrize(
    ("version", "code", "detail"),
    [
        (1, 409, f"version 1 of flowers was approved by {ANN}"),
        (7, 404, "has no version 7"),
    ],
)
def test_a_version_that_does_not_wait_says_how_it_stands(
    waits: World, version: int, code: int, detail: str
) -> None:
    del waits
    answered, told = say("reject", version, why="no")
    assert answered == code
    assert detail in told["detail"]


@pytest.mark.parametrize("given", ["0", "01", "x", "-1", "1.0", "9" * 30])
def test_what_is_no_number_is_no_version(waits: World, given: str) -> None:
    del waits
    assert ask(operations.DECIDE_VERSION, operate.handler, {"decision": "approve"}, version=given)[0] == 404


# the Model Registry


@pytest.mark.parametrize(
    ("given", "run_state", "serves"),
    [("Approved", RunState.PROMOTED, 2), ("Rejected", RunState.REJECTED, 1)],
)
def test_the_model_registry_decides_too(waits: World, given: str, run_state: RunState, serves: int) -> None:
    waits.decides = lambda: set_in_registry(waits, given, why="looked at it")
    run = waits.run()
    assert (run.state, champion(waits), status(waits)) == (run_state, serves, given)
    assert f"{given.lower()} by the Model Registry: looked at it" in run.reason


def test_what_we_write_into_the_registry_comes_back_and_changes_nothing(waits: World) -> None:
    waits.decides = lambda: say("approve")
    run = waits.run()
    waits.notifications()
    before = waits.ledger.version("flowers", 2)
    written = waits.sagemaker.calls.count("UpdateModelPackage")
    hear_of_registry(waits)
    assert (waits.ledger.version("flowers", 2), waits.latest()) == (before, run)
    assert (waits.notifications(), waits.sagemaker.calls.count("UpdateModelPackage")) == ([], written)


def test_a_status_that_is_set_after_the_decision_changes_nothing_and_people_are_told(waits: World) -> None:
    waits.decides = lambda: say("reject", why="no")
    waits.run()
    waits.notifications()
    set_in_registry(waits, "Approved")
    (told,) = waits.notifications()
    assert "Approved, has no effect" in told["Subject"]
    assert f"rejected by {ANN}: no" in told["Message"]
    assert (champion(waits), state(waits)) == (1, "FAILED")


def test_a_version_that_nobody_has_to_approve_is_let_be(world: World) -> None:
    world.send(b"area,price\n" + b"50,100\n60,120\n" * 10, "incoming/prices/0.csv")
    world.run("prices")
    world.notifications()
    for found in world.sagemaker.packages.values():
        found["ModelApprovalStatus"] = "Rejected"
    hear_of("prices", 1, "Rejected")
    hear_of("prices", 9, "Rejected")
    hear_of("prices", 1, "Rejected", stage="other")
    assert world.ledger.route("prices").champion == 1
    assert world.notifications() == []


def test_a_new_version_that_waits_is_heard_of_and_nothing_is_decided(waits: World) -> None:
    def look() -> object:
        hear_of_registry(waits)
        return waits.latest().state

    assert seen_while_waiting(waits, look) is RunState.AWAITING_APPROVAL


def test_the_sweep_finds_a_decision_in_the_registry_whose_event_was_lost(waits: World) -> None:
    def decides() -> None:
        waits.sagemaker.packages[package(waits, 2)]["ModelApprovalStatus"] = "Approved"
        sweep.sweep().everything()

    waits.decides = decides
    assert waits.run().state is RunState.PROMOTED


def test_the_sweep_leaves_a_version_alone_that_waits(waits: World) -> None:
    def look() -> object:
        sweep.sweep().everything()
        return waits.latest().state

    assert seen_while_waiting(waits, look) is RunState.AWAITING_APPROVAL


# the task token


def at_the_question(world: World) -> dict[str, Any]:
    """Walk the run to where it asks; its context."""
    lock = world.ledger.lock("flowers")
    assert lock is not None
    context: dict[str, Any] = {"model": "flowers", "run_id": lock.run_id}

    class AskedError(Exception):
        pass

    def stop() -> None:
        raise AskedError

    with pytest.raises(AskedError):
        world.walk(context, before={"ask_approval": stop})
    return context


@pytest.mark.parametrize("repair", ["say it again", "sweep"])
def test_a_decision_that_step_functions_did_not_hear_of_is_told_again(waits: World, repair: str) -> None:
    def decides() -> None:
        waits.callbacks.failing = "ServiceUnavailable"
        assert say("approve")[0] == 200
        assert waits.callbacks.waiting
        if repair == "sweep":
            sweep.sweep().everything()
        else:
            say("approve")
        assert not waits.callbacks.waiting

    waits.decides = decides
    assert waits.run().state is RunState.PROMOTED


def test_the_token_is_in_no_answer_and_in_no_log(waits: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "lambdas")
    answers: list[object] = []

    def decides() -> None:
        waits.callbacks.failing = "ServiceUnavailable"
        answers.append(say("approve"))
        answers.append(ask(operations.LIST_VERSIONS, models.handler))
        answers.append(ask(operations.GET_RUN, models.handler, run=waits.latest().run_id))

    waits.decides = decides
    run = waits.run()
    shown = [json.dumps(answers), caplog.text, repr(waits.ledger.versions("flowers")), repr(run)]
    shown += [json.dumps(waits.notifications(), default=str)]
    assert [one for one in shown if "secret-token" in one] == []
    assert "could not be told: ServiceUnavailable" in caplog.text


# what happened to the route meanwhile


def move(world: World, **changes: Any) -> None:
    old = world.ledger.route("flowers")
    world.ledger.write_route("flowers", old, replace(old, revision=old.revision + 1, **changes), {}, BY_HAND)


def test_an_approval_never_beats_a_newer_decision_about_what_serves(waits: World) -> None:
    def decides() -> None:
        move(waits, champion=0, previous=1)
        say("approve")

    waits.decides = decides
    run = waits.run()
    assert run.state is RunState.FAILED
    assert "version 2 was judged against version 1, but version 0 serves" in run.reason
    assert resources.endpoint(STAGE, "flowers", 2) not in waits.sagemaker.endpoints
    assert (state(waits), new_upload(waits).state) == ("FAILED", "ACCEPTED")
    assert champion(waits) == 0


def test_its_data_is_judged_again_against_what_serves_now(waits: World) -> None:
    def decides() -> None:
        move(waits, champion=0, previous=1)
        say("approve")

    waits.decides = decides
    waits.run()
    waits.decides = lambda: say("approve", 3)
    sweep.sweep().everything()
    assert (waits.run().state, champion(waits)) == (RunState.PROMOTED, 3)


def test_a_version_that_waits_is_not_promoted_by_hand(waits: World) -> None:
    body = {"action": "promote", "version": 2, "why": "now"}
    code, told = seen_while_waiting(waits, lambda: ask(operations.CHANGE_ROUTE, operate.handler, body))
    assert code == 409
    assert "relearn approve flowers 2" in told["detail"]


def test_a_run_that_died_while_it_waited_leaves_nothing_to_decide(waits: World) -> None:
    at_the_question(waits)
    run = waits.latest()
    waits.stop(run.run_id)
    sweep.sweep().everything()
    assert (waits.ledger.run("flowers", run.run_id).state, state(waits)) == (RunState.FAILED, "FAILED")
    code, told = say("approve")
    assert (code, "it is FAILED" in told["detail"]) == (409, True)
    waits.notifications()
    set_in_registry(waits, "Approved")
    assert "has no effect" in waits.notifications()[0]["Subject"]


def test_the_sweep_lets_a_run_be_that_never_got_going(waits: World) -> None:
    waits.ledger.replace_lock("flowers", waits.ledger.lock("flowers"), "no-such-run")
    wiring.approvals(Config.from_env()).repair("flowers")
    assert waits.callbacks.woken == ["secret-token-1"]
