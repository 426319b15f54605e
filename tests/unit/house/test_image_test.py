"""`make image-test` runs the image as SageMaker does, and never passes where it ran nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.image import __main__ as image_test
from tests.image import builders, jail


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What Docker was told; a container trains at once and answers at once."""
    calls: list[tuple[str, ...]] = []

    def run(program: str, *arguments: str, given: str | None = None) -> str:
        assert program == "docker"
        calls.append(arguments)
        folder = next(
            (word.removesuffix(":/opt/ml") for word in arguments if word.endswith(":/opt/ml")), None
        )
        if folder and arguments[-1] == "train":
            (Path(folder) / "model").mkdir()
            (Path(folder) / "model" / "model.onnx").touch()
        match arguments:
            case ["inspect", _, "{{.State.Running}}", _]:
                return "false"
            case ["inspect", _, "{{.State.ExitCode}}", _]:
                return "0"
            case ["image", *_]:
                return str(512 * 1024 * 1024)
            case ["exec", _, "cat", _]:
                return str(256 * 1024 * 1024)
            case ["exec", *_, "/invocations"] if given:
                return json.dumps({"predictions": json.loads(given)["instances"]})
        return "container"

    monkeypatch.setattr(builders, "run", run)
    return calls


def test_a_machine_without_docker_fails_and_says_that_nothing_was_tested(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert image_test.main([]) == 1
    assert "no Docker to build the image with, so nothing was tested" in capsys.readouterr().err


def test_train_and_serve_run_read_only_without_a_network_as_nobody_on_opt_ml(ran: Any) -> None:
    assert image_test.main([]) == 0
    runs = [call for call in ran if call[0] == "run"]
    assert [call[-1] for call in runs] == ["train", "serve"]
    for call in runs:
        assert "--read-only" in call
        assert call[call.index("--network") + 1] == "none"
        assert call[call.index("--user") + 1] == "65534:65534"
        assert call[call.index("--volume") + 1].endswith(":/opt/ml")


def test_it_prints_size_start_up_time_and_memory(ran: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert image_test.main([]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures) == {"size_mb", "train_seconds", "train_mb", "startup_seconds", "serve_mb"}
    assert (figures["size_mb"], figures["serve_mb"]) == (512, 256)
    assert ran


def test_another_base_takes_the_place_of_the_dockerfiles_own(ran: Any) -> None:
    assert image_test.main(["--base", "mine:latest"]) == 0
    (built,) = [call for call in ran if call[0] == "buildx"]
    replaced, base = built[built.index("--build-context") + 1].split("=", 1)
    dockerfile = Path(built[built.index("--file") + 1]).read_text()
    assert f"FROM {replaced}\n" in dockerfile
    assert base == "docker-image://mine:latest"


def test_a_job_that_writes_no_artifact_fails(monkeypatch: pytest.MonkeyPatch, ran: Any) -> None:
    told = builders.run

    def failing(*arguments: str, given: str | None = None) -> str:
        return "1" if "{{.State.ExitCode}}" in arguments else told(*arguments, given=given)

    monkeypatch.setattr(builders, "run", failing)
    assert image_test.main([]) == 1
    assert ran


# where there is no Docker


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    """What buildah was told, and what was started in namespaces; a container trains at once and answers at once."""
    calls: list[tuple[str, ...]] = []
    config = {
        "Entrypoint": ["python", "-m", "training"],
        "Env": ["PATH=/usr/bin", "PYTHONPATH=/opt/relearn"],
        "WorkingDir": "/opt/relearn",
    }
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "file").write_bytes(bytes(1024 * 1024))

    def run(*command: str, given: str | None = None) -> str:
        calls.append(command)
        if command[0] == "docker":
            raise FileNotFoundError("docker")
        match command:
            case ["buildah", "inspect", *_]:
                return json.dumps({"OCIv1": {"config": config}})
            case ["buildah", "mount", _]:
                return str(tmp_path / "root")
            case ["nsenter", *_, "/invocations"] if given:
                return json.dumps({"predictions": json.loads(given)["instances"]})
        return "container"

    def popen(command: list[str], **_: Any) -> Any:
        calls.append(tuple(command))
        folder = Path(json.loads(command[-1])["ml"])
        (folder / "model").mkdir(exist_ok=True)
        (folder / "model" / "model.onnx").touch()
        return _Opened(SimpleNamespace(pid=0, poll=lambda: 0, wait=lambda: 0, kill=lambda: None))

    monkeypatch.setattr(builders, "run", run)
    monkeypatch.setattr(builders.Buildah, "lacks", lambda _: "")
    monkeypatch.setattr(subprocess, "Popen", popen)
    return calls


class _Opened:
    """A process as a context manager."""

    def __init__(self, process: Any) -> None:
        self.process = process

    def __enter__(self) -> Any:
        return self.process

    def __exit__(self, *_: object) -> None:
        pass


def test_without_docker_buildah_builds_the_image_from_a_base_that_is_named(told: Any) -> None:
    assert image_test.main(["--base", "localhost/python:3.13-local", "--option=--volume=/a:/b:ro"]) == 0
    (built,) = [call for call in told if call[:2] == ("buildah", "build")]
    assert built[built.index("--isolation") + 1] == "chroot"
    assert built[built.index("--from") + 1] == "localhost/python:3.13-local"
    assert "--volume=/a:/b:ro" in built


def test_what_buildah_built_runs_without_a_network_as_nobody_on_opt_ml(told: Any) -> None:
    assert image_test.main([]) == 0
    runs = [call for call in told if call[0] == "unshare"]
    given = [json.loads(call[-1]) for call in runs]
    assert [one["command"][-1] for one in given] == ["train", "serve"]
    assert all({"--net", "--mount"} < set(call) for call in runs)
    assert {one["user"] for one in given} == {65534}
    assert {one["environment"]["PYTHONPATH"] for one in given} == {"/opt/relearn"}
    assert ("buildah", "rm", "container") in told


def test_the_files_of_the_image_are_read_only_but_for_opt_ml_and_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[tuple[Any, ...]] = []
    monkeypatch.setattr(jail, "mount", lambda *words: did.append(("mount", *words)))
    monkeypatch.setattr("fcntl.ioctl", lambda *_: None)
    for name in ("chroot", "chdir", "setgroups", "setgid", "setuid", "execvpe"):
        monkeypatch.setattr(f"os.{name}", lambda *given, name=name: did.append((name, *given)))
    jail.main(
        {
            "root": "/r",
            "ml": "/m",
            "user": 65534,
            "folder": "/opt/relearn",
            "environment": {},
            "command": ["python"],
        }
    )
    read_only = did.index(("mount", "--options", "remount,bind,ro", "/r"))
    writable = [call[-1] for call in did[read_only + 1 :] if call[0] == "mount"]
    assert writable == ["/r/opt/ml", "/r/tmp", "/r/proc", "/r/dev"]
    assert [call[:2] for call in did[-4:]] == [
        ("setgroups", []),
        ("setgid", 65534),
        ("setuid", 65534),
        ("execvpe", "python"),
    ]
