"""A version waits for a person: the steps that ask and heed, what hears of the Model Registry, and who tells the run."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from tests.e2e.privilege import policies
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.ledger import Book
from tests.e2e.privilege.run import Moments
from tests.e2e.privilege.trial import Broken, Part
from training import catalog

MODEL, NUMBER = "diabetes", 1
RUN = "20990101t000000-waits0"
"""Of no execution: one that has ended would be a run that died."""
ASK, HEED = "Ask for approval", "Decision"
INVOKE = "lambda:InvokeFunction"
SECONDS = 10.0
_attempts = itertools.count()
_LATER = "2999-01-01T00:00:00.000+00:00"
_WORDS = {"WAITING": ("", ""), "APPROVED": ("ann", "a scene")}


def asked(book: Book, state: str = "WAITING", model: str = MODEL, token: str = "") -> Book:
    """Let a model's run wait for a decision about its version, which may be there already."""
    (version,) = (one for one in book.of(model, "VERSION#") if one["version"] == NUMBER)
    run = next(one for one in book.of(model, "RUN#") if one["run_id"] == version["run_id"])
    who, why = _WORDS[state]
    question = {"state": state, "hours": 1, "until": _LATER, "who": who, "why": why, "at": ""}
    task = {"token": token, "attempt": "1" if token else ""}
    lock = {"pk": run["pk"], "sk": "LOCK", "run_id": RUN, "taken_at": run["started_at"]}
    waits = {**run, "sk": f"RUN#{RUN}", "run_id": RUN, "state": "AWAITING_APPROVAL", "version": NUMBER}
    changed = {**version, "state": "REGISTERED", "run_id": RUN, "approval": question, "task": task}
    return book.add(changed).add(waits).add(lock)


def context(model: str = MODEL) -> dict[str, Any]:
    """Give what the machine's steps are told."""
    registered = {"version": NUMBER, "approval": "manual", "wait_seconds": 30}
    return {"model": model, "run_id": RUN, "registration": registered}


def a_run_that_waits(bench: Bench, book: Book, then: Callable[[], object]) -> None:
    """Let the stage's own machine wait for a decision; what comes then must let it go on."""
    bench.ledger.write(asked(book))
    bench.topic.forget()
    with bench.machine.only(ASK) as start:
        execution = start(context())
        bench.expect("the token", lambda: _token(bench), seconds=SECONDS)
        bench.expect("the question", bench.topic.heard, seconds=SECONDS)
        then()
        bench.expect("the run going on", lambda: bench.machine.succeeded(execution), seconds=SECONDS)


def _token(bench: Bench) -> str:
    found = bench.ledger.read()[f"MODEL#{MODEL}", f"VERSION#{NUMBER}"]
    return str(found["task"]["token"])


def _question(bench: Bench, model: str = MODEL) -> str:
    found = bench.ledger.read()[f"MODEL#{model}", f"VERSION#{NUMBER}"]
    return str(found["approval"]["state"])


def ask_approval(bench: Bench, moments: Moments) -> Part:
    book = moments["Rest"].book

    def people_are_asked() -> None:
        bench.ledger.write(asked(book))
        bench.topic.forget()
        event = {"model": MODEL, "version": NUMBER, "token": "t", "entered": "now", "retry": next(_attempts)}
        bench.invoke("ask-approval", event)
        bench.expect("the question", bench.topic.heard, seconds=0)

    def what_was_decided_before_moves_the_run() -> None:
        bench.ledger.write(asked(book, "APPROVED"))
        with bench.machine.only(ASK) as start:
            execution = start(context())
            bench.expect("the run going on", lambda: bench.machine.succeeded(execution), seconds=SECONDS)

    scenes = [people_are_asked, what_was_decided_before_moves_the_run]
    grants = [
        g
        for g in bench.of_role(bench.machine.role, INVOKE)
        if g.resource.endswith(":" + bench.name("ask-approval"))
    ]
    return Part([*bench.of_function("ask-approval"), *grants], scenes)


