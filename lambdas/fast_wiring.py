"""Constructs the predictor from adapters that import no AWS SDK."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from lambdas.aws.dynamo.idempotency_store import KeptAnswers
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.table import Table
from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.aws.fast import client as direct
from lambdas.aws.fast.endpoints import Invoker
from lambdas.aws.fast.online_features import OnlineReader
from lambdas.aws.fast.prediction_queue import PredictionQueue
from lambdas.aws.fast.shadow_queue import TrialQueue
from lambdas.aws.metrics import Meter
from lambdas.http.idempotency import Idempotency
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.serving.backends import Backends, Host
from lambdas.serving.ledger_cache import RouteCache, VersionCache
from lambdas.serving.prediction import Predictor
from lambdas.serving.prediction_records import PredictionRecords
from lambdas.serving.request_context import BESIDE_SECONDS
from lambdas.serving.shadow_sampling import Sampler
from lambdas.serving.traffic import Traffic
from lambdas.serving.version_client import VersionClient
from relearn.naming.environment import Variable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


now = partial(datetime.now, UTC)
"""Returns the current time, aware."""


class Tables(NamedTuple):
    """Clients and readers of the tables, of a process that answers predictions."""

    client: direct.DynamoDB
    table: Table
    ledger: Ledger
    versions: VersionCache


def tables(config: Config) -> Tables:
    """Construct the clients and readers of the tables."""
    client = direct.DynamoDB(direct.service("dynamodb", os.environ))
    table = Table(cast("DynamoDBClient", client), config.need(Variable.LEDGER_TABLE))
    ledger = Ledger(table, now)
    return Tables(client, table, ledger, VersionCache(ledger, config.need(Variable.STAGE)))


def make(config: Config, tables: Tables, host: Host) -> Predictor:
    """Construct the predictor.

    Parameters
    ----------
    config
        Settings of the function.
    tables
        Readers of the tables.
    host
        Invokes the versions that are hosted in Lambda.
    """
    queue = direct.service("sqs", os.environ)
    prediction_queue = PredictionQueue(
        queue=queue,
        url=config.need(Variable.RECORDS_QUEUE_URL),
        s3=partial(direct.service, "s3", os.environ),
        lake=config.need(Variable.LAKE_BUCKET),
    )
    return Predictor(
        routes=RouteCache(tables.ledger, time.monotonic),
        traffic=_traffic(config, tables, host, queue),
        idempotency=Idempotency(KeptAnswers(tables.table, time.time)),
        records=PredictionRecords(prediction_queue, now),
        meter=Meter(config.need(Variable.STAGE), now),
        catalog=catalog.load(),
    )


def _traffic(config: Config, tables: Tables, host: Host, queue: direct.Service) -> Traffic:
    quick = cast("DynamoDBClient", tables.client.within(BESIDE_SECONDS))
    endpoints = Invoker(direct.service("sagemaker", os.environ))
    return Traffic(
        client=VersionClient(
            versions=tables.versions,
            backends=Backends(endpoints=endpoints, host=host),
            features=OnlineReader(tables.client, config.need(Variable.ONLINE_TABLE)),
        ),
        counts=LiveCounts(quick, config.need(Variable.LEDGER_TABLE), now),
        queue=TrialQueue(queue, config.need(Variable.TRIALS_QUEUE_URL)),
        sampler=Sampler(time.monotonic),
    )
