"""Answers prediction requests, ``POST /v1/models/{model}/predict``: the latency-critical path.

`lambdas.serving.open_inference` answers the same requests in the form of the Open Inference Protocol. Nothing
that this module imports loads an AWS SDK; `bench/predict.py` measures what that saves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from lambdas.aws.metrics import Meter
from lambdas.http import responses
from lambdas.http.idempotency import Idempotency, Key
from lambdas.http.request import Request, is_v2, read_idempotency_key, read_sticky_key
from lambdas.http.responses import Content
from lambdas.runtime.catalog import Catalog
from lambdas.serving.ledger_cache import RouteCache
from lambdas.serving.prediction_records import PredictionRecords
from lambdas.serving.request_context import RequestContext
from lambdas.serving.traffic import Traffic
from lambdas.serving.version_client import Payload, write
from relearn.api import answer_size, request_schema
from relearn.records import online_features
from relearn.spec.model import ModelSpec

ANSWER_SECONDS = 1.0
"""Seconds of the function's time kept back, to answer a request that ran out of time."""
API_SECONDS = 30.0
"""Seconds that API Gateway waits for an answer, from the arrival of the request on. A new execution environment uses
some of them before the function's own time begins."""


def _read(spec: ModelSpec, request: Request) -> list[dict[str, Any]]:
    """Return the checked instances of ``{"instances": [{column: value, ...}, ...]}``."""
    return request_schema.check_request(spec, request.json(), by_entity=True)


def _seconds_of_api(event: Any) -> float:
    """Return the seconds that API Gateway goes on waiting; all of them for an event that it does not wait for."""
    age = time.time() - event["requestContext"].get("timeEpoch", 0) / 1000
    return API_SECONDS - age if 0 <= age < API_SECONDS else API_SECONDS


class Predictor:
    """Answers prediction requests; thread-safe.

    Parameters
    ----------
    routes
        Reads the route of a model.
    traffic
        Sends instances to the version that the route chooses.
    idempotency
        Answers repeated idempotency keys with the first answer.
    records
        Sends prediction records.
    meter
        Receives the metrics of each request.
    catalog
        Specs of all models.
    clock
        Monotonic clock, in seconds.
    """

    def __init__(
        self,
        *,
        routes: RouteCache,
        traffic: Traffic,
        idempotency: Idempotency,
        records: PredictionRecords,
        meter: Meter,
        catalog: Catalog,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._routes = routes
        self._traffic = traffic
        self._idempotency = idempotency
        self._records = records
        self._meter = meter
        self._catalog = catalog
        self._clock = clock
        self._cold = True

    def answer(self, event: Any, seconds: float) -> dict[str, Any]:
        """Answer an event of the API, send its prediction record, and write its metrics.

        Parameters
        ----------
        event
            Event of an HTTP API, payload format 2.0.
        seconds
            Remaining time of the function, in seconds.
        """
        left = min(seconds, _seconds_of_api(event)) - ANSWER_SECONDS
        context = RequestContext(left, cold=self._cold, clock=self._clock)
        self._cold = False
        answer = responses.serve(event, partial(self._answer, context=context))
        with context.work_beside():
            if answer["statusCode"] == HTTPStatus.OK:
                self._records.send(context)
        return context.finish(answer, self._meter, answer["headers"]["x-request-id"])

    def _answer(self, request: Request, context: RequestContext) -> dict[str, Any] | Content:
        if not is_v2(request.path):
            return self.predict(request, context)
        from lambdas.serving import open_inference  # noqa: PLC0415 - most processes never need it

        return open_inference.answer(self.predict, request, context)

    def predict(
        self,
        request: Request,
        context: RequestContext,
        read: Callable[[ModelSpec, Request], list[dict[str, Any]]] = _read,
    ) -> dict[str, Any]:
        """Return predictions of the version that the route chooses: the champion or a canary.

        Parameters
        ----------
        request
            The request; its body holds the instances.
        context
            Receives what the request's metrics report.
        read
            Reads and checks the instances of the request.

        Returns
        -------
        dict
            ``model``, ``version`` and ``predictions``, one for each instance, each with its ``id``.

        Raises
        ------
        Exception
            One of `lambdas.http.problems.PROBLEMS`.
        """
        spec = self._catalog.spec(request.model or "")
        context.model = spec.name
        with context.phase("validate"):
            key = read_idempotency_key(request.headers)
            caller = read_sticky_key(request.headers) or request.id
            instances = read(spec, request)
            context.rows = len(instances)
            if (
                context.rows > 1
            ):  # the answer to one is sent whatever its size: it cannot be asked for in parts
                answer_size.check_count(spec, context.rows)
            payload = write(spec, instances)
        ask = partial(self._ask, payload, caller, request.id, context)
        if key is None:
            answer = ask()
        else:
            asked = Key(request.principal, spec.name, key, request.body)
            answer, context.replayed = self._idempotency.once(asked, ask)
            context.version = answer["version"]
        return self._records.note(spec, instances, answer, context)

    def _ask(self, payload: Payload, caller: str, request_id: str, context: RequestContext) -> dict[str, Any]:
        spec, sent = payload.spec, payload.instances
        version, instances, predictions = self._traffic.answer(
            payload, self._routes.route(spec.name), caller, context
        )
        context.version = version
        looked_up = {} if instances is sent else online_features.looked_up(spec, sent, instances)
        return self._records.answer(spec.name, version, predictions, request_id, context, looked_up=looked_up)
