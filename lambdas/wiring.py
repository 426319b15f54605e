"""Constructs services and adapters, one function for each; the handlers' factories call them once per process."""

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
from lambdas.batches.lifecycle import BatchCloser
from lambdas.batches.results import BatchResults
from lambdas.rollout.approvals import Approvals
from lambdas.rollout.route_changes import RouteChanges
from lambdas.runs.lifecycle import Runs
from lambdas.runs.retirement import Retirement
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.serving.backends import Backends
from relearn.naming import resources
from relearn.naming.environment import Variable


def now() -> datetime:
    """Return the current time, aware."""
    return datetime.now(UTC)


def table(config: Config) -> Table:
    """Construct the ledger's table."""
    return Table(clients.dynamodb(), config.need(Variable.LEDGER_TABLE))


def ledger(config: Config) -> Ledger:
    """Construct the ledger."""
    return Ledger(table(config), now)


def turns(config: Config) -> Turns:
    """Construct the record of the upload checks under way."""
    return Turns(table(config), now)


def live_counts(config: Config) -> LiveCounts:
    """Construct the counts of candidate and champion."""
    return LiveCounts(clients.dynamodb(), config.need(Variable.LEDGER_TABLE), now)


def storage() -> Storage:
    """Construct the object storage."""
    return Storage(clients.s3())


def alarms() -> Alarms:
    """Construct the reader of CloudWatch alarms."""
    return Alarms(clients.cloudwatch())


def meter(config: Config) -> Meter:
    """Construct the meter of metrics."""
    return Meter(config.need(Variable.STAGE), now)


def notifier(config: Config) -> Notifier:
    """Construct the notifier of the stage's topic."""
    return Notifier(clients.sns(), config.need(Variable.TOPIC_ARN), config.need(Variable.STAGE))


def executions(config: Config) -> Executions:
    """Construct the executions of the retrain state machine."""
    return Executions(clients.stepfunctions(), config.need(Variable.STATE_MACHINE_ARN))


def restores(config: Config) -> Executions:
    """Construct the executions of the restore state machine."""
    return Executions(clients.stepfunctions(), config.need(Variable.RESTORE_MACHINE_ARN))


def endpoints(config: Config) -> Endpoints:
    """Construct the endpoints of the stage."""
    return Endpoints(clients.sagemaker(), config.need(Variable.STAGE), Scaling(clients.scaling()))


def online(config: Config) -> Online:
    """Construct the online table, for writing."""
    return Online(clients.dynamodb(), config.need(Variable.ONLINE_TABLE))


def lake_blocks(config: Config) -> Blocks:
    """Construct the ranged reader of the lake."""
    return Blocks(clients.s3(), config.need(Variable.LAKE_BUCKET))


def retirement(config: Config) -> Retirement:
    """Construct the service that retires versions."""
    return Retirement(ledger=ledger(config), endpoints=endpoints(config), online=online(config))


def registry(config: Config) -> Registry:
    """Construct the client of the Model Registry."""
    return Registry(clients.sagemaker(), config.need(Variable.STAGE))


def backends(config: Config) -> Backends:
    """Construct the backends that invoke versions."""
    return Backends(
        endpoints=Invoker(client.service("sagemaker", os.environ)),
        host=HostFunctions(client.service("lambda", os.environ), config.need(Variable.STAGE)),
    )


def ingest_queue(config: Config) -> IngestQueue:
    """Construct the sender of ingest's queue."""
    return IngestQueue(clients.sqs(), config.need(Variable.INGEST_QUEUE_URL))


def runs(config: Config) -> Runs:
    """Construct the service that starts and ends runs."""
    return Runs(
        ledger=ledger(config),
        executions=executions(config),
        notifier=notifier(config),
        meter=meter(config),
        specs=catalog.load().specs,
        debounce_seconds=config.debounce_seconds,
        clock=now,
    )


def route_changes(config: Config) -> RouteChanges:
    """Construct the service that changes routes by hand."""
    return RouteChanges(
        ledger=ledger(config),
        executions=restores(config),
        notifier=notifier(config),
        runs=runs(config),
        clock=now,
    )


def approvals(config: Config) -> Approvals:
    """Construct the service that records decisions on versions."""
    return Approvals(
        ledger=ledger(config),
        callbacks=Callbacks(clients.stepfunctions()),
        registry=registry(config),
        notifier=notifier(config),
        clock=now,
    )


def batch_records(config: Config) -> BatchRecords:
    """Construct the records of batches."""
    return BatchRecords(table(config), now)


def once(config: Config) -> Once:
    """Construct the writer that writes each line to the lake exactly once."""
    return Once(table(config), storage(), config.need(Variable.LAKE_BUCKET), clock=lambda: now().timestamp())


def transforms(config: Config) -> Transforms:
    """Construct the client of the stage's transform jobs."""
    return Transforms(clients.sagemaker(), config.need(Variable.STAGE))


def form_records(config: Config) -> FormRecords:
    """Construct the records of upload forms."""
    return FormRecords(Table(clients.dynamodb(), config.need(Variable.LEDGER_TABLE)), now)


def links(config: Config, function: str) -> Links:
    """Construct the signer of callers' presigned forms and links; ``function`` is the module of the handler."""
    return Links(
        clients.sts(),
        role=config.need(Variable.LINKS_ROLE),
        session=resources.function(config.need(Variable.STAGE), function),
        s3_of=clients.s3_links,
        clock=now,
    )


def functions(config: Config) -> Functions:
    """Construct the client of the stage's own functions."""
    return Functions(clients.functions(), config.need(Variable.STAGE))


def closer(config: Config, results: BatchResults | None = None) -> BatchCloser:
    """Construct the service that ends batches; ``results`` is given only in the function that writes results."""
    return BatchCloser(
        records=batch_records(config),
        transforms=transforms(config),
        meter=meter(config),
        clock=now,
        results=results,
    )
