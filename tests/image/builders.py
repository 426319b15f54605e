"""What builds and runs the image: Docker, or buildah where there is no Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

TAG = "relearn-image-test"
PLATFORM = "linux/amd64"
NOBODY = 65534
MB = 1024 * 1024
ASK = (
    "import sys, urllib.request as u; body = sys.stdin.buffer.read() or None; "
    "sys.stdout.write(u.urlopen(u.Request('http://127.0.0.1:8080' + sys.argv[1], body, "
    "{'Content-Type': 'application/json'}), timeout=10).read().decode())"
)
"""Program that sends a request from inside the container, which has no network."""
_PEAK = "/sys/fs/cgroup/memory.peak"
_JAIL = Path(__file__).with_name("jail.py")


class ImageTestError(Exception):
    """The image cannot be built here, or does not do what SageMaker asks of it."""


class Container(Protocol):
    """A running or ended container."""

    def runs(self) -> bool:
        """Whether its program runs."""

    def exit_code(self) -> int:
        """Exit code of its program, which has ended."""

    def ask(self, path: str, body: str = "") -> str:
        """Answer of its server to a GET, or to a POST of a body; raises ImageTestError when there is none."""

    def peak_mb(self) -> float:
        """Most memory that it had so far, in MB; 0 when that cannot be read any more."""

    def log(self) -> str:
        """What it printed."""


class Builder(Protocol):
    """Builds the image, and runs it with a read-only root, no network, as nobody, on a folder as /opt/ml."""

    def lacks(self) -> str:
        """Why it cannot be used here; "" when it can."""

    def build(self, context: Path, base: str, options: Sequence[str]) -> None:
        """Build the image; ``base`` names another base image, "" for the Dockerfile's own."""

    def size_mb(self) -> float:
        """Size of the image, uncompressed, in MB."""

    def running(self, verb: str, folder: Path) -> AbstractContextManager[Container]:
        """Run the image's command ``train`` or ``serve`` for a while; ``folder`` is its /opt/ml."""


def run(*command: str, given: str | None = None) -> str:
    """Run a program and return its standard output.

    Raises
    ------
    ImageTestError
        When it fails.
    """
    done = subprocess.run(command, input=given, text=True, capture_output=True, check=False)
    if done.returncode:
        raise ImageTestError(
            f"{' '.join(command[:2])} failed: {(done.stderr or done.stdout).strip()[-2000:]}"
        )
    return done.stdout.strip()


class Docker:
    """Docker, or what answers to its name and commands."""

    def lacks(self) -> str:
        """Why it cannot be used here; "" when it can."""
        try:
            run("docker", "version", "--format", "{{.Server.Version}}")
        except (FileNotFoundError, ImageTestError) as error:
            return f"no Docker: {error}"
        return ""

    def build(self, context: Path, base: str, options: Sequence[str]) -> None:
        """Build the image; ``base`` names another base image, "" for the Dockerfile's own."""
        dockerfile = context / "training" / "Dockerfile"
        replaced = []
        if base:  # a named context of the name after FROM takes its place
            (own,) = re.findall(r"^FROM (\S+)", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)
            replaced = ["--build-context", f"{own}=docker-image://{base}"]
        run(
            *("docker", "buildx", "build", "--load", "--platform", PLATFORM),
            *("--provenance=false", "--sbom=false", *options),
            *("--file", str(dockerfile), "--tag", TAG, *replaced, str(context)),
        )

    def size_mb(self) -> float:
        """Size of the image, uncompressed, in MB."""
        return int(run("docker", "image", "inspect", "--format", "{{.Size}}", TAG)) / MB

    @contextmanager
    def running(self, verb: str, folder: Path) -> Iterator[Container]:
        """Run the image's command ``train`` or ``serve`` for a while; ``folder`` is its /opt/ml."""
        name = run(
            *(
                "docker",
                "run",
                "--detach",
                "--read-only",
                "--network",
                "none",
                "--user",
                f"{NOBODY}:{NOBODY}",
            ),
            *("--tmpfs", "/tmp", "--env", "HOME=/tmp", "--volume", f"{folder}:/opt/ml", TAG, verb),
        )
        try:
            yield _DockerContainer(name)
        finally:
            run("docker", "rm", "--force", name)


