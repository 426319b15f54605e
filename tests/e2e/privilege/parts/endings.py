"""The functions that end runs and start the next: close_run, fail_run, sweep."""

from __future__ import annotations

from tests.e2e.privilege import run
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.ledger import Book, Item
from tests.e2e.privilege.online import SOME
from tests.e2e.privilege.parts import approvals, batches
from tests.e2e.privilege.parts.scenes import ERROR, pending, restoring
from tests.e2e.privilege.parts.steps import NEW, OLD, STAND_IN
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Part

SECONDS = 5.0
LONG_AGO = "2020-01-01T00:00:00.000+00:00"


def candidate(book: Book, name: str) -> Book:
    """Let the run's candidate be a version with the endpoint of this name, and with features.

    The real candidate stays as it is: an endpoint whose version names another one is an orphan, and would be removed.
    """
    real = book[f"MODEL#{MODEL}", f"VERSION#{NEW}"]
    (run,) = (one for one in book.of(MODEL, "RUN#") if one["version"] == NEW)
    stands_in = {**real, "sk": f"VERSION#{STAND_IN}", "version": STAND_IN, "endpoint": name, "online": SOME}
    return book.add(stands_in).change(MODEL, run["sk"], version=STAND_IN)


def close_run(bench: Bench, moments: Moments) -> Part:
    moment = moments["Close"]
    book = moment.book.add(pending(moment.book, MODEL))

    def a_run_is_closed_and_the_next_one_starts() -> None:
        bench.ledger.write(book)
        bench.topic.forget()
        bench.invoke("close-run", moment.context)
        bench.expect("a notification", bench.topic.heard, seconds=0)

    return Part(bench.of_function("close-run"), [a_run_is_closed_and_the_next_one_starts])


def fail_run(bench: Bench, moments: Moments) -> Part:
    moment = moments["Smoke"]
    name = bench.name(f"{MODEL}-v{STAND_IN}")
    book = candidate(moment.book, name).add(pending(moment.book, MODEL))

    def failed(*, endpoint: bool) -> None:
        bench.hosting.stand_in(name, endpoint=endpoint)
        bench.online.know(MODEL, STAND_IN)
        bench.ledger.write(book)
        bench.topic.forget()
        bench.invoke("fail-run", {**moment.context, "error": ERROR})
        bench.expect("a notification", bench.topic.heard, seconds=0)
        bench.online.expect(MODEL, STAND_IN, known=False)

    def a_run_fails_whose_endpoint_has_gone() -> None:
        failed(endpoint=False)

    def a_run_fails_with_an_endpoint() -> None:
        failed(endpoint=True)

    scenes = [a_run_fails_whose_endpoint_has_gone, a_run_fails_with_an_endpoint]
    return Part(bench.of_function("fail-run"), scenes)


def sweep(bench: Bench, moments: Moments) -> Part:
    """One model's run died with a candidate; of the other, an upload waits and another was never decided.

    And the file of a batch was not heard of: of another batch each time, for what is handed on is done later.
    """
    moment = moments["Smoke"]
    name = bench.name(f"{MODEL}-v{STAND_IN}")
    (seed,) = moment.book.of("diabetes", "UPLOAD#")
    times = {"RECEIVED": LONG_AGO}
    undecided = {**seed, "state": "RECEIVED", "received_at": LONG_AGO, "times": times}
    book = candidate(moment.book, name).add(pending(moment.book, "diabetes")).add(undecided)

    unheard = iter(run.UNHEARD)
    batches.wait_until_late(bench, run.UNHEARD[-1])

    def swept(*, endpoint: bool, besides: Item | None = None) -> None:
        batch = next(unheard)
        bench.hosting.stand_in(name, endpoint=endpoint)
        bench.online.know(MODEL, STAND_IN)
        there = book if besides is None else book.add(besides)
        bench.ledger.write(there.add(batches.record(batch, "WAITING_FOR_FILE")))
        bench.topic.forget()
        bench.invoke("sweep", {})
        bench.expect("a notification", bench.topic.heard, seconds=0)
        bench.online.expect(MODEL, STAND_IN, known=False)
        bench.expect("the batch decided", lambda: batches.state(bench, batch) == "FAILED", seconds=SECONDS)

    def everything_is_repaired() -> None:
        swept(endpoint=False)

    def a_candidate_with_an_endpoint_is_removed() -> None:
        swept(endpoint=True)

    def a_version_that_comes_back_goes_on() -> None:
        record = restoring("diabetes")
        swept(endpoint=False, besides=record)
        at = "".join(one for one in record["started_at"] if one.isalnum())
        execution = f"{bench.restores.arn.replace(':stateMachine:', ':execution:')}:diabetes-{OLD}-{at}"
        bench.restores.client.describe_execution(executionArn=execution)

    scenes = [
        everything_is_repaired,
        a_candidate_with_an_endpoint_is_removed,
        a_version_that_comes_back_goes_on,
        approvals.the_sweep_finds_decisions(bench, moments),
        approvals.the_sweep_tells_a_run(bench, moments),
    ]
    return Part(bench.of_function("sweep"), scenes)


PARTS = {"close_run": close_run, "fail_run": fail_run, "sweep": sweep}
