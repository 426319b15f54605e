"""A record of the laptop cloud tells a fault of the machine in words: no number of the system's, and no path."""

from __future__ import annotations

import errno
import os
import tarfile
from pathlib import Path

import pytest

from local import faults
from local.sagemaker import archives


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_the_system_is_told_in_words(number: int) -> None:
    said = faults.told(OSError(number, os.strerror(number), "/home/someone/cloud/file"))
    assert said
    assert "Errno" not in said
    assert "someone" not in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "the disk is full: free some space"),
        (
            RuntimeError("failed to write /tmp/x/y: No space left on device"),
            "the disk is full: free some space",
        ),
        (MemoryError(), "the memory is used up"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "nothing answers there any more"),
        (ValueError("/home/someone/cloud/x.json is odd"), "(a file) is odd"),
        (ValueError("s3://bucket/some/key is odd"), "s3://bucket/some/key is odd"),
        (KeyError(), "KeyError"),
    ],
)
def test_what_is_no_error_of_the_system_keeps_its_words_without_paths(error: Exception, said: str) -> None:
    assert faults.told(error).startswith(said)


def test_an_archive_that_does_not_fit_the_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "a", arcname="a")

    def full(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "model/a"))

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(archives.ArchiveError) as told:
        archives.unpack(tmp_path / "a.tar.gz", tmp_path / "model")
    assert str(told.value) == "it cannot be unpacked: the disk is full: free some space, then try again"