def decided(bench: Bench, moments: Moments) -> Part:
    """Every model has its own package group."""
    book = moments["Rest"].book

    def heeded(model: str) -> Callable[[], None]:
        def a_decision() -> None:
            bench.ledger.write(asked(_as_first(book, model), "APPROVED", model))
            told = bench.invoke("decided", context(model))
            if told["verdict"] != "approve":
                raise Broken(f"it says {told}")

        a_decision.__name__ = f"a_decision_about_{model}"
        return a_decision

    return Part(bench.of_function("decided"), [heeded(model) for model in catalog.load()])


def decision_step(bench: Bench, moments: Moments) -> Part:
    book = moments["Rest"].book

    def step_of_the_machine() -> None:
        bench.ledger.write(asked(book, "APPROVED"))
        bench.machine.play(HEED, context())

    grants = bench.of_role(bench.machine.role, INVOKE)
    return Part(
        [g for g in grants if g.resource.endswith(":" + bench.name("decided"))], [step_of_the_machine]
    )


def approval_event(bench: Bench, moments: Moments) -> Part:
    """Every model has its own package group."""
    book = moments["Rest"].book

    def hear(model: str) -> None:
        detail = {"ModelPackageGroupName": bench.name(model), "ModelPackageVersion": NUMBER}
        bench.invoke("approval-event", {"detail": detail})

    def heard(model: str) -> Callable[[], None]:
        def someone_approves() -> None:
            bench.ledger.write(asked(book, model=model))
            hear(model)
            if _question(bench, model) != "APPROVED":
                raise Broken("nobody decided")

        someone_approves.__name__ = f"someone_approves_a_version_of_{model}"
        return someone_approves

    def the_run_hears_of_it() -> None:
        def approved() -> None:
            hear(MODEL)
            bench.expect("a notification", bench.topic.heard, seconds=0)

        a_run_that_waits(bench, book, approved)

    scenes = [*(heard(model) for model in catalog.load()), the_run_hears_of_it]
    return Part(bench.of_function("approval-event"), scenes)


def rule(bench: Bench, _moments: Moments) -> Part:
    found = [g for g in policies.of_functions(bench.stage) if g.function == bench.name("approval-event")]

    def an_approval_in_the_registry_is_heard_of() -> None:
        events, (name,) = bench.stage.client("events"), [g.source.rpartition("/")[2] for g in found]
        events.enable_rule(Name=name)
        try:
            began = time.time()
            _approve_in_registry(bench)
            bench.expect(
                "approval_event", lambda: bench.logged("approval-event", since=began), seconds=SECONDS
            )
        finally:
            events.disable_rule(Name=name)

    return Part(found, [an_approval_in_the_registry_is_heard_of])


def the_sweep_finds_decisions(bench: Bench, moments: Moments) -> Callable[[], None]:
    """Make the scene of decisions in the registry whose events were lost, one about every model."""
    models = list(catalog.load())
    rest = moments["Rest"].book

    def decisions_in_the_registry_are_found() -> None:
        book = rest
        for model in models:
            book = asked(_as_first(book, model), model=model)
        bench.ledger.write(book)
        bench.invoke("sweep", {})
        undecided = [model for model in models if _question(bench, model) != "APPROVED"]
        if undecided:
            raise Broken(f"nobody decided about {undecided}")

    return decisions_in_the_registry_are_found


def the_sweep_tells_a_run(bench: Bench, moments: Moments) -> Callable[[], None]:
    """Make the scene of a decision that a run was not told of."""
    book = moments["Rest"].book

    def a_run_is_told_of_a_decision() -> None:
        def swept() -> None:
            bench.ledger.write(asked(book, "APPROVED", token=_token(bench)))
            bench.invoke("sweep", {})

        a_run_that_waits(bench, book, swept)

    return a_run_is_told_of_a_decision


def _as_first(book: Book, model: str) -> Book:
    """Let the first version of a model be the one that serves: what is approved is judged against it."""
    return book.change(model, "ROUTE", champion=NUMBER, previous=0)


def _approve_in_registry(bench: Bench) -> None:
    version = bench.ledger.read()[f"MODEL#{MODEL}", f"VERSION#{NUMBER}"]
    bench.hosting.client.update_model_package(
        ModelPackageArn=version["package_arn"], ModelApprovalStatus="Approved"
    )


PARTS = {
    "ask_approval": ask_approval,
    "decided": decided,
    "machine_decided": decision_step,
    "approval_event": approval_event,
    "approval_rule": rule,
}
