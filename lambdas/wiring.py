"""Where real adapters are made: one function a part, called by the handlers' factories once per process."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from lambdas.aws import clients
from lambdas.aws.alarms import Alarms
from lambdas.aws.callbacks import Callbacks
from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.aws.dynamo.exactly_once import Once
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.online_features import Online
from lambdas.aws.dynamo.table import Table
from lambdas.aws.dynamo.turns import Turns
from lambdas.aws.dynamo.upload_forms import FormRecords
from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.aws.executions import Executions
from lambdas.aws.fast import client
from lambdas.aws.fast.endpoints import Invoker
from lambdas.aws.fast.hosts import HostFunctions
from lambdas.aws.functions import Functions
from lambdas.aws.metrics import Meter
from lambdas.aws.notify import Notifier
from lambdas.aws.queue import IngestQueue
from lambdas.aws.s3.presigned import Links
from lambdas.aws.s3.ranged_reader import Blocks
from lambdas.aws.s3.storage import Storage
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.aws.sagemaker.registry import Registry
from lambdas.aws.sagemaker.scaling import Scaling
from lambdas.aws.sagemaker.transforms import Transforms
from lambdas.batches.lifecycle import Closing
from lambdas.batches.results import BatchResults
from lambdas.rollout.approvals import Approving
from lambdas.rollout.route_changes import Operating
from lambdas.runs.lifecycle import Runs
from lambdas.runs.retirement import Retirement
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.serving.backends import Places


def now() -> datetime:
    """Give the time, aware."""
    return datetime.now(UTC)


def table(config: Config) -> Table:
    """Make what reads and writes the ledger's table."""
    return Table(clients.dynamodb(), config.need("LEDGER_TABLE"))


def ledger(config: Config) -> Ledger:
    """Make the ledger."""
    return Ledger(table(config), now)


def turns(config: Config) -> Turns:
    """Make what knows whose checks are under way."""
    return Turns(table(config), now)


def live_counts(config: Config) -> LiveCounts:
    """Make what knows how a candidate and the champion do."""
    return LiveCounts(clients.dynamodb(), config.need("LEDGER_TABLE"), now)


def storage() -> Storage:
    """Make what reads and writes buckets."""
    return Storage(clients.s3())


def alarms() -> Alarms:
    """Make what knows which alarms ring."""
    return Alarms(clients.cloudwatch())


def meter(config: Config) -> Meter:
    """Make what counts."""
    return Meter(config.need("STAGE"), now)


def notifier(config: Config) -> Notifier:
    """Make what tells people."""
    return Notifier(clients.sns(), config.need("TOPIC_ARN"), config.need("STAGE"))


def executions(config: Config) -> Executions:
    """Make what starts executions."""
    return Executions(clients.stepfunctions(), config.need("STATE_MACHINE_ARN"))


def restores(config: Config) -> Executions:
    """Make what starts the executions that deploy versions again."""
    return Executions(clients.stepfunctions(), config.need("RESTORE_MACHINE_ARN"))


def endpoints(config: Config) -> Endpoints:
    """Make what makes endpoints."""
    return Endpoints(clients.sagemaker(), config.need("STAGE"), Scaling(clients.scaling()))


def online(config: Config) -> Online:
    """Make what writes and deletes features that are looked up."""
    return Online(clients.dynamodb(), config.need("ONLINE_TABLE"))


def lake_blocks(config: Config) -> Blocks:
    """Make what reads the lake's large objects."""
    return Blocks(clients.s3(), config.need("LAKE_BUCKET"))


def retirement(config: Config) -> Retirement:
    """Make what removes versions that no route needs."""
    return Retirement(ledger=ledger(config), endpoints=endpoints(config), online=online(config))


def registry(config: Config) -> Registry:
    """Make what registers candidates."""
    return Registry(clients.sagemaker(), config.need("STAGE"))


def places(config: Config) -> Places:
    """Make what asks versions where they are."""
    return Places(
        endpoints=Invoker(client.service("sagemaker", os.environ)),
        host=HostFunctions(client.service("lambda", os.environ), config.need("STAGE")),
    )


def ingest_queue(config: Config) -> IngestQueue:
    """Make what sends messages to ingest."""
    return IngestQueue(clients.sqs(), config.need("INGEST_QUEUE_URL"))


def runs(config: Config) -> Runs:
    """Make what starts and ends runs."""
    return Runs(
        ledger=ledger(config),
        executions=executions(config),
        notifier=notifier(config),
        meter=meter(config),
        specs=catalog.load().specs,
        debounce_seconds=config.debounce_seconds,
        clock=now,
    )


def operating(config: Config) -> Operating:
    """Make what moves routes by hand."""
    return Operating(
        ledger=ledger(config),
        executions=restores(config),
        notifier=notifier(config),
        runs=runs(config),
        clock=now,
    )


def approving(config: Config) -> Approving:
    """Make what takes decisions about versions that wait."""
    return Approving(
        ledger=ledger(config),
        callbacks=Callbacks(clients.stepfunctions()),
        registry=registry(config),
        notifier=notifier(config),
        clock=now,
    )


def batch_records(config: Config) -> BatchRecords:
    """Make what knows the batches."""
    return BatchRecords(table(config), now)


def once(config: Config) -> Once:
    """Make what puts lines into the lake."""
    return Once(table(config), storage(), config.need("LAKE_BUCKET"), clock=lambda: now().timestamp())


def transforms(config: Config) -> Transforms:
    """Make what starts transform jobs."""
    return Transforms(clients.sagemaker(), config.need("STAGE"))


def form_records(config: Config) -> FormRecords:
    """Make what knows the forms of uploads."""
    return FormRecords(Table(clients.dynamodb(), config.need("LEDGER_TABLE")), now)


def links() -> Links:
    """Make what lets callers send and fetch objects."""
    return Links(clients.s3_links())


def functions(config: Config) -> Functions:
    """Make what calls the stage's own functions."""
    return Functions(clients.functions(), config.need("STAGE"))


def closing(config: Config, results: BatchResults | None = None) -> Closing:
    """Make what ends batches; ``results`` of the function that writes these."""
    return Closing(
        records=batch_records(config),
        transforms=transforms(config),
        meter=meter(config),
        clock=now,
        results=results,
    )
