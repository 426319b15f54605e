"""Build the image, train and serve in it, and print its size, start-up time and memory.

The container has a read-only root, no network, an unprivileged user, and /opt/ml as the one folder that it may
write beside /tmp. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.base import staging
from tests.support import training_kit

TAG = "relearn-image-test"
NOBODY = "65534:65534"
LONGEST_SECONDS = 600
PEAK = "/sys/fs/cgroup/memory.peak"
MB = 1024 * 1024
ASK = (
    "import sys, urllib.request as u; body = sys.stdin.buffer.read() or None; "
    "sys.stdout.write(u.urlopen(u.Request('http://127.0.0.1:8080' + sys.argv[1], body, "
    "{'Content-Type': 'application/json'}), timeout=10).read().decode())"
)
"""Program that sends a request from inside the container, which has no network."""


class ImageTestError(Exception):
    """The image cannot be built here, or does not do what SageMaker asks of it."""


def docker(*arguments: str, given: str | None = None) -> str:
    """Run Docker and return its standard output.

    Raises
    ------
    ImageTestError
        When it fails.
    """
    done = subprocess.run(["docker", *arguments], input=given, text=True, capture_output=True, check=False)
    if done.returncode:
        raise ImageTestError(f"docker {arguments[0]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def build(context: Path, base: str) -> None:
    """Build the image; ``base`` names another base image, "" for the Dockerfile's own."""
    dockerfile = context / "training" / "Dockerfile"
    replaced = []
    if base:  # a named context of the name after FROM takes its place
        (own,) = re.findall(r"^FROM (\S+)", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)
        replaced = ["--build-context", f"{own}=docker-image://{base}"]
    docker(
        *("buildx", "build", "--load", "--platform", "linux/amd64", "--provenance=false", "--sbom=false"),
        *("--file", str(dockerfile), "--tag", TAG, *replaced, str(context)),
    )


@contextmanager
def running(verb: str, folder: Path) -> Iterator[str]:
    """Run the image as SageMaker does, and yield the container's id; ``folder`` is its /opt/ml."""
    container = docker(
        *("run", "--detach", "--read-only", "--network", "none", "--user", NOBODY, "--tmpfs", "/tmp"),
        *("--env", "HOME=/tmp", "--volume", f"{folder}:/opt/ml", TAG, verb),
    )
    try:
        yield container
    finally:
        docker("rm", "--force", container)


def wait(container: str, over: Callable[[], bool], what: str) -> None:
    """Wait until something is so.

    Raises
    ------
    ImageTestError
        When it is not so after `LONGEST_SECONDS`, or the container ended.
    """
    end = time.monotonic() + LONGEST_SECONDS
    while not over():
        if time.monotonic() > end or not _runs(container):
            raise ImageTestError(f"{what}: {docker('logs', container)[-2000:]}")
        time.sleep(0.1)


def train(folder: Path) -> dict[str, float]:
    """Train, check that there is an artifact, and return seconds and MB."""
    began, peak = time.monotonic(), 0.0
    with running("train", folder) as container:
        while _runs(container):
            peak = max(peak, _peak(container))
            time.sleep(0.2)
        code = docker("inspect", "--format", "{{.State.ExitCode}}", container)
        if code != "0" or not (folder / "model" / "model.onnx").exists():
            raise ImageTestError(f"train ended with {code}: {docker('logs', container)[-2000:]}")
    return {"train_seconds": time.monotonic() - began, "train_mb": peak}


def serve(folder: Path, row: dict[str, object]) -> dict[str, float]:
    """Serve the artifact, ask it, and return seconds until it answered and MB."""
    began = time.monotonic()
    with running("serve", folder) as container:
        wait(container, lambda: _answers(container), "serve never answered /ping")
        started = time.monotonic() - began
        body = json.dumps({"instances": [row]})
        answer = json.loads(
            docker("exec", "--interactive", container, "python", "-c", ASK, "/invocations", given=body)
        )
        if not answer.get("predictions"):
            raise ImageTestError(f"serve answered {answer}")
        return {"startup_seconds": started, "serve_mb": _peak(container)}


def _runs(container: str) -> bool:
    return docker("inspect", "--format", "{{.State.Running}}", container) == "true"


def _answers(container: str) -> bool:
    try:
        docker("exec", container, "python", "-c", ASK, "/ping")
    except ImageTestError:
        return False
    return True


def _peak(container: str) -> float:
    try:
        return int(docker("exec", container, "cat", PEAK)) / MB
    except ImageTestError:  # it has just ended
        return 0.0


def measure(base: str) -> dict[str, float]:
    """Build the image, run both commands in it, and return the figures."""
    build(staging.image_context(), base)
    rows = training_kit.iris_rows()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        training_kit.job(folder, rows)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777)  # the container's user is nobody here
        size = {"size_mb": int(docker("image", "inspect", "--format", "{{.Size}}", TAG)) / MB}
        asked = {key: value for key, value in rows[0].items() if key != "species"}
        return size | train(folder) | serve(folder, asked)


def main(given: Sequence[str] | None = None) -> int:
    """Run the test and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    parser.add_argument("--base", default="", help="another base image than the Dockerfile's")
    base = parser.parse_args(given).base
    try:
        docker("version", "--format", "{{.Server.Version}}")
    except (FileNotFoundError, ImageTestError) as error:
        sys.stderr.write(
            f"this machine has no Docker to build the image with, so nothing was tested: {error}\n"
        )
        return 1
    try:
        figures = {name: round(value, 1) for name, value in measure(base).items()}
    except ImageTestError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name, value in figures.items():
        print(f"{name:16} {value:10,.1f}")  # noqa: T201
    print(json.dumps(figures))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
