"""The image cannot be built here; what it is made of can be checked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LINES = re.sub(r"\\\n", " ", (ROOT / "training/Dockerfile").read_text(encoding="utf-8")).splitlines()
STEPS = [tuple(line.split(maxsplit=1)) for line in LINES if line and not line.startswith("#")]


def arguments(instruction: str) -> list[str]:
    return [step[1] for step in STEPS if step[0] == instruction]


def test_it_starts_from_an_image_of_python_by_its_digest() -> None:
    (base,) = arguments("FROM")
    assert re.fullmatch(r"python:3\.13-slim-bookworm@sha256:[0-9a-f]{64}", base)


def test_no_library_in_it_reports_to_anyone() -> None:
    assert "ENV ORT_DISABLE_TELEMETRY=1" in LINES


def test_everything_it_copies_is_there() -> None:
    sources = [word for given in arguments("COPY") for word in given.split()[:-1]]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_libraries_are_installed_by_hash_before_our_code_is_copied() -> None:
    order = [f"{one} {two}" for one, two in STEPS]
    install = next(at for at, step in enumerate(order) if "--require-hashes" in step)
    ours = next(at for at, step in enumerate(order) if step.startswith("COPY relearn/"))
    assert install < ours


def test_what_the_compiled_code_of_a_library_needs_of_the_system_is_installed() -> None:
    code = Path(str(files("implicit"))) / "cpu"
    needed = {
        name for part in code.glob("*.so") for name in re.findall(rb"libgomp[.-][\w.-]*", part.read_bytes())
    }
    assert needed == {b"libgomp.so.1"}  # not one that the wheel has of its own
    assert any("apt-get install" in step and "libgomp1" in step for step in arguments("RUN"))


def test_every_library_is_pinned_with_hashes() -> None:
    text = (ROOT / "training/requirements.txt").read_text(encoding="utf-8")
    pinned = r"^([a-z0-9-]+)==[^\\\n]*((?:\\\n\s+--hash=sha256:[0-9a-f]{64} ?)*)"
    blocks = re.findall(pinned, text, re.MULTILINE)
    assert len(blocks) > 10
    assert [name for name, hashes in blocks if not hashes] == []


def pins(file: str) -> dict[str, set[str]]:
    """Every version of every library that a lock may install, whatever the machine's Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([a-z0-9-]+)==([^ \\;]+)", (ROOT / file).read_text("utf-8"), re.MULTILINE
    ):
        found.setdefault(name, set()).add(version.strip())
    return found


@pytest.mark.parametrize(
    "file",
    [
        "training/requirements.txt",
        "training/requirements-glue.txt",
        "lambdas/requirements.txt",
        "lambdas/requirements-host.txt",
    ],
)
def test_what_serves_has_the_versions_that_are_tested_whatever_the_python(file: str) -> None:
    tested, served = pins("requirements.txt"), pins(file)
    assert served
    assert {name: versions for name, versions in served.items() if len(versions) > 1} == {}
    assert {name: versions for name, versions in served.items() if versions != tested[name]} == {}


def test_every_library_asked_for_is_pinned() -> None:
    asked = (ROOT / "training/requirements.in").read_text(encoding="utf-8")
    names = [re.split(r"[<>=\[\s#]", line)[0] for line in asked.splitlines() if line and line[0] != "#"]
    pinned = (ROOT / "training/requirements.txt").read_text(encoding="utf-8")
    assert [name for name in names if f"\n{name}==" not in pinned] == []


@pytest.mark.parametrize("command", ["train", "serve"])
def test_its_entrypoint_runs_with_what_it_copies_alone(tmp_path: Path, command: str) -> None:
    for given in arguments("COPY"):
        source, target = given.split()
        if source.endswith("/"):
            shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
    entrypoint = json.loads(arguments("ENTRYPOINT")[0])
    assert entrypoint[0] == "python"
    done = subprocess.run(
        [sys.executable, *entrypoint[1:], command],
        cwd=tmp_path,
        env={"SAGEMAKER_BASE_DIR": str(tmp_path / "ml")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 1
    assert {"train": "hyperparameters.json", "serve": "not serving"}[command] in done.stderr
