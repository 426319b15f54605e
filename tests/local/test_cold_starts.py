"""With ``--cold-starts`` functions and serverless endpoints scale to zero and take seconds to start, as on AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.settings import ColdStarts
from tests.local.actions import train
from tests.local.conftest import Running, start, stop
from tests.local.test_endpoints import create as create_endpoint
from tests.local.test_endpoints import invoke, settled
from tests.local.test_functions import create as create_function

SECONDS = 0.5
"""What a start takes more; without a request for 0 seconds everything goes, so that no test waits for that."""


@pytest.fixture(scope="module")
def scaled(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A cloud of its own, in which whatever has no request scales to zero at once."""
    folder = tmp_path_factory.mktemp("cold")
    cloud = start(assembly, folder, "--cold-starts", f"0,{SECONDS},{SECONDS}")
    yield cloud
    stop(cloud)


def timed(call: Any, *given: Any) -> tuple[Any, float]:
    began = time.monotonic()
    return call(*given), time.monotonic() - began


def test_a_function_starts_anew_and_takes_its_seconds(scaled: Running) -> None:
    """Lambda stops idle environments; a new one initialises before its first invocation (Lambda Developer Guide)."""
    create_function(scaled, "cold", {"code.py": "import os\ndef handler(event, context): return os.getpid()"})

    def process() -> int:
        return int(json.load(scaled.client("lambda").invoke(FunctionName="cold")["Payload"]))

    first, second = timed(process), timed(process)
    assert first[0] != second[0]
    assert min(first[1], second[1]) >= SECONDS


def test_a_serverless_endpoint_starts_anew_and_takes_its_seconds(scaled: Running) -> None:
    """Serverless inference scales to zero; the next request waits for a container (SageMaker Developer Guide)."""
    artifact = train(scaled, "cold-served", answer="7")["ModelArtifacts"]["S3ModelArtifacts"]
    create_endpoint(scaled, "cold", artifact)
    assert settled(scaled, "cold")["EndpointStatus"] == "InService"
    first, second = timed(invoke, scaled, "cold"), timed(invoke, scaled, "cold")
    assert (first[0]["answer"], second[0]["answer"]) == ("7", "7")
    assert first[0]["pid"] != second[0]["pid"]
    assert min(first[1], second[1]) >= SECONDS


@pytest.mark.parametrize(
    ("text", "given"), [("", ()), ("60", (60,)), ("60,1", (60, 1)), ("60,1,8", (60, 1, 8))]
)
def test_up_to_three_numbers_of_seconds_are_taken(text: str, given: tuple[float, ...]) -> None:
    assert ColdStarts.of(text) == ColdStarts(*given)


@pytest.mark.parametrize("text", ["soon", "1,2,3,4", "-1", "nan", "inf", "1,,2"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"could not convert|three numbers of seconds"):
        ColdStarts.of(text)
