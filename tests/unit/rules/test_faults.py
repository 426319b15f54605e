"""A machine's fault is told in words with a remedy, never as the system's own text."""

from __future__ import annotations

import errno
import io
import json
from pathlib import Path

import pytest

from lambdas.uploads.ingestion import trouble
from preparation import sniff
from preparation.lines import Lines
from relearn import faults
from relearn.data import archives
from relearn.lifecycle.runs import failure_reason
from scoring.container import Container
from training.job import train

PLACE = "/tmp/of/ours"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", PLACE),
        OSError(errno.EDQUOT, "Disk quota exceeded", PLACE),
        RuntimeError(f'IO Error: Could not write file "{PLACE}": No space left on device'),
    ],
    ids=["space", "quota", "library"],
)
def test_a_full_disk_is_told_with_what_gives_room(error: Exception) -> None:
    assert faults.is_full(error)
    assert faults.told(error, faults.TRAINING_DISK) == f"the disk is full: {faults.TRAINING_DISK}"
    assert trouble(error) == f"not decided yet, it is tried again: the disk is full: {faults.INGEST_DISK}"


def test_used_up_memory_is_told() -> None:
    assert "memory is used up" in trouble(MemoryError())


def test_any_other_error_is_told_by_its_class() -> None:
    assert faults.told(KeyError("k"), "x") == "KeyError: 'k'"
    assert not faults.is_full(OSError(errno.EIO, "Input/output error"))


def test_a_job_on_a_full_disk_fails_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_box: Container) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", PLACE)

    monkeypatch.setattr(train, "run", run)
    assert train.main(Container(tmp_path)) == 1
    reason = f"the disk is full: {faults.TRAINING_DISK}"
    assert (tmp_path / "output/failure").read_text() == reason
    assert capsys.readouterr().err.endswith(f"relearn: failed: {reason}\n")


def test_a_job_that_cannot_even_write_its_reason_logs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", PLACE)

    monkeypatch.setattr(train, "run", full)
    monkeypatch.setattr(Path, "write_text", full)
    assert train.main(Container(tmp_path)) == 1
    assert capsys.readouterr().err.endswith(f"relearn: failed: the disk is full: {faults.TRAINING_DISK}\n")


class Broken(io.BytesIO):
    """A file on a disk that fails when it is read."""

    def read(self, *_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    def readline(self, *_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    def readinto(self, _: object) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_a_disk_that_fails_is_not_blamed_on_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The upload stays undecided and is tried again; quarantined it would be lost."""
    monkeypatch.setattr(Path, "open", lambda *_, **__: Broken())
    with pytest.raises(OSError, match="Input/output error"):
        sniff._head(Path("data.csv"), gzipped=False)
    with pytest.raises(OSError, match="Input/output error"):
        Lines(Broken(), 10).read()


def test_a_disk_that_fails_is_not_blamed_on_the_archive() -> None:
    with pytest.raises(OSError, match="Input/output error"):
        list(archives.files(Broken(), "it", archives.Limits(file=1, total=1)))


def test_what_a_service_quotes_of_a_full_disk_is_told_in_words() -> None:
    cause = {"errorType": "OSError", "errorMessage": "[Errno 28] No space left on device: '/tmp/x'"}
    said = failure_reason("OSError", json.dumps(cause))
    assert said == f"OSError: the disk is full: {faults.RUN_DISK}"
    assert failure_reason("OSError", "[Errno 5] x") == "OSError: [Errno 5] x"
