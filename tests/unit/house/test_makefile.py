"""What a caller of make names is text: nothing of it is run, by make or by the shell."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
READY = (
    "app.py",
    "cdk.json",
    "requirements.txt",
    "package.json",
    "package-lock.json",
    "lambdas/requirements.txt",
    "lambdas/requirements-host.txt",
    ".venv/.installed",
    "node_modules/.installed",
    "build/layers/duckdb/.installed",
    "build/layers/onnx/.installed",
    "requirements-sdk.txt",
    ".venv/.installed-sdk",
    "build/cdk.local/manifest.json",
)
"""What the targets need, each older than what is made of it."""
TELL = 'import json, os, sys; print("ran " + json.dumps(sys.argv[1:]))'
STAGES = ("synth", "deploy", "destroy")
TAKE_ARGS = ("run", "shop", "test", "test-long", "test-sdk", "deploy", "destroy")
IMAGE = re.findall(r"^FROM python:(\d+\.\d+)", (ROOT / "training/Dockerfile").read_text(), re.MULTILINE)[0]
ATTACKS = (
    "x; touch caught",
    "x && touch caught",
    "x | touch caught",
    "x & touch caught",
    "`touch caught`",
    "$(touch caught)",
    "$$(touch caught)",
    "$(shell touch caught)",
    "x' ; touch caught ; '",
    'x" ; touch caught ; "',
    "x\ntouch caught",
    "x > caught",
    "x # '",
    "${HOME}",
    "a\\",
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the Makefile, where everything is made and programs only tell what they were given."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for number, name in enumerate(READY):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (1_000_000_000 + number, 1_000_000_000 + number))
    real = shlex.quote(sys.executable)
    program(
        tmp_path / ".venv/bin/python",
        f'[ "$1" = -c ] && exec {real} -I -S "$@"\nexec {real} -I -S -c {shlex.quote(TELL)} "$@"',
    )
    program(tmp_path / ".venv/bin/relearn", 'echo "asked $@"')
    program(tmp_path / "programs/npx", f'exec {real} -I -S -c {shlex.quote(TELL)} "$@"')
    return tmp_path


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def make(place: Path, *arguments: str, **environment: str) -> list[list[str]]:
    """What Python and the CDK command were given when the targets ran them."""
    lines = told(place, *arguments, **environment)
    return [json.loads(line.removeprefix("ran ")) for line in lines if line.startswith("ran ")]


def told(place: Path, *arguments: str, **environment: str) -> list[str]:
    """What the programs printed that the targets ran."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("ARGS", "MAKEFLAGS", "MAKELEVEL")
    }
    path = f"{place / 'programs'}:{os.environ['PATH']}"
    command = ["make", "-C", str(place), "--no-print-directory", *arguments]
    ended = subprocess.run(
        command,
        env={"PYTHON": sys.executable, **kept, "PATH": path, **environment},
        text=True,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert not (place / "caught").exists(), ended.stdout + ended.stderr
    return ended.stdout.splitlines()


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
@pytest.mark.parametrize("named", [True, False], ids=["argument", "environment"])
def test_a_setting_is_one_word_whatever_it_holds(place: Path, attack: str, *, named: bool) -> None:
    settings = dict.fromkeys(("STAGE", "RUNS", "MODELS", "PROCESSES"), attack)
    word = attack.replace("\n", " ")
    given = (f"{name}={value}" for name, value in settings.items() if named)
    told = make(place, "deploy", "chaos", "limits", "test", *given, **settings)
    assert told[0][told[0].index("-c") + 1] == f"stage={word}"
    assert told[-3] == ["-m", "tests.chaos", "--runs", word]
    assert told[-2] == ["-m", "tests.limits", "--models", word]
    assert told[-1][told[-1].index("-n") + 1] == word


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_arguments_are_words_and_never_a_command(place: Path, attack: str) -> None:
    """Each is words or, where its quotes or its backslash do not end, nothing is run at all."""
    try:
        words = shlex.split(attack.replace("\n", " "))
    except ValueError:
        words = None
    told = make(place, "run", "deploy", f"ARGS={attack}")
    assert told == [] if words is None else [given[-len(words) :] for given in told] == [words, words]


def test_arguments_may_be_several_and_quoted(place: Path) -> None:
    told = make(place, *TAKE_ARGS, "ARGS=-k 'a and (b or c)' --models \"x y\" --once")
    words = ["-k", "a and (b or c)", "--models", "x y", "--once"]
    assert [given[-5:] for given in told] == [words] * len(TAKE_ARGS)


@pytest.mark.parametrize("attack", [one for one in ATTACKS if one])
def test_an_image_is_one_word_whatever_it_holds(place: Path, attack: str) -> None:
    told = make(place, "deploy", f"IMAGE={attack}")
    word = attack.replace("\n", " ")
    assert [given[-2:] for given in told] == [["-c", f"image={word}"]]


def test_a_deployment_ends_with_a_look_at_the_image_that_was_pushed(place: Path) -> None:
    lines = told(place, "deploy", "STAGE=dev")
    assert json.loads(lines[-2].removeprefix("ran "))[:4] == ["--no-install", "cdk", "deploy", "--all"]
    assert lines[-1] == "asked --stage dev check-image"


def test_without_settings_the_defaults_are_used(place: Path) -> None:
    told = make(place, *STAGES, *TAKE_ARGS[:-2], "chaos")
    assert len(told) == len(STAGES) + len(TAKE_ARGS) - 1
    assert all("stage=dev" in given for given in told[: len(STAGES)])
    assert told[-1][-1] == "200"


def test_no_recipe_takes_a_setting_but_as_a_word() -> None:
    text = (ROOT / "Makefile").read_text()
    settings = re.findall(r"^(?:override )?(\w+) := \$\(call as_text,", text, re.MULTILINE)
    assert sorted(settings) == [
        *("ARGS", "BASE", "IMAGE", "MODELS", "PROCESSES", "PYTHON", "REPOSITORY", "RUNS", "STAGE")
    ]
    asked = set(re.findall(r"^(\w+) \?=", text, re.MULTILINE))
    assert asked <= set(settings)
    for name in settings:
        assert not re.findall(rf"(?<!call quoted,)\$[({{]{name}[)}}]", text)


@pytest.fixture
def path(place: Path) -> Path:
    """The folder of all programs that make finds: what it calls while it reads the Makefile, and no Python."""
    folder = place / "path"
    folder.mkdir()
    (place / "training").mkdir()
    shutil.copy(ROOT / "training" / "Dockerfile", place / "training")
    for name in ("sed", "find", "grep"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def chosen(place: Path, path: Path) -> str:
    """The Python that make takes."""
    command = [str(shutil.which("make")), "-C", str(place), "--no-print-directory", "-pn", "help"]
    ended = subprocess.run(
        command, env={"PATH": str(path)}, text=True, capture_output=True, timeout=600, check=False
    )
    found: list[str] = re.findall(r"^(?:override )?PYTHON := (.*)$", ended.stdout, re.MULTILINE)
    return found[0]


def test_the_images_python_is_taken_where_it_is_on_the_path(place: Path, path: Path) -> None:
    program(path / f"python{IMAGE}", "exit 0")
    assert chosen(place, path) == f"python{IMAGE}"


def test_it_is_taken_where_pyenv_has_it_and_its_shim_does_not_answer(place: Path, path: Path) -> None:
    program(path / f"python{IMAGE}", "exit 127")
    program(path / "pyenv", f'[ "$*" = "latest {IMAGE}" ] && echo {IMAGE}.7 || echo "{place}/pyenv/$2"')
    program(place / "pyenv" / f"{IMAGE}.7" / "bin" / f"python{IMAGE}", "exit 0")
    assert chosen(place, path) == f"{place}/pyenv/{IMAGE}.7/bin/python{IMAGE}"


def test_without_it_python3_is_taken(place: Path, path: Path) -> None:
    assert chosen(place, path) == "python3"


def test_the_python_that_tests_take_by_day_is_the_images() -> None:
    by_day = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert set(re.findall(r'python-version: "(.*)"', by_day)) == {IMAGE}
