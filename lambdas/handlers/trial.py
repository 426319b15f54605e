"""The function ``trial``: parses its event and calls `lambdas.serving.shadow_trials`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lambdas import once_per_process
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.table import Table
from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.aws.fast import client as direct
from lambdas.aws.fast.endpoints import Invoker
from lambdas.aws.fast.hosts import HostFunctions
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.serving.backends import Backends
from lambdas.serving.ledger_cache import VersionCache
from lambdas.serving.shadow_trials import Trials
from relearn.naming.environment import Variable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@once_per_process
def service() -> Trials:
    """Construct the service that carries out shadow requests."""
    config, now = Config.from_env(), partial(datetime.now, UTC)
    stage, table = config.need(Variable.STAGE), config.need(Variable.LEDGER_TABLE)
    client = cast("DynamoDBClient", direct.DynamoDB(direct.service("dynamodb", os.environ)))
    return Trials(
        versions=VersionCache(Ledger(Table(client, table), now), stage),
        backends=Backends(
            endpoints=Invoker(direct.service("sagemaker", os.environ)),
            host=HostFunctions(direct.service("lambda", os.environ), stage),
        ),
        counts=LiveCounts(client, table, now),
        catalog=catalog.load(),
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Carry out all shadow requests, and return the messages that failed."""
    return service().take(event["Records"]).told()
