from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from relearn.errors import ArtifactError, ConfigError
from scoring import artifact, serve
from scoring.container import Container
from scoring.serve import Settings

ROOT = Path(__file__).resolve().parents[3]
BODY = json.dumps(
    {"instances": [{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}]}
)
TRAINS = {"duckdb", "implicit", "matplotlib", "onnx", "pandas", "scipy", "skl2onnx", "sklearn"}
UNPICKLES = {"cloudpickle", "dill", "joblib", "skops"}


@pytest.fixture
def base(trained: Container) -> Path:
    return trained.root


def environment(base: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "SAGEMAKER_BASE_DIR": str(base),
        "PYTHONPATH": str(ROOT),
        "RELEARN_BIND_HOST": "127.0.0.1",
        **more,
    }


@contextmanager
def serving(base: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "training", "serve"]
    env = environment(base, SAGEMAKER_BIND_TO_PORT=str(port), **more)
    process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None and not answers(port):
            time.sleep(0.02)
        yield process, port
    finally:
        process.terminate()
        process.communicate(timeout=600)


def answers(port: int) -> bool:
    try:
        return call(port, "GET", "/ping") == 200
    except OSError:
        return False


def pinged(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        try:
            client.connect(address)
            client.sendall(b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n")
            return client.recv(100).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False


def call(port: int, method: str, path: str, body: str | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


def alive(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_graph_that_was_tampered_with_is_never_served(base: Path, tmp_path: Path) -> None:
    shutil.copytree(base / "model", tmp_path / "model")
    with (tmp_path / "model" / "model.onnx").open("ab") as file:
        file.write(b"\0")
    done = subprocess.run(
        [sys.executable, "-m", "training", "serve"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("relearn: not serving: model.onnx has SHA-256 ")
    assert "Traceback" not in done.stderr


def swapped(meta: dict[str, Any]) -> None:
    """Have the graph's columns come in another order: it answers, and answers nonsense."""
    meta["inputs"][0]["columns"].reverse()


def relabelled(meta: dict[str, Any]) -> None:
    meta["classes"].reverse()


def annotated(meta: dict[str, Any]) -> None:
    meta["run_id"] = "another"


@pytest.mark.parametrize("change", [swapped, relabelled, annotated])
def test_a_description_that_is_not_the_one_that_was_judged_is_never_served(
    base: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    judged = artifact.load(base / "model").contents_sha256
    shutil.copytree(base / "model", tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    change(meta)
    path.write_text(json.dumps(meta, indent=1), encoding="utf-8")
    given = artifact.load(tmp_path / "model").contents_sha256  # its parts agree with one another
    with pytest.raises(ArtifactError, match=f"{given}; what was judged has {judged}"):
        serve.make_app({**environment(tmp_path), "RELEARN_ARTIFACT_SHA256": judged})


def test_an_artifact_that_is_not_the_one_that_was_judged_is_never_served(base: Path) -> None:
    judged = "0" * 64
    done = subprocess.run(
        [sys.executable, "-m", "training", "serve"],
        cwd=ROOT,
        env={**environment(base), "RELEARN_ARTIFACT_SHA256": judged},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("relearn: not serving: the artifact has the digest ")
    assert f"; what was judged has {judged}: " in done.stderr


def test_the_artifact_that_was_judged_is_served(base: Path) -> None:
    report = json.loads((base / "output/data/report.json").read_text(encoding="utf-8"))
    with serving(base, RELEARN_ARTIFACT_SHA256=report["contents_sha256"]) as (_, port):
        assert call(port, "GET", "/ping") == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_where_there_is_a_socket_for_it_it_opens_no_port(base: Path, workers: str) -> None:
    """As on a laptop, where every web page reaches every port."""
    with tempfile.TemporaryDirectory(
        prefix="s-"
    ) as folder:  # pytest's own are too long for the address of a socket
        address = str(Path(folder, "s"))
        chosen = {"RELEARN_BIND_SOCKET": address, "SAGEMAKER_MODEL_SERVER_WORKERS": workers}
        command = [sys.executable, "-m", "training", "serve"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(base, **chosen))
        try:
            deadline = time.monotonic() + 60
            while not pinged(address) and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.02)
            assert pinged(address)
            assert not answers(8080)
        finally:
            process.terminate()
            process.wait(timeout=600)


def test_told_to_stop_it_finishes_the_request_under_way_and_exits_cleanly(base: Path) -> None:
    with serving(base) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.putrequest("POST", "/invocations")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(BODY)))
        connection.endheaders(BODY[:20].encode())
        assert call(port, "GET", "/ping") == 200  # by now the server has seen the first part
        process.send_signal(signal.SIGTERM)
        rest = threading.Timer(0.3, connection.send, [BODY[20:].encode()])
        rest.start()
        assert connection.getresponse().status == 200
        assert process.wait(timeout=600) == 0


def test_several_workers_answer_and_stop_together(base: Path) -> None:
    with serving(base, SAGEMAKER_MODEL_SERVER_WORKERS="2") as (process, port):
        assert [call(port, "POST", "/invocations", BODY) for _ in range(8)] == [200] * 8
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        workers = children.read_text(encoding="ascii").split() if children.exists() else []
        process.terminate()
        assert process.wait(timeout=600) == 0
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and any(map(alive, workers)):
            time.sleep(0.02)
        assert not [pid for pid in workers if alive(pid)]


def packages_after(script: str, base: Path) -> set[str]:
    """Run a script that prints its modules in a process of its own; the packages they belong to."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment(base),
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_a_server_loads_nothing_that_trains_and_nothing_that_unpickles(base: Path) -> None:
    script = (
        "import sys, training.__main__; from scoring.serve import make_app; make_app(); print(*sys.modules)"
    )
    loaded = packages_after(script, base)
    assert "onnxruntime" in loaded
    assert not loaded & (TRAINS | UNPICKLES)


def test_training_loads_no_server(base: Path) -> None:
    script = "import sys, training.job.train, training.fitting.tabular, training.fitting.ranking.task; print(*sys.modules)"
    loaded = packages_after(script, base)
    assert {"sklearn", "scipy"} <= loaded
    assert not loaded & {"uvicorn", "uvloop", "httptools"}


def test_what_the_environment_does_not_say_is_sagemakers_contract() -> None:
    every = "0.0.0.0"  # noqa: S104
    assert Settings.from_env({}) == Settings(
        host=every, port=8080, socket=None, workers=1, version=None, artifact_sha256=""
    )


@pytest.mark.parametrize(
    "key", ["SAGEMAKER_BIND_TO_PORT", "SAGEMAKER_MODEL_SERVER_WORKERS", "RELEARN_MODEL_VERSION"]
)
@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "٣", "99999999999"])
def test_a_wrong_setting_is_named(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Settings.from_env({key: value})
    assert (raised.value.key, raised.value.value) == (key, value)
