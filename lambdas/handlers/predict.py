"""Answers ``POST /v1/models/{model}/predict``: the hot path. Beside it `lambdas.serving.open_inference`, the same in other words.

Nothing here or below imports an AWS SDK; `bench/predict.py` measures what that saves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from lambdas.aws.dynamo.idempotency_store import KeptAnswers
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.table import Table
from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.aws.fast import client as direct
from lambdas.aws.fast.endpoints import Invoker
from lambdas.aws.fast.hosts import HostFunctions
from lambdas.aws.fast.online_features import OnlineReader
from lambdas.aws.fast.prediction_queue import Outbox
from lambdas.aws.fast.shadow_queue import TrialQueue
from lambdas.aws.metrics import Meter
from lambdas.http import idempotency, responses, sticky_key
from lambdas.http.idempotency import Idempotency, Key
from lambdas.http.request import Request, is_v2
from lambdas.http.responses import Content
from lambdas.runtime import catalog
from lambdas.runtime.catalog import Catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.serving import background, chunks
from lambdas.serving.backends import Host, Places
from lambdas.serving.online_features import Lookup
from lambdas.serving.prediction_records import Keeper
from lambdas.serving.request_context import Visit
from lambdas.serving.route_cache import RouteMemory
from lambdas.serving.shadow_sampling import Sampler
from lambdas.serving.traffic import Trying
from lambdas.serving.version_cache import VersionMemory
from lambdas.serving.version_client import Asker, Question
from relearn.api import request_schema
from relearn.records import online_features
from relearn.spec.model import ModelSpec

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ANSWER_SECONDS = 1.0
"""What is left of the function's time, for the answer that says the rest was not enough."""


def _read(spec: ModelSpec, request: Request) -> list[dict[str, Any]]:
    """Read ``{"instances": [{column: value, ...}, ...]}``."""
    return request_schema.check_request(spec, request.json(), by_entity=True)


class Predictor:
    """Predicts; for any number of threads.

    Parameters
    ----------
    routes
        Knows which versions answer.
    trying
        Asks them.
    idempotency, keeper, meter
        Adapters.
    catalog
        The models.
    clock
        Seconds that only grow.
    """

    def __init__(
        self,
        *,
        routes: RouteMemory,
        trying: Trying,
        idempotency: Idempotency,
        keeper: Keeper,
        meter: Meter,
        catalog: Catalog,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._routes = routes
        self._trying = trying
        self._idempotency = idempotency
        self._keeper = keeper
        self._meter = meter
        self._catalog = catalog
        self._clock = clock
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
        answer = responses.serve(event, lambda request: self._answer(request, visit))
        with background.running(visit):
            if answer["statusCode"] == HTTPStatus.OK:
                self._keeper.send(visit)
        return visit.finish(answer, self._meter, answer["headers"]["x-request-id"])

    def _answer(self, request: Request, visit: Visit) -> dict[str, Any] | Content:
        if not is_v2(request.path):
            return self.predict(request, visit)
        from lambdas.serving import open_inference  # noqa: PLC0415 - most processes never need it

        return open_inference.answer(self.predict, request, visit)

    def predict(
        self,
        request: Request,
        visit: Visit,
        read: Callable[[ModelSpec, Request], list[dict[str, Any]]] = _read,
    ) -> dict[str, Any]:
        """Ask the champion, or the candidate that is tried beside it.

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
            One of `lambdas.http.problems.PROBLEMS`.
        """
        spec = self._catalog.spec(request.model or "")
        visit.model = spec.name
        with visit.phase("validate"):
            key = idempotency.read_key(request.headers)
            caller = sticky_key.read(request.headers) or request.id
            instances = read(spec, request)
            visit.rows = len(instances)
            question = Question(spec, instances, chunks.split(instances))
        ask = partial(self._ask, question, caller, request.id, visit)
        if key is None:
            answer = ask()
        else:
            asked = Key(request.principal, spec.name, key, request.body)
            answer, visit.replayed = self._idempotency.once(asked, ask)
            visit.version = answer["version"]
        return self._keeper.note(spec, instances, answer, visit)

    def _ask(self, question: Question, caller: str, request_id: str, visit: Visit) -> dict[str, Any]:
        spec, given = question.spec, question.instances
        answered = self._trying.answer(question, self._routes.read(spec.name), caller, visit)
        visit.version, whole = answered.version, answered.instances
        added = {} if whole is given else online_features.looked_up(spec, given, whole)
        return self._keeper.answer(
            spec.name, answered.version, answered.outputs, request_id, visit, looked_up=added
        )


class Tables(NamedTuple):
    """What a process that predicts reads the tables with."""

    client: direct.DynamoDB
    table: Table
    ledger: Ledger
    versions: VersionMemory


def tables(config: Config) -> Tables:
    """Make what reads the tables."""
    client = direct.DynamoDB(direct.service("dynamodb", os.environ))
    table = Table(cast("DynamoDBClient", client), config.need("LEDGER_TABLE"))
    ledger = Ledger(table, _now)
    return Tables(client, table, ledger, VersionMemory(ledger, config.need("STAGE")))


def make(config: Config, tables: Tables, host: Host) -> Predictor:
    """Make what predicts.

    Parameters
    ----------
    host
        Asks the versions that run in Lambda.
    """
    queue = direct.service("sqs", os.environ)
    outbox = Outbox(
        queue=queue,
        url=config.need("RECORDS_QUEUE_URL"),
        s3=partial(direct.service, "s3", os.environ),
        lake=config.need("LAKE_BUCKET"),
    )
    return Predictor(
        routes=RouteMemory(tables.ledger, time.monotonic),
        trying=_trying(config, tables, host, queue),
        idempotency=Idempotency(KeptAnswers(tables.table, time.time)),
        keeper=Keeper(outbox, _now),
        meter=Meter(config.need("STAGE"), _now),
        catalog=catalog.load(),
    )


def _trying(config: Config, tables: Tables, host: Host, queue: direct.Service) -> Trying:
    quick = cast("DynamoDBClient", tables.client.within(background.SECONDS))
    endpoints = Invoker(direct.service("sagemaker", os.environ))
    return Trying(
        asker=Asker(
            versions=tables.versions,
            places=Places(endpoints=endpoints, host=host),
            lookup=Lookup(OnlineReader(tables.client, config.need("ONLINE_TABLE"))),
        ),
        counts=LiveCounts(quick, config.need("LEDGER_TABLE"), _now),
        queue=TrialQueue(queue, config.need("TRIALS_QUEUE_URL")),
        sampler=Sampler(time.monotonic),
    )


@cache
def predictor() -> Predictor:
    """Make the function's one service."""
    config = Config.from_env()
    hosts = HostFunctions(direct.service("lambda", os.environ), config.need("STAGE"))
    return make(config, tables(config), hosts)


@entry
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer a prediction request."""
    return predictor().answer(event, context.get_remaining_time_in_millis() / 1000)


def _now() -> datetime:
    return datetime.now(UTC)
