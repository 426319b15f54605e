"""The fixtures of the tests over moto."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from lambdas.runtime import catalog
from tests.support.models import FLOWERS_CSV, PRICES_CSV, SAMPLES
from tests.support.quick_aws import SharedSession
from tests.support.records import Queue
from tests.support.stage import reach_without_sdk, stage_of, written_catalog
from tests.support.wire import LocalAWS
from tests.support.world import ARTIFACTS, SPECS, World


@pytest.fixture
def models_catalog(tmp_path: Path) -> catalog.Catalog:
    """A catalog of the two test models, read from files as in the Lambda."""
    return written_catalog(tmp_path, SPECS, SAMPLES, {"flowers": FLOWERS_CSV, "prices": PRICES_CSV})


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    """One session with its clients for all tests: making them anew takes most of a test's time."""
    return SharedSession()


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch, models_catalog: catalog.Catalog, aws_session: boto3.Session
) -> Iterator[World]:
    """A stage without any data: every handler runs on it."""
    with stage_of(models_catalog, aws_session, monkeypatch) as world:
        yield world


@pytest.fixture
def today(world: World) -> World:
    """A stage whose clock agrees with S3's: moto stamps objects with the real time."""
    world.s3.put_object(Bucket=ARTIFACTS, Key="now", Body=b"")
    world.clock.now = world.s3.head_object(Bucket=ARTIFACTS, Key="now")["LastModified"]
    return world


@pytest.fixture
def local_aws(world: World, monkeypatch: pytest.MonkeyPatch) -> LocalAWS:
    """The stage over HTTP, for a function that uses no SDK at all."""
    reach_without_sdk(world, monkeypatch)
    return world.aws


@pytest.fixture
def queue(world: World, local_aws: LocalAWS) -> Queue:
    """The queue of a stage where both models serve version 1."""
    del local_aws
    world.serve("flowers")
    world.serve("prices")
    return Queue(world)
