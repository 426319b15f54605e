"""Answers ``POST /v1/models/{model}/predict``: the hot path. Beside it `lambdas.infer`, the same in other words.

Nothing here or below imports an AWS SDK; `bench/predict.py` measures what that saves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from lambdas import answers, catalog, http, idempotency, parts, waiting
from lambdas.aws import direct
from lambdas.aws.invoke import Invoker
from lambdas.aws.kept_answers import KeptAnswers
from lambdas.aws.ledger import Ledger
from lambdas.aws.metrics import Meter
from lambdas.aws.online_reader import OnlineReader
from lambdas.aws.outbox import Outbox
from lambdas.aws.table import Table
from lambdas.catalog import Catalog
from lambdas.config import Config
from lambdas.http import Content, Request
from lambdas.idempotency import Idempotency
from lambdas.keeping import Keeper
from lambdas.logs import entry
from lambdas.lookup import Lookup
from lambdas.parts import Part
from lambdas.visit import Visit
from relearn import names, online, schema
from relearn.routing import Route
from relearn.spec import ModelSpec

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ROUTE_SECONDS = 5.0
"""For how long a route may be remembered: a promotion or rollback takes effect within this."""
MODEL_SECONDS = 25.0
"""How long an endpoint may take, a retry included; API Gateway gives up after 30 s."""
ANSWER_SECONDS = 1.0
"""What is left of the function's time, for the answer that says the rest was not enough."""


def _read(spec: ModelSpec, request: Request) -> list[dict[str, Any]]:
    """Read ``{"instances": [{column: value, ...}, ...]}``."""
    return schema.check_request(spec, request.json(), by_entity=True)


class Predictor:
    """Predicts; for any number of threads.

    Parameters
    ----------
    ledger, invoker, lookup, idempotency, keeper, meter
        Adapters.
    catalog
        The models.
    stage
        Name of the stage.
    clock
        Seconds that only grow.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        invoker: Invoker,
        lookup: Lookup,
        idempotency: Idempotency,
        keeper: Keeper,
        meter: Meter,
        catalog: Catalog,
        stage: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._invoker = invoker
        self._lookup = lookup
        self._idempotency = idempotency
        self._keeper = keeper
        self._meter = meter
        self._catalog = catalog
        self._stage = stage
        self._clock = clock
        self._routes: dict[str, tuple[float, Route]] = {}
        self._cold = True

    def answer(self, event: Any, seconds: float) -> dict[str, Any]:
        """Answer an event of the API.

        Parameters
        ----------
        event
            HTTP API, payload format 2.0.
        seconds
            How long the function has.
        """
        visit = Visit(seconds - ANSWER_SECONDS, cold=self._cold, clock=self._clock)
        self._cold = False
        answer = http.serve(event, lambda request: self._answer(request, visit))
        if answer["statusCode"] == HTTPStatus.OK:
            self._keeper.send(visit)
        return visit.finish(answer, self._meter, answer["headers"]["x-request-id"])

    def _answer(self, request: Request, visit: Visit) -> dict[str, Any] | Content:
        if not http.is_v2(request.path):
            return self.predict(request, visit)
        from lambdas import infer  # noqa: PLC0415 - most processes never need it

        return infer.answer(self.predict, request, visit)

    def predict(
        self,
        request: Request,
        visit: Visit,
        read: Callable[[ModelSpec, Request], list[dict[str, Any]]] = _read,
    ) -> dict[str, Any]:
        """Ask the champion.

        Parameters
        ----------
        request
            Its body holds the instances.
        visit
            Is told what happens.
        read
            Finds the instances in the request and checks them.

        Returns
        -------
        dict
            ``model``, ``version`` and ``predictions``, one for each instance, each with its ``id``.

        Raises
        ------
        Exception
            One of `lambdas.http.PROBLEMS`.
        """
        spec = self._catalog.spec(request.model or "")
        visit.model = spec.name
        with visit.phase("validate"):
            key = idempotency.read_key(request.headers)
            instances = read(spec, request)
            visit.rows = len(instances)
            bodies = parts.split(instances)
        ask = partial(self._ask, spec, instances, bodies, request.id, visit)
        if key is None:
            answer = ask()
        else:
            answer, visit.replayed = self._idempotency.once(spec.name, key, request.body, ask)
            visit.version = answer["version"]
        return self._keeper.note(spec, instances, answer, visit)

    def _ask(
        self,
        spec: ModelSpec,
        instances: list[dict[str, Any]],
        bodies: list[Part],
        request_id: str,
        visit: Visit,
    ) -> dict[str, Any]:
        version = visit.version = self._champion(spec.name)
        endpoint = names.endpoint(self._stage, spec.name, version)
        whole = self._lookup.complete(spec, version, instances, visit)
        if whole is not instances:
            bodies = parts.split(whole)

        def ask(part: Part) -> list[dict[str, Any]]:
            count, body = part
            answer = self._invoker.ask(endpoint, body, min(MODEL_SECONDS, visit.seconds_left()))
            return answers.read(spec, version, count, answer)

        with visit.phase("model"):
            outputs = parts.each(ask, bodies)
        added = {} if whole is instances else online.looked_up(spec, instances, whole)
        return self._keeper.answer(spec.name, version, outputs, request_id, visit, looked_up=added)

    def _champion(self, model: str) -> int:
        now = self._clock()
        read_at, route = self._routes.get(model, (0.0, None))
        if route is None or now - read_at >= ROUTE_SECONDS:
            route = self._ledger.route(model)
            if not route.champion:
                raise waiting.why(self._ledger, model)
            self._routes[model] = (now, route)
        return route.champion


@cache
def predictor() -> Predictor:
    """Make the function's one service."""
    config = Config.from_env()
    client = direct.DynamoDB(direct.service("dynamodb", os.environ))
    table = Table(cast("DynamoDBClient", client), config.need("LEDGER_TABLE"))
    outbox = Outbox(
        queue=direct.service("sqs", os.environ),
        url=config.need("RECORDS_QUEUE_URL"),
        s3=partial(direct.service, "s3", os.environ),
        lake=config.need("LAKE_BUCKET"),
    )
    return Predictor(
        ledger=Ledger(table, _now),
        invoker=Invoker(direct.service("sagemaker", os.environ)),
        lookup=Lookup(OnlineReader(client, config.need("ONLINE_TABLE"))),
        idempotency=Idempotency(KeptAnswers(table, time.time)),
        keeper=Keeper(outbox, _now),
        meter=Meter(config.need("STAGE"), _now),
        catalog=catalog.load(),
        stage=config.need("STAGE"),
    )


@entry
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer a prediction request."""
    return predictor().answer(event, context.get_remaining_time_in_millis() / 1000)


def _now() -> datetime:
    return datetime.now(UTC)
