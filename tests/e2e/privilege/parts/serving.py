"""The functions behind the HTTP API."""

from __future__ import annotations

import uuid

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.parts.steps import publish_again
from tests.e2e.privilege.parts.trials import IN_LAMBDA, a_candidate_is_tried
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part


def answers(
    bench: Bench, function: str, status: int, path: str, body: object = None, *, key: str = ""
) -> None:
    """Call the API; it must answer with this status, and the function must leave a log."""
    began = bench.now()
    answered, _, content = bench.stage.http(path, body, headers={"idempotency-key": key} if key else {})
    if answered != status:
        raise Broken(f"{path} answers {answered}: {content}")
    bench.expect(f"a log of {function}", lambda: bench.logged(function, since=began), seconds=0)


def predict(bench: Bench, moments: Moments) -> Part:
    book = moments["Rest"].book
    publish_again(bench, moments)
    iris, products = ({"instances": bench.stage.sample(model)} for model in (MODEL, "products"))
    # As many rows and digits as a request takes: more than a message holds.
    long_rows = {"instances": [dict.fromkeys(iris["instances"][0], 1.2345678901234567e-05)] * 1000}

    def a_model_that_serves() -> None:
        bench.ledger.write(book)
        answers(bench, "predict", 200, f"/v1/models/{MODEL}/predict", iris)

    def a_model_that_does_not_serve_yet() -> None:
        bench.ledger.write(book.drop("products", "ROUTE"))  # only a route that serves is remembered
        answers(bench, "predict", 503, "/v1/models/products/predict", products)

    def a_key_is_free_again_when_its_request_failed() -> None:
        bench.ledger.write(book.drop("products", "ROUTE"))
        key = str(uuid.uuid4())
        for _ in range(2):
            answers(bench, "predict", 503, "/v1/models/products/predict", products, key=key)

    def a_record_is_sent_however_large_it_is() -> None:
        bench.ledger.write(book)
        for instances in (iris, long_rows):
            bench.stage.client("sqs").purge_queue(QueueUrl=bench.stage.queue_of("record"))
            answers(bench, "predict", 200, f"/v1/models/{MODEL}/predict", instances)
            if not bench.stage.queued("record"):
                raise Broken("the record is lost")

    def a_customer_is_looked_up_and_a_host_is_asked() -> None:
        (version,) = book.of("churn", "VERSION#")
        bench.ledger.write(book.change("churn", version["sk"], hosting=IN_LAMBDA))
        customer = bench.online.entities("churn", int(version["version"]))[0]
        asked = {"instances": [{"customer_id": customer}]}
        answers(bench, "predict", 200, "/v1/models/churn/predict", asked)

    scenes = [
        a_model_that_serves,
        a_customer_is_looked_up_and_a_host_is_asked,
        a_model_that_does_not_serve_yet,
        a_key_is_free_again_when_its_request_failed,
        a_record_is_sent_however_large_it_is,
        a_candidate_is_tried(bench, moments),
    ]
    return Part(bench.of_function("predict"), scenes)


def models(bench: Bench, moments: Moments) -> Part:
    def a_model_that_does_not_serve_yet() -> None:
        bench.ledger.write(moments["Rest"].book.drop("diabetes", "ROUTE"))
        answers(bench, "models", 200, "/v1/models/diabetes")

    return Part(bench.of_function("models"), [a_model_that_does_not_serve_yet])


def docs(bench: Bench, _moments: Moments) -> Part:
    def the_api_is_described() -> None:
        answers(bench, "docs", 200, "/openapi.json")

    return Part(bench.of_function("docs"), [the_api_is_described])


PARTS = {"predict": predict, "models": models, "docs": docs}
