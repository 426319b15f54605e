"""Speed of the server as ratios within one run, so that the machine cancels out.

One-row JSON requests go to three servers of one process each, in short interleaved rounds. A ratio is the
median over the rounds, each server against its neighbour in time. The ratio by CPU time, which other work on
the machine does not change, is printed beside it. The servers are:

- Relearn's, with the iris model trained on its seed;
- a bare uvicorn echo of the same payload with the same options: the ceiling;
- Flask and gunicorn with the same scikit-learn pipeline on a DataFrame: the usual first choice.

Then: start-up to the first 200 of /ping, and resident memory after the load.

The last line is one JSON object: ``vs_echo``, ``vs_flask_sklearn``, ``startup_s``, ``rss_mb``.
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
from dataclasses import dataclass
from pathlib import Path

from bench import arguments

ROOT = Path(__file__).resolve().parents[1]
CONNECTIONS = 16
ROWS = (  # key, title, aim
    ("ours", "ours: uvicorn, msgspec, onnxruntime", ""),
    ("echo", "bare uvicorn echo", "0.5x"),
    ("flask", "Flask, gunicorn, scikit-learn", "20x"),
)
TICK = 0.01  # seconds; resolution of CPU times
BUSY = 0.8  # a saturated server with a smaller share of a core was slowed by other processes
GUNICORN = ("--worker-class=gthread", "--threads=4", "--keep-alive=60", "--log-level=error")


@dataclass(frozen=True)
class Size:
    """Size of a measurement: rounds, requests per round to a fast and to the slow server, and starts.

    Rounds are short and many, so that other load on the machine spoils only some.
    """

    rounds: int = 15
    fast: int = 2500
    slow: int = 100
    starts: int = 5

    @property
    def requests(self) -> dict[str, int]:
        """Requests per round to each server."""
        return {"ours": self.fast, "echo": self.fast, "flask": self.slow}


SMALL = Size(rounds=1, fast=32, slow=16, starts=1)


@dataclass(frozen=True)
class Measured:
    """Figures of one server: requests per second in every round, and per second of its own CPU time."""

    rates: list[float]
    per_cpu_second: float


def main() -> int:
    """Run the benchmark; print a table, then the figures as JSON. Return the exit code."""
    size = SMALL if arguments.read(__doc__).small else Size()
    with tempfile.TemporaryDirectory(prefix="relearn-bench-") as folder:
        base = Path(folder)
        env = environment(base)
        train(base, env)
        sample = json.loads((ROOT / "training/models/iris/sample.json").read_text(encoding="utf-8"))
        servers, rss = measure_rates(json.dumps({"instances": sample["instances"][:1]}), env, size)
        startup = measure_startup(env, size.starts)
    ratios = show(servers)
    print(f"start-up to the first /ping 200: {startup:.3f} s; resident memory: {rss:.0f} MB")
    result = {
        "vs_echo": ratios["echo"],
        "vs_flask_sklearn": ratios["flask"],
        "startup_s": startup,
        "rss_mb": rss,
    }
    print(json.dumps({name: round(value, 3) for name, value in result.items()}))
    return 0


def show(servers: dict[str, Measured]) -> dict[str, float]:
    """Print the table; return by how much Relearn's server is faster than each, itself included."""
    print(
        f"{'one-row requests, one process each':<38}{'requests/s':>12}{'ours is':>10}{'aim':>6}{'by CPU time':>14}"
    )
    ours, ratios = servers["ours"], {}
    for name, title, aim in ROWS:
        other = servers[name]
        ratios[name] = ratio(ours.rates, other.rates)
        by_cpu = f"{ours.per_cpu_second / other.per_cpu_second:.2f}x"
        print(f"{title:<38}{statistics.median(other.rates):>12,.0f}{ratios[name]:>9.2f}x{aim:>6}{by_cpu:>14}")
    if (share := statistics.median(ours.rates) / ours.per_cpu_second) < BUSY:
        print(f"the machine is busy: our server had {share:.0%} of a core; trust the ratios by CPU time")
    return ratios


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def environment(base: Path) -> dict[str, str]:
    """Return the environment variables of every server: this process's, with bytecode and one thread."""
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
    """Train iris on its seed, with the commands of the container."""
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


