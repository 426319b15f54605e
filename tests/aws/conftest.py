"""The fixtures of the tests over moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambdas import (
    advance,
    approval_event,
    ask_approval,
    batch_event,
    batches,
    catalog,
    check_data,
    close_run,
    decided,
    deploy,
    fail_run,
    feedback,
    host,
    ingest,
    judge,
    lifecycle,
    models,
    open_run,
    operate,
    predict,
    promote,
    publish,
    record,
    register,
    restore,
    retire,
    scheduled_run,
    smoke,
    sweep,
    trial,
    uploads,
    watch,
    wiring,
)
from lambdas.aws import clients
from lambdas.aws.endpoints import Endpoints
from lambdas.aws.scaling import Scaling
from lambdas.config import Config
from relearn import codec, names
from tests.aws.fake_callbacks import FakeCallbacks
from tests.aws.fake_lambda import FakeLambda
from tests.aws.fake_sagemaker import ACCOUNT, REGION, FakeSageMaker
from tests.aws.fake_scaling import FakeScaling
from tests.aws.models import FLOWERS_CSV, PRICES_CSV, SAMPLES
from tests.aws.records import Queue
from tests.aws.wire import KEYS, LocalAWS, serving
from tests.aws.world import (
    ARTIFACTS,
    LAKE,
    MACHINE,
    ONLINE,
    RESTORE_MACHINE,
    SPECS,
    STAGE,
    TABLE,
    UPLOADS,
    Clock,
    World,
    brain,
)

CACHED: list[Callable[..., Any]] = [
    ingest.intake,
    ingest.retrying,
    open_run.opening,
    check_data.checking,
    judge.judging,
    register.registering,
    ask_approval.asking,
    decided.deciding,
    approval_event.approving,
    deploy.deploying,
    smoke.smoke_test,
    publish.publishing,
    advance.advancing,
    watch.watching,
    promote.promoting,
    retire.retirement,
    close_run.flow,
    fail_run.failing,
    sweep.sweep,
    scheduled_run.flow,
    lifecycle.setup,
    lifecycle.teardown,
    predict.predictor,
    host.model_host,
    feedback.service,
    record.recorder,
    models.models,
    batches.service,
    batch_event.listener,
    uploads.service,
    trial.service,
    operate.operate,
    restore.operating,
    clients.dynamodb,
    clients.s3,
    clients.s3_links,
    clients.sagemaker,
    clients.scaling,
    clients.stepfunctions,
    clients.sns,
    clients.sqs,
    clients.functions,
]


@pytest.fixture
def models_catalog(tmp_path: Path) -> catalog.Catalog:
    """A catalog of the two test models, read from files as in the Lambda."""
    data = {name: {"spec": codec.to_dict(spec), "sample": SAMPLES[name]} for name, spec in SPECS.items()}
    (tmp_path / "catalog.json").write_text(json.dumps({"models": data}))
    for name, seed in {"flowers": FLOWERS_CSV, "prices": PRICES_CSV}.items():
        (tmp_path / "seeds" / name).mkdir(parents=True)
        (tmp_path / "seeds" / name / "main.csv").write_bytes(seed)
    return catalog.load(tmp_path)


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    """One session for all tests: reading the services' models anew takes most of a test's time."""
    return boto3.Session("test", "test", region_name=REGION)


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch, models_catalog: catalog.Catalog, aws_session: boto3.Session
) -> Iterator[World]:
    """A stage without any data: every handler runs on it."""
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", aws_session)
        sagemaker = FakeSageMaker(brain, groups={names.group(STAGE, name) for name in SPECS})
        functions = FakeLambda({names.function(STAGE, "batch_event")})
        scaling, callbacks = FakeScaling(sagemaker), FakeCallbacks()
        detach = [fake.attach(aws_session) for fake in (sagemaker, scaling, functions, callbacks)]
        for made in CACHED:
            made.cache_clear()  # type: ignore[attr-defined]
        sagemaker.now = clock = Clock()
        for name, value in _environment(**_infrastructure()).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(wiring, "now", clock)
        monkeypatch.setattr(wiring, "endpoints", lambda config: _endpoints(config, clock))
        monkeypatch.setattr(catalog, "load", lambda: models_catalog)
        world = World(sagemaker, scaling, functions, clock, callbacks)
        with serving(world.aws) as world.aws.url:
            for name, value in _endpoints_without_sdk(world.aws.url).items():
                monkeypatch.setenv(name, value)
            yield world
        for end in detach:
            end()


@pytest.fixture
def today(world: World) -> World:
    """A stage whose clock agrees with S3's: moto stamps objects with the real time."""
    world.s3.put_object(Bucket=ARTIFACTS, Key="now", Body=b"")
    world.clock.now = world.s3.head_object(Bucket=ARTIFACTS, Key="now")["LastModified"]
    return world


@pytest.fixture
def local_aws(world: World, monkeypatch: pytest.MonkeyPatch) -> LocalAWS:
    """The stage over HTTP, for a function that uses no SDK at all."""
    for service in ("DYNAMODB", "S3", "SQS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", world.aws.url)
    return world.aws


@pytest.fixture
def queue(world: World, local_aws: LocalAWS) -> Queue:
    """The queue of a stage where both models serve version 1."""
    del local_aws
    world.serve("flowers")
    world.serve("prices")
    return Queue(world)


def _endpoints_without_sdk(url: str) -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url,
        "AWS_ENDPOINT_URL_LAMBDA": url,
        **KEYS,
    }


def _endpoints(config: Config, clock: Clock) -> Endpoints:
    scaling = Scaling(clients.scaling())
    return Endpoints(clients.sagemaker(), config.need("STAGE"), scaling, clock.pass_seconds)


def _environment(*, ingest: str, records: str, trials: str) -> dict[str, str]:
    return {
        "STAGE": STAGE,
        "LEDGER_TABLE": TABLE,
        "ONLINE_TABLE": ONLINE,
        "UPLOADS_BUCKET": UPLOADS,
        "LAKE_BUCKET": LAKE,
        "ARTIFACTS_BUCKET": ARTIFACTS,
        "TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:notifications",
        "STATE_MACHINE_ARN": MACHINE,
        "RESTORE_MACHINE_ARN": RESTORE_MACHINE,
        "INGEST_QUEUE_URL": ingest,
        "RECORDS_QUEUE_URL": records,
        "TRIALS_QUEUE_URL": trials,
        "TRAINING_IMAGE": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/relearn:abc",
        "ENDPOINT_ROLES": f"arn:aws:iam::{ACCOUNT}:role/endpoint-",
        "INGEST_SECONDS": "900",
    }


def _infrastructure() -> dict[str, str]:
    """Make the table, the buckets, the state machine, the topic and the queues; name to URL of the queues."""
    key = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    for table in (TABLE, ONLINE):
        clients.dynamodb().create_table(
            TableName=table,
            KeySchema=key,  # type: ignore[arg-type]
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
    s3 = clients.s3()
    for bucket in (UPLOADS, LAKE, ARTIFACTS):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket=UPLOADS, VersioningConfiguration={"Status": "Enabled"})
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}
    for machine in (MACHINE, RESTORE_MACHINE):
        clients.stepfunctions().create_state_machine(
            name=machine.rsplit(":", 1)[1],
            definition=json.dumps(definition),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine",
        )
    sns, sqs = clients.sns(), clients.sqs()
    topic = sns.create_topic(Name="notifications")["TopicArn"]
    people = sqs.create_queue(QueueName="people")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=people, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("ingest", "records", "trials")}
