"""Routes moved by hand: the API's function, the last step of a version that comes back, and its state machine."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.ledger import Book
from tests.e2e.privilege.parts import approvals
from tests.e2e.privilege.parts.scenes import ERROR, pending, restoring
from tests.e2e.privilege.parts.steps import OLD, publish_again
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part

INVOKE = "lambda:InvokeFunction"
STEPS = {"deploy": "Deploy", "smoke": "Smoke", "publish": "Publish", "restore": "Move the route"}
PATH = "/v1/models/{model}/route"
APPROVAL = "/v1/models/{model}/versions/{version}/approval"


def coming_back(book: Book) -> Book:
    """Let the version before the one that serves be about to come back."""
    return book.change(MODEL, f"VERSION#{OLD}", state="REGISTERED").add(restoring(MODEL))


def context(moments: Moments) -> Any:
    """Give what the machine's steps are told of it."""
    (version,) = (one for one in moments["Rest"].book.of(MODEL, "VERSION#") if one["version"] == OLD)
    return {"model": MODEL, "run_id": version["run_id"], "registration": {"version": OLD}}


def post(bench: Bench, path: str, parameters: dict[str, str], body: dict[str, str]) -> Any:
    """Call the function as the API does."""
    event = {
        "routeKey": f"POST {path}",
        "rawPath": path,
        "headers": {"content-type": "application/json"},
        "requestContext": {"requestId": "r", "http": {"method": "POST"}},
        "pathParameters": parameters,
        "body": json.dumps({**body, "why": "a scene"}),
    }
    answer = bench.invoke("operate", event)
    if answer["statusCode"] != 200:
        raise Broken(f"{body} is answered {answer}")
    return json.loads(answer["body"])


def operate(bench: Bench, moments: Moments) -> Part:
    rest = moments["Rest"].book

    def ask(book: Book, action: str) -> Any:
        bench.ledger.write(book)
        bench.topic.forget()
        return post(bench, PATH, {"model": MODEL}, {"action": action})

    def the_previous_version_serves_again() -> None:
        if ask(rest, "rollback")["champion"] != OLD:
            raise Broken("it does not serve")
        bench.expect("a notification", bench.topic.heard, seconds=0)

    def uploads_that_waited_start_a_run() -> None:
        frozen = rest.change(MODEL, "ROUTE", frozen=True)
        ask(frozen.add(pending(frozen, MODEL)), "unfreeze")
        if not bench.ledger.read().of(MODEL, "LOCK"):
            raise Broken("no run was started")

    def a_version_without_an_endpoint_is_deployed_again() -> None:
        told = ask(rest.change(MODEL, f"VERSION#{OLD}", endpoint="", state="RETIRED"), "rollback")
        if told["restore"]["state"] != "RESTORING":
            raise Broken(f"it is {told['restore']}")

    def a_run_that_waits_hears_of_an_approval() -> None:
        parameters = {"model": approvals.MODEL, "version": str(approvals.NUMBER)}
        approvals.a_run_that_waits(
            bench, rest, lambda: post(bench, APPROVAL, parameters, {"decision": "approve"})
        )

    scenes = [
        a_run_that_waits_hears_of_an_approval,
        the_previous_version_serves_again,
        uploads_that_waited_start_a_run,
        a_version_without_an_endpoint_is_deployed_again,
    ]
    return Part(bench.of_function("operate"), scenes)


def restore(bench: Bench, moments: Moments) -> Part:
    def ended(event: Any, state: str) -> None:
        bench.ledger.write(coming_back(moments["Rest"].book))
        bench.topic.forget()
        bench.invoke("restore", event)
        bench.expect("a notification", bench.topic.heard, seconds=0)
        (record,) = bench.ledger.read().of(MODEL, "RESTORE")
        if record["state"] != state:
            raise Broken(f"it is {record}")

    def the_route_moves() -> None:
        ended(context(moments), "DONE")

    def it_is_given_up() -> None:
        ended({**context(moments), "error": ERROR}, "FAILED")

    return Part(bench.of_function("restore"), [the_route_moves, it_is_given_up])


def call(function: str, step: str) -> Any:
    """Make the part of one step of the machine."""

    def part(bench: Bench, moments: Moments) -> Part:
        publish_again(bench, moments)
        told = {**context(moments), "endpoint": {"name": bench.name(f"{MODEL}-v{OLD}")}}
        grants = bench.of_role(bench.restores.role, INVOKE)

        def step_of_the_machine() -> None:
            bench.ledger.write(coming_back(moments["Rest"].book))
            bench.restores.play(step, told)

        mine = [g for g in grants if g.resource.endswith(f":{bench.name(function)}")]
        return Part(mine, [step_of_the_machine])

    return part


PARTS = {
    "operate": operate,
    "restore": restore,
    **{f"restores_{function}": call(function, step) for function, step in STEPS.items()},
}
