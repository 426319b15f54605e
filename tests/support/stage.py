"""A stage over moto and a DynamoDB in memory, with every handler on it: for fixtures, and for who runs it beside pytest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3
import pytest
from botocore.config import Config as BotocoreConfig
from moto import mock_aws
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.models import stepfunctions_backends

from lambdas import forget_all, wiring
from lambdas.aws import clients
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.aws.sagemaker.scaling import Scaling
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from relearn.naming import resources
from relearn.naming.environment import Variable
from relearn.spec import codec
from relearn.spec.model import ModelSpec
from tests.support.agenda import Clock
from tests.support.dynamo import Dynamo
from tests.support.fake_callbacks import FakeCallbacks
from tests.support.fake_lambda import FakeLambda
from tests.support.fake_sagemaker import ACCOUNT, REGION, FakeSageMaker
from tests.support.fake_scaling import FakeScaling
from tests.support.quick_aws import quicken
from tests.support.wire import KEYS, serving
from tests.support.world import (
    ARTIFACTS,
    LAKE,
    MACHINE,
    ONLINE,
    RESTORE_MACHINE,
    STAGE,
    TABLE,
    UPLOADS,
    World,
    brain,
)


def written_catalog(
    folder: Path,
    specs: Mapping[str, ModelSpec],
    samples: Mapping[str, list[dict[str, Any]]],
    seeds: Mapping[str, bytes],
) -> catalog.Catalog:
    """Write a catalog of models and load it as the Lambda functions do."""
    data = {
        name: {"spec": codec.to_dict(spec), "sample": samples.get(name, [])} for name, spec in specs.items()
    }
    (folder / "catalog.json").write_text(json.dumps({"models": data}))
    for name, seed in seeds.items():
        (folder / "seeds" / name).mkdir(parents=True)
        (folder / "seeds" / name / "main.csv").write_bytes(seed)
    return catalog.load(folder)


@contextmanager
def stage_of(models: catalog.Catalog, session: boto3.Session, patch: pytest.MonkeyPatch) -> Iterator[World]:
    """Open a stage without data, on which every handler runs."""
    with mock_aws():
        quicken(patch)
        patch.setattr(boto3, "DEFAULT_SESSION", session)
        sagemaker = FakeSageMaker(brain)
        functions = FakeLambda({resources.function(STAGE, "batch_event")})
        scaling, callbacks = FakeScaling(sagemaker), FakeCallbacks()
        tables = Dynamo(TABLE, ONLINE)
        detach = [fake.attach(session) for fake in (sagemaker, scaling, functions, callbacks, tables)]
        forget_all()
        sagemaker.now = clock = Clock()
        for name, value in environment(**_infrastructure()).items():
            patch.setenv(name, value)
        patch.setattr(wiring, "now", clock)
        patch.setattr(wiring, "endpoints", lambda config: _endpoints(config, clock))
        patch.setattr(catalog, "load", lambda: models)
        world = World(sagemaker, scaling, functions, clock, callbacks)
        with serving(world.aws) as world.aws.url:
            for name, value in _endpoints_without_sdk(world.aws.url).items():
                patch.setenv(name, value)
            yield world
        for end in detach:
            end()


def reach_without_sdk(world: World, patch: pytest.MonkeyPatch) -> None:
    """Set the endpoints of functions that use no SDK, so that they reach the stage over HTTP."""
    for service in ("DYNAMODB", "S3", "SQS"):
        patch.setenv(f"AWS_ENDPOINT_URL_{service}", world.aws.url)


def without_credentials_for_links(patch: pytest.MonkeyPatch) -> None:
    """Let AWS STS be out of reach."""
    patch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    patch.setattr(clients, "_FAST", BotocoreConfig(connect_timeout=1, retries={"total_max_attempts": 1}))


def _endpoints_without_sdk(url: str) -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url,
        "AWS_ENDPOINT_URL_LAMBDA": url,
        **KEYS,
    }


def _endpoints(config: Config, clock: Clock) -> Endpoints:
    scaling = Scaling(clients.scaling())
    return Endpoints(clients.sagemaker(), config.need(Variable.STAGE), scaling, clock.pass_seconds)


def environment(*, ingest: str, records: str, trials: str) -> dict[str, str]:
    """Return the environment of every function of a stage, given the URLs of its queues."""
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
        "POLL_SECONDS": "15",
        "LINKS_ROLE": f"arn:aws:iam::{ACCOUNT}:role/links",
        "INGEST_SECONDS": "900",
    }


def _infrastructure() -> dict[str, str]:
    """Create buckets, state machines, topic and queues; return the queues' URLs by name.

    They are made in moto itself: through boto3 they take 20 ms of each test.
    """
    s3, sns, sqs = s3_backends[ACCOUNT]["aws"], sns_backends[ACCOUNT][REGION], sqs_backends[ACCOUNT][REGION]
    for bucket in (UPLOADS, LAKE, ARTIFACTS):
        s3.create_bucket(bucket, REGION)
    s3.put_bucket_versioning(UPLOADS, "Enabled")
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}
    for machine in (MACHINE, RESTORE_MACHINE):
        stepfunctions_backends[ACCOUNT][REGION].create_state_machine(
            machine.rsplit(":", 1)[1],
            definition=json.dumps(definition),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine",
        )
    topic, people = sns.create_topic("notifications"), sqs.create_queue("people")
    sns.subscribe(topic.arn, people.queue_arn, "sqs")
    url = urlparse(f"https://sqs.{REGION}.amazonaws.com")
    return {name: sqs.create_queue(name).url(url) for name in ("ingest", "records", "trials")}
