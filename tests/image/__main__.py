"""Build the image, train and serve in it, and print its size, start-up time and memory.

The container has a read-only root, no network, an unprivileged user, and /opt/ml as the one folder that it may
write beside /tmp. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.base import staging
from tests.image.builders import Buildah, Builder, Container, Docker, ImageTestError
from tests.support import training_kit

LONGEST_SECONDS = 600
BUILDERS: tuple[Builder, ...] = (Docker(), Buildah())
"""What may build and run the image; the first that works here does."""


def wait(container: Container, over: Callable[[], bool], what: str) -> None:
    """Wait until something is so.

    Raises
    ------
    ImageTestError
        When it is not so after `LONGEST_SECONDS`, or the container ended.
    """
    end = time.monotonic() + LONGEST_SECONDS
    while not over():
        if time.monotonic() > end or not container.runs():
            raise ImageTestError(f"{what}: {container.log()[-2000:]}")
        time.sleep(0.1)


def train(builder: Builder, folder: Path) -> dict[str, float]:
    """Train, check that there is an artifact, and return seconds and MB."""
    began, peak = time.monotonic(), 0.0
    with builder.running("train", folder) as container:
        while container.runs():
            peak = max(peak, container.peak_mb())
            time.sleep(0.2)
        code = container.exit_code()
        if code or not (folder / "model" / "model.onnx").exists():
            raise ImageTestError(f"train ended with {code}: {container.log()[-2000:]}")
    return {"train_seconds": time.monotonic() - began, "train_mb": peak}


def serve(builder: Builder, folder: Path, row: dict[str, object]) -> dict[str, float]:
    """Serve the artifact, ask it, and return seconds until it answered and MB."""
    began = time.monotonic()
    with builder.running("serve", folder) as container:
        wait(container, lambda: _answers(container), "serve never answered /ping")
        started = time.monotonic() - began
        answer = json.loads(container.ask("/invocations", json.dumps({"instances": [row]})))
        if not answer.get("predictions"):
            raise ImageTestError(f"serve answered {answer}")
        return {"startup_seconds": started, "serve_mb": container.peak_mb()}


def _answers(container: Container) -> bool:
    try:
        container.ask("/ping")
    except ImageTestError:
        return False
    return True


def measure(builder: Builder, base: str, options: Sequence[str]) -> dict[str, float]:
    """Build the image, run both commands in it, and return the figures."""
    builder.build(staging.image_context(), base, options)
    rows = training_kit.iris_rows()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        training_kit.job(folder, rows)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777)  # the container's user is nobody here
        size = {"size_mb": builder.size_mb()}
        asked = {key: value for key, value in rows[0].items() if key != "species"}
        return size | train(builder, folder) | serve(builder, folder, asked)


def main(given: Sequence[str] | None = None) -> int:
    """Run the test and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    parser.add_argument("--base", default="", help="another base image than the Dockerfile's")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        help="option of the build, e.g. --option=--volume=A:B; may be repeated",
    )
    chosen = parser.parse_args(given)
    lacking = {builder: builder.lacks() for builder in BUILDERS}
    builder = next((one for one, reason in lacking.items() if not reason), None)
    if builder is None:
        sys.stderr.write(
            "this machine has no Docker to build the image with, so nothing was tested: "
            f"{'; '.join(lacking.values())}\n"
        )
        return 1
    try:
        figures = {
            name: round(value, 1) for name, value in measure(builder, chosen.base, chosen.option).items()
        }
    except ImageTestError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name, value in figures.items():
        print(f"{name:16} {value:10,.1f}")  # noqa: T201
    print(json.dumps(figures))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