def measure_rates(payload: str, env: dict[str, str], size: Size) -> tuple[dict[str, Measured], float]:
    """Measure each server; return the figures, and the resident memory of Relearn's in MB."""
    ports = {name: free_port() for name in size.requests}
    targets = {
        name: {"port": ports[name], "path": "/invocations", "body": payload, "requests": requests}
        for name, requests in size.requests.items()
    }
    with contextlib.ExitStack() as stack:
        pids = {
            name: stack.enter_context(running(command, ports[name], env))
            for name, command in commands(ports).items()
        }
        for pid in pids.values():
            pin(pid, 0)
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        rates = load(json.dumps({"connections": CONNECTIONS, "rounds": size.rounds, "targets": targets}), env)
        measured = {
            name: Measured(rates[name], answered(size, name) / max(cpu_seconds(pid) - before[name], TICK))
            for name, pid in pids.items()
        }
        return measured, resident_mb(pids["ours"])


def answered(size: Size, name: str) -> float:
    """Return the number of requests that a server answered: in all rounds, and a quarter round of warm-up."""
    return size.requests[name] * (size.rounds + 0.25)


def commands(ports: dict[str, int]) -> dict[str, list[str]]:
    """Return the command line of each server, without the interpreter."""
    flask = ["-m", "gunicorn", *GUNICORN, f"--bind=127.0.0.1:{ports['flask']}", "bench.rivals:flask_app()"]
    echo = ["-m", "bench.rivals", str(ports["echo"])]
    return {"ours": ["-m", "training", "serve"], "echo": echo, "flask": flask}


def load(plan: str, env: dict[str, str]) -> dict[str, list[float]]:
    """Run the load generator in its own process; return the rates of each target."""
    command = [sys.executable, "-m", "bench.load"]
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pin(process.pid, 1)
    out, _ = process.communicate(plan, timeout=300)
    if process.returncode:
        raise SystemExit("the load generator failed")
    rates: dict[str, list[float]] = json.loads(out)
    return rates


def measure_startup(env: dict[str, str], starts: int) -> float:
    """Return the median seconds from starting Relearn's server to its first 200 of /ping."""
    times = []
    for _ in range(starts):
        started = time.perf_counter()
        with running(["-m", "training", "serve"], free_port(), env):
            times.append(time.perf_counter() - started)
    return statistics.median(times)


@contextlib.contextmanager
def running(command: list[str], port: int, env: dict[str, str]) -> Iterator[int]:
    """Run a server until the block ends; yield its process id once it answers."""
    environ = {**env, "SAGEMAKER_BIND_TO_PORT": str(port)}
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environ)
    try:
        wait_until_up(port, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait for a server's first 200 of /ping; raise SystemExit after 60 seconds or when the server ends."""
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
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pin(pid: int, index: int) -> None:
    """Pin a process and its children to one core, where the system can, to keep servers and load apart."""
    if not hasattr(os, "sched_setaffinity") or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        return
    for one in family(pid):
        for thread in Path(f"/proc/{one}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cores[index]})


def family(pid: int) -> list[int]:
    """Return the ids of a process and its children."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True
    ).stdout
    pairs = [map(int, line.split()) for line in listed.splitlines()]
    return [pid, *(child for child, parent in pairs if parent == pid)]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children so far, in seconds."""
    return sum(map(cpu_seconds_of_one, family(pid)))


def cpu_seconds_of_one(pid: int) -> float:
    """Return the CPU time of a process so far, in seconds: from /proc, else from BSD's ps."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        user, system = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    shown = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], check=True, capture_output=True, text=True)
    minutes, _, seconds = shown.stdout.strip().rpartition(":")
    return int(minutes) * 60 + float(seconds)


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB of 10^6 bytes."""
    kilobytes = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True
    ).stdout
    return int(kilobytes) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
