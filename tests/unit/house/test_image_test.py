"""`make image-test` runs the image as SageMaker does, and never passes where it ran nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.image import __main__ as image_test


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What Docker was told; a container trains at once and answers at once."""
    calls: list[tuple[str, ...]] = []

    def docker(*arguments: str, given: str | None = None) -> str:
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
            case ["exec", *_] if given:
                return json.dumps({"predictions": json.loads(given)["instances"]})
        return "container"

    monkeypatch.setattr(image_test, "docker", docker)
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
    told = image_test.docker

    def failing(*arguments: str, given: str | None = None) -> str:
        return "1" if "{{.State.ExitCode}}" in arguments else told(*arguments, given=given)

    monkeypatch.setattr(image_test, "docker", failing)
    assert image_test.main([]) == 1
    assert ran
