"""Each stage is synthesised once for all tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relearn.spec.hosting import Realtime, Serverless
from tests.infra.synthesis import Synthesised, synthesise

DIGEST = f"sha256:{'5a' * 32}"
PLACE: dict[str, Any] = {"account": "123456789012", "region": "us-east-1"}
"""What a stage that is protected or deployed from GitHub names."""


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """What most stages are: no account, no region, the default settings."""
    return synthesise(tmp_path_factory.mktemp("dev"), "dev")


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    return synthesise(tmp_path_factory.mktemp("local"), "local")


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    return synthesise(tmp_path_factory.mktemp("prod"), "prod", **PLACE)


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A stage with all that a stage may have; two of its models left Lambda and keep their hosts."""
    realtime = Realtime(instance="ml.m5.large", keeps_host=True)
    return synthesise(
        tmp_path_factory.mktemp("everything"),
        "dev",
        **PLACE,
        github_repository="acme/relearn",
        alarm_email="ops@example.com",
        specs={"churn": {"hosting": realtime}, "iris": {"hosting": Serverless(keeps_host=True)}},
    )


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A stage whose callers send tokens, from web pages too."""
    return synthesise(
        tmp_path_factory.mktemp("tokens"),
        "dev",
        api_auth="jwt",
        jwt_issuer="https://login.example.com/",
        jwt_audience=["relearn", "dashboard"],
        cors_origins=["https://app.example.com"],
        throttles={"predict": [50, 100]},
        predict_reserved_concurrency=20,
    )


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A stage whose features are made on Spark."""
    return synthesise(tmp_path_factory.mktemp("spark"), "dev", features_engine="spark")


@pytest.fixture(scope="session", params=["eu-central-1", "ap-northeast-1"])
def in_region(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    region: str = request.param
    folder: Path = tmp_path_factory.mktemp(region)
    return synthesise(folder, "dev", account="123456789012", region=region)


@pytest.fixture(scope="session")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """A stage whose image was pushed before."""
    return synthesise(
        tmp_path_factory.mktemp("pushed"), "dev", ["iris"], image=f"ghcr.io/acme/relearn@{DIGEST}"
    )
