"""How fast the server is, as ratios from one run, so that the machine cancels out.

One-row JSON requests to three servers of one process each, in interleaved rounds, medians:

- ours, with the iris model trained on its seed;
- a bare uvicorn echo of the same payload, run with the same options: the ceiling;
- Flask and gunicorn with the same scikit-learn pipeline on a DataFrame: what people start with.

Then start-up to the first 200 of /ping, and resident memory after the load. The last line is one
JSON object: ``vs_echo``, ``vs_flask_sklearn``, ``startup_s``, ``rss_mb``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, CONNECTIONS, STARTS = 25, 16, 7  # many short rounds: a neighbour's burst spoils only some
REQUESTS = {"ours": 2500, "echo": 2500, "flask": 100}  # a round
GUNICORN = ("--worker-class=gthread", "--threads=4", "--keep-alive=60", "--log-level=error")
AIMS = {"vs_echo": 0.5, "vs_flask_sklearn": 20.0}


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="relearn-bench-") as folder:
        base = Path(folder)
        env = environment(base)
        train(base, env)
        sample = json.loads((ROOT / "training/models/iris/sample.json").read_text(encoding="utf-8"))
        payload = json.dumps({"instances": sample["instances"][:1]})
        rates, rss = measure_rates(payload, env)
        startup = measure_startup(env)
    ours, echo, flask = (rates[name] for name in ("ours", "echo", "flask"))
    result = {
        "vs_echo": round(ours / echo, 2),
        "vs_flask_sklearn": round(ours / flask, 1),
        "startup_s": round(startup, 3),
        "rss_mb": round(rss, 1),
    }
    print(f"{'one-row requests, one process':<40}{'requests/s':>12}{'ours is':>12}{'aim':>8}")
    print(f"{'ours: uvicorn, msgspec, onnxruntime':<40}{ours:>12,.0f}")
    print(f"{'bare uvicorn echo':<40}{echo:>12,.0f}{ours / echo:>11.2f}x{AIMS['vs_echo']:>7}x")
    print(
        f"{'Flask, gunicorn, scikit-learn':<40}{flask:>12,.0f}{ours / flask:>11.1f}x{AIMS['vs_flask_sklearn']:>7}x"
    )
    print(f"start-up to the first /ping 200: {startup:.3f} s; resident memory: {rss:.0f} MB")
    print(json.dumps(result))
    return 0


def environment(base: Path) -> dict[str, str]:
    """Give the environment of every server: the ordinary one, with bytecode, one thread."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "SAGEMAKER_BASE_DIR": str(base),
        "RELEARN_BIND_HOST": "127.0.0.1",
        "RELEARN_MODEL_VERSION": "1",
        "OMP_NUM_THREADS": "1",
    }


def train(base: Path, env: dict[str, str]) -> None:
    """Train iris on its seed, as the loop does."""
    data, config = base / "input/data/train", base / "input/config"
    config.mkdir(parents=True)
    seed = str(ROOT / "training/models/iris/seed.csv")
    prepare = ["prepare", "--model", "iris", "--input", seed, "--output", str(base / "prepared")]
    prepared = subprocess.run(
        [sys.executable, "-m", "training", *prepare], env=env, check=True, capture_output=True, text=True
    )
    data.mkdir(parents=True)
    shutil.copy(json.loads(prepared.stdout)["shard"], data / "seed.parquet")
    (config / "hyperparameters.json").write_text('{"model": "iris"}', encoding="utf-8")
    subprocess.run([sys.executable, "-m", "training", "train"], env=env, check=True, capture_output=True)


def measure_rates(payload: str, env: dict[str, str]) -> tuple[dict[str, float], float]:
    """Give the median requests per second of each server, and the memory of ours in MB."""
    ports = {name: free_port() for name in REQUESTS}
    commands = {
        "ours": ["-m", "training", "serve"],
        "echo": ["-m", "bench.rivals", str(ports["echo"])],
        "flask": [
            "-m",
            "gunicorn",
            *GUNICORN,
            f"--bind=127.0.0.1:{ports['flask']}",
            "bench.rivals:flask_app()",
        ],
    }
    plan = {
        "connections": CONNECTIONS,
        "rounds": ROUNDS,
        "targets": {
            name: {"port": ports[name], "path": "/invocations", "body": payload, "requests": requests}
            for name, requests in REQUESTS.items()
        },
    }
    with contextlib.ExitStack() as stack:
        pids = {
            name: stack.enter_context(running(command, ports[name], env))
            for name, command in commands.items()
        }
        for pid in pids.values():
            pin(pid, 0)
        load = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        pin(load.pid, 1)
        out, _ = load.communicate(json.dumps(plan), timeout=120)
        if load.returncode:
            raise SystemExit("the load generator failed")
        rates = {name: statistics.median(rounds) for name, rounds in json.loads(out).items()}
        return rates, resident_mb(pids["ours"])


def measure_startup(env: dict[str, str]) -> float:
    """Give the median seconds from starting our server to its first /ping 200."""
    times = []
    for _ in range(STARTS):
        started = time.perf_counter()
        with running(["-m", "training", "serve"], free_port(), env):
            times.append(time.perf_counter() - started)
    return statistics.median(times)


@contextlib.contextmanager
def running(command: list[str], port: int, env: dict[str, str]) -> Iterator[int]:
    """Run a server until the block ends; gives its process id once it answers."""
    environ = {**env, "SAGEMAKER_BIND_TO_PORT": str(port)}
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environ)
    try:
        wait_until_up(port, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait for a server's first answer."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/ping")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.002)
        finally:
            connection.close()
    raise SystemExit(f"a server did not start: exit code {process.poll()}")


def free_port() -> int:
    """Find a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pin(pid: int, index: int) -> None:
    """Keep a process and its children on one core, where the system can: servers and load apart."""
    if not hasattr(os, "sched_setaffinity") or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        return
    children = Path(f"/proc/{pid}/task/{pid}/children")
    listed = children.read_text(encoding="ascii").split() if children.exists() else []
    for one in (pid, *map(int, listed)):
        for thread in Path(f"/proc/{one}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cores[index]})


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in MB of 1,000,000 bytes."""
    kilobytes = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True
    ).stdout
    return int(kilobytes) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
