"""What Spark listens on while it makes features on a laptop: nothing that another page, machine or user can use."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from local.glue import runtime
from tests.local.sockets import descendants, listening
from tests.spark.conftest import lacking

LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
SPARK = """
import json, sys
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
assert session.range(1000).selectExpr("sum(id)").collect()[0][0] == 499500
print(json.dumps({"port": int(session.conf.get("spark.driver.port")), "ui": session.sparkContext.uiWebUrl}), flush=True)
for line in sys.stdin:
    port, name = json.loads(line)
    java = session._jvm
    try:
        java.org.apache.spark.SparkEnv.get().rpcEnv().setupEndpointRef(java.org.apache.spark.rpc.RpcAddress("127.0.0.1", port), name)
        print(json.dumps("found"), flush=True)
    except Exception as error:
        print(json.dumps(str(error.java_exception)), flush=True)
"""
ENDPOINT = "HeartbeatReceiver"
"""What every driver answers for."""


class Started:
    """A run of a Glue job that has Spark up, and asks other drivers when it is told to."""

    def __init__(self, folder: Path, *, secret: bool = True) -> None:
        folder.mkdir()
        variables = runtime.variables(home=folder, buckets=folder)
        if not secret:
            given = variables["PYSPARK_SUBMIT_ARGS"]
            variables["PYSPARK_SUBMIT_ARGS"] = given.replace(
                ".authenticate=true", ".authenticate=false"
            ).replace("crypto.enabled=true", "crypto.enabled=false")
        (folder / "script.py").write_text(SPARK, encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-S", str(folder / "script.py")],
            env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        told = self._told()
        self.port, self.page = told["port"], told["ui"]

    def ask(self, port: int) -> str:
        """Ask a driver as Spark does; "found", or why not."""
        pipe: IO[str] | None = self.process.stdin
        assert pipe is not None
        print(json.dumps([port, ENDPOINT]), file=pipe, flush=True)
        return str(self._told())

    def _told(self) -> Any:
        pipe: IO[str] | None = self.process.stdout
        assert pipe is not None
        line = pipe.readline()
        assert line, "Spark did not start"
        return json.loads(line)


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


def test_who_has_not_the_secret_of_a_run_is_refused(run: Started, tmp_path: Path) -> None:
    stranger = Started(tmp_path / "stranger", secret=False)
    try:
        assert stranger.ask(stranger.port) == "found"  # it asks as Spark does
        refused = stranger.ask(run.port)
    finally:
        stranger.process.kill()
    assert refused != "found"
    assert "Exception" in refused