@dataclass(frozen=True)
class _DockerContainer:
    """A container by its name."""

    name: str

    def runs(self) -> bool:
        return run("docker", "inspect", "--format", "{{.State.Running}}", self.name) == "true"

    def exit_code(self) -> int:
        return int(run("docker", "inspect", "--format", "{{.State.ExitCode}}", self.name))

    def ask(self, path: str, body: str = "") -> str:
        return run("docker", "exec", "--interactive", self.name, "python", "-c", ASK, path, given=body)

    def peak_mb(self) -> float:
        try:
            return int(run("docker", "exec", self.name, "cat", _PEAK)) / MB
        except ImageTestError:  # it has just ended
            return 0.0

    def log(self) -> str:
        return run("docker", "logs", self.name)


class Buildah:
    """buildah with chroot isolation, which needs no engine, no runtime and no privileges beyond root's own.

    It runs what it built in a network namespace and a mount namespace of its own, as `tests.image.jail` sets them up.
    """

    def lacks(self) -> str:
        """Why it cannot be used here; "" when it can."""
        missing = [name for name in ("buildah", "unshare", "nsenter") if shutil.which(name) is None]
        if missing:
            return f"no {', no '.join(missing)}"
        return "" if os.geteuid() == 0 else "buildah mounts images as root alone"

    def build(self, context: Path, base: str, options: Sequence[str]) -> None:
        """Build the image; ``base`` names another base image, "" for the Dockerfile's own."""
        run(
            *("buildah", "build", "--isolation", "chroot", "--format", "docker", "--platform", PLATFORM),
            *(("--from", base) if base else ()),
            *options,
            *("--file", str(context / "training" / "Dockerfile"), "--tag", TAG, str(context)),
        )

    def size_mb(self) -> float:
        """Size of the image, uncompressed, in MB."""
        with _mounted() as root:
            return sum(path.lstat().st_size for path in root.rglob("*") if path.is_file()) / MB

    @contextmanager
    def running(self, verb: str, folder: Path) -> Iterator[Container]:
        """Run the image's command ``train`` or ``serve`` for a while; ``folder`` is its /opt/ml."""
        config = json.loads(run("buildah", "inspect", "--type", "image", TAG))["OCIv1"]["config"]
        with _mounted() as root, tempfile.TemporaryFile() as log:
            (root / "opt" / "ml").mkdir(parents=True, exist_ok=True)
            told = {
                "root": str(root),
                "ml": str(folder),
                "user": NOBODY,
                "folder": config["WorkingDir"],
                "environment": dict(one.split("=", 1) for one in config["Env"]) | {"HOME": "/tmp"},
                "command": [*config["Entrypoint"], verb],
            }
            command = ["unshare", "--net", "--mount", sys.executable, "-I", str(_JAIL), json.dumps(told)]
            with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
                try:
                    yield _Process(process, log)
                finally:
                    process.kill()


@dataclass(frozen=True)
class _Process:
    """A program in namespaces of its own."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]

    def runs(self) -> bool:
        return self.process.poll() is None

    def exit_code(self) -> int:
        return self.process.wait()

    def ask(self, path: str, body: str = "") -> str:
        network = f"--net=/proc/{self.process.pid}/ns/net"
        return run("nsenter", network, sys.executable, "-I", "-c", ASK, path, given=body)

    def peak_mb(self) -> float:
        return sum(map(_peak_kb, _family(self.process.pid))) / 1024

    def log(self) -> str:
        self.output.seek(0)
        return self.output.read().decode(errors="replace")


@contextmanager
def _mounted() -> Iterator[Path]:
    """The image's files, of which a change is forgotten."""
    with ExitStack() as stack:
        name = run("buildah", "from", TAG)
        stack.callback(run, "buildah", "rm", name)
        yield Path(run("buildah", "mount", name))


def _family(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for one in found:
        try:
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except FileNotFoundError:  # it has just ended
            continue
    return found


def _peak_kb(pid: int) -> int:
    """Return the most memory that a process had at once, in kB; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) if found else 0
