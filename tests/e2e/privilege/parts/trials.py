"""A candidate that is tried: what predict counts and copies, and the function that asks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from relearn.traffic import route as routing
from relearn.traffic import shadow_requests
from relearn.traffic.route import Route
from relearn.traffic.shadow_requests import Trial
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.ledger import Book
from tests.e2e.privilege.parts.ingest import QUEUE, read_queue
from tests.e2e.privilege.run import Moments
from tests.e2e.privilege.trial import Broken, Part

MODEL = "tickets"
"""Asked by no other scene: predict remembers a route for five seconds."""
NOBODY, WEIGHT = 99, 50


IN_LAMBDA = {"type": "in_lambda", "memory_mb": 1769}
_numbers = count(200)


def in_lambda(book: Book, model: str) -> tuple[Book, int]:
    """Write down another version of a model, which runs in Lambda and is what the first one is: nobody knows it yet."""
    number = next(_numbers)
    (first,) = book.of(model, "VERSION#1")
    return book.add({**first, "sk": f"VERSION#{number}", "version": number, "hosting": IN_LAMBDA}), number


def tried(book: Book, model: str = MODEL) -> tuple[Book, str]:
    """Write a route with a candidate that has no endpoint; and a caller whom it would answer.

    What it fails is counted, and what the champion answers in its place is copied for it.
    """
    item = book[f"MODEL#{model}", "ROUTE"]
    route = Route(champion=int(item["champion"]), candidate=NOBODY, weight=WEIGHT, shadow=True)
    key = next(key for number in count() if routing.choose(route, key := f"caller-{number}") == NOBODY)
    return book.change(model, "ROUTE", candidate=NOBODY, weight=WEIGHT, shadow=True), key


def a_candidate_is_tried(bench: Bench, moments: Moments) -> Callable[[], None]:
    """A scene of predict's: what the candidate fails is counted, and the champion's answer is copied."""
    book, key = tried(moments["Rest"].book)
    asked = {"instances": bench.stage.sample(MODEL)}

    def a_candidate_is_tried() -> None:
        bench.ledger.write(book)
        bench.stage.client("sqs").purge_queue(QueueUrl=bench.stage.queue_of("trial"))
        status, _, answer = bench.stage.http(
            f"/v1/models/{MODEL}/predict", asked, headers={"x-relearn-key": key}
        )
        if status != 200:
            raise Broken(f"predict answers {status}: {answer}")
        if counted(bench, NOBODY).get("errors") != 1:
            raise Broken("what the candidate failed is not counted")
        if not bench.stage.queued("trial"):
            raise Broken("no copy for the candidate")

    return a_candidate_is_tried


def trial(bench: Bench, moments: Moments) -> Part:
    book = moments["Rest"].book
    given = _trial(bench, book)

    def ask(book: Book, candidate: int) -> None:
        bench.ledger.write(book)
        body = shadow_requests.write(replace(given, candidate=candidate))
        failed = bench.invoke("trial", {"Records": [{"messageId": "1", "body": body}]})["batchItemFailures"]
        if failed:
            raise Broken(f"not counted: {failed}")
        if counted(bench, candidate).get("errors"):
            raise Broken("the candidate was not asked")

    def the_candidate_is_asked() -> None:
        ask(book, given.candidate)

    def a_candidate_in_lambda_is_asked() -> None:
        ask(*in_lambda(book, MODEL))

    scenes = [the_candidate_is_asked, a_candidate_in_lambda_is_asked]
    return Part(bench.of_function("trial", *QUEUE), scenes)


def queue(bench: Bench, moments: Moments) -> Part:
    book = moments["Rest"].book
    body = shadow_requests.write(_trial(bench, book))

    def message() -> str:
        bench.ledger.write(book)
        return body

    return read_queue(bench, "trial", message)


def _trial(bench: Bench, book: Book) -> Trial:
    """Make a trial in which the champion is its own candidate."""
    version, instances = _champion(book), bench.stage.sample(MODEL)
    _, _, answer = bench.stage.http(f"/v1/models/{MODEL}/predict", {"instances": instances})
    predictions = [{k: v for k, v in one.items() if k != "id"} for one in answer["predictions"]]
    return Trial(
        model=MODEL,
        revision=1,
        candidate=version,
        champion=version,
        instances=instances,
        predictions=predictions,
        milliseconds=1.0,
    )


def _champion(book: Book) -> int:
    item = book[f"MODEL#{MODEL}", "ROUTE"]
    return int(item["champion"])


def counted(bench: Bench, version: int, model: str = MODEL) -> dict[str, Any]:
    """What was counted of a version in whichever step."""
    end = f"#{version}"
    found = (
        item for (pk, sk), item in bench.ledger.read().items() if pk == f"LIVE#{model}" and sk.endswith(end)
    )
    return next(found, {})


PARTS = {"trial": trial, "trial_queue": queue}
