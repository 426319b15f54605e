"""What Spark listens on while it makes features on a laptop: nothing that another page, machine or user can use."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.glue import runtime
from tests.local.sockets import descendants, listening
from tests.spark.conftest import SHORT_LIVED, lacking

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long

LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
SPARK = """
import json, sys
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
assert session.range(1000).selectExpr("sum(id)").collect()[0][0] == 499500
print(json.dumps({"port": int(session.conf.get("spark.driver.port")), "ui": session.sparkContext.uiWebUrl}), flush=True)
sys.stdin.read()
"""
ENDPOINT = "HeartbeatReceiver"
"""What every driver answers for."""


class Started:
    """A run of a Glue job that has Spark up."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "script.py").write_text(SPARK, encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-S", str(folder / "script.py")],
            env={**runtime.variables(home=folder, buckets=folder), "JAVA_TOOL_OPTIONS": SHORT_LIVED},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "Spark did not start"
        told = json.loads(line)
        self.port, self.page = told["port"], told["ui"]


def asked(stranger: SparkSession, port: int) -> str:
    """Ask a driver as Spark does; "found", or why not."""
    java = stranger.sparkContext._jvm
    assert java is not None
    spark: Any = java.org.apache.spark
    try:
        spark.SparkEnv.get().rpcEnv().setupEndpointRef(spark.rpc.RpcAddress("127.0.0.1", port), ENDPOINT)
    except Exception as error:  # noqa: BLE001 - that of Py4J, which may be missing
        return str(getattr(error, "java_exception", error))
    return "found"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    if reason := lacking():
        pytest.skip(reason)
    started = Started(tmp_path_factory.mktemp("run") / "home")
    yield started
    started.process.kill()


def test_no_page_of_sparks_own_is_there(run: Started) -> None:
    assert run.page is None


def test_every_port_is_on_loopback(run: Started) -> None:
    found = [one for pid in (run.process.pid, *descendants(run.process.pid)) for one in listening(pid)]
    assert f"{run.port:04X}" in {address.partition(":")[2] for address in found}
    assert [one for one in found if one.partition(":")[0] not in LOOPBACK] == []


def test_who_has_not_the_secret_of_a_run_is_refused(run: Started, spark: SparkSession) -> None:
    own = spark.conf.get("spark.driver.port")
    assert own is not None
    assert asked(spark, int(own)) == "found"  # it has no secret, and asks as Spark does
    refused = asked(spark, run.port)
    assert refused != "found"
    assert "Exception" in refused
