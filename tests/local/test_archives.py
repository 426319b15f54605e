"""What the laptop's SageMaker unpacks or cuts stays within its folder and within limits."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.sagemaker import archives, channels, checkpoints, records
from tests.support import bombs

PEAK = 8 * 1024**2


def packed(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """Pack members: name, type, content; a link's content is its target."""
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = content.decode()
            else:
                info.size = len(content)
            info.mtime = 1.5  # as a file of this time has it: a pax header
            tar.addfile(info, io.BytesIO(content))
    return path


def test_what_a_job_stored_is_unpacked_as_it_was(tmp_path: Path) -> None:
    model, folder = tmp_path / "model", tmp_path / "unpacked"
    (model / "deep").mkdir(parents=True)
    folder.mkdir()
    (model / "a.bin").write_bytes(bytes(range(256)) * 10_000)
    (model / "deep/b.txt").write_text("b")
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        tar.add(model, arcname=".")
    archives.unpack(tmp_path / "model.tar.gz", folder)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {"a.bin": bytes(range(256)) * 10_000, "deep/b.txt": b"b"}


@pytest.mark.parametrize(
    "members",
    [
        [("../a", tarfile.REGTYPE, b"x")],
        [("deep/../../a", tarfile.REGTYPE, b"x")],
        [("/tmp/a", tarfile.REGTYPE, b"x")],
        [("a", tarfile.SYMTYPE, b"/etc"), ("a/passwd", tarfile.REGTYPE, b"x")],
        [("a", tarfile.LNKTYPE, b"/etc/passwd")],
        [("a", tarfile.FIFOTYPE, b"")],
        [("a", tarfile.REGTYPE, b"1"), ("a", tarfile.REGTYPE, b"2")],
        [("x" * 300, tarfile.REGTYPE, b"")],
    ],
)
def test_nothing_but_files_within_becomes_a_file(
    tmp_path: Path, members: list[tuple[str, bytes, bytes]]
) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(archives.ArchiveError):
        archives.unpack(packed(tmp_path / "model.tar.gz", *members), tmp_path / "in")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "model.tar.gz"]


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"no tar"), gzip.compress(b"x" * 512), gzip.compress(b"")[:-3]],
    ids=["empty", "no gzip", "no tar", "no header", "cut off"],
)
def test_what_is_no_archive_is_refused_with_the_same_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.tar.gz").write_bytes(content)
    with pytest.raises(archives.ArchiveError):
        archives.unpack(tmp_path / "model.tar.gz", tmp_path)


@pytest.mark.parametrize("bomb", [bombs.pax_bomb, bombs.long_name_bomb, bombs.many_members])
def test_a_bomb_in_the_headers_is_refused_in_little_memory(tmp_path: Path, bomb: Callable[[], bytes]) -> None:
    (tmp_path / "model.tar.gz").write_bytes(bomb())
    (tmp_path / "in").mkdir()
    tracemalloc.start()
    try:
        with pytest.raises(archives.ArchiveError):
            archives.unpack(tmp_path / "model.tar.gz", tmp_path / "in")
        assert tracemalloc.get_traced_memory()[1] < PEAK
    finally:
        tracemalloc.stop()


def test_files_that_unpack_to_too_much_leave_no_more_on_the_disk_than_allowed(tmp_path: Path) -> None:
    files = [(name, tarfile.REGTYPE, b"\0" * 20_000_000) for name in "abc"]
    archive = packed(tmp_path / "model.tar.gz", *files)
    with pytest.raises(archives.ArchiveError, match="200 times its size"):
        archives.unpack(archive, tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < archives.RATIO_FROM


def job(split: str, *, megabytes: int = 1, strategy: str = "MultiRecord") -> dict[str, Any]:
    source = {"SplitType": split, "CompressionType": "Gzip"}
    return {"TransformInput": source, "MaxPayloadInMB": megabytes, "BatchStrategy": strategy}


@pytest.mark.parametrize(
    "asked", [job("None"), job("Line"), job("Line", strategy="SingleRecord"), job("None", megabytes=0)]
)
def test_a_record_without_an_end_is_refused_in_little_memory(tmp_path: Path, asked: dict[str, Any]) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x" * 150_000_000, 1))
    tracemalloc.start()
    try:
        with pytest.raises(records.RecordError, match="larger than MaxPayloadInMB"):
            list(records.requests(tmp_path / "a.gz", asked))
        assert tracemalloc.get_traced_memory()[1] < (asked["MaxPayloadInMB"] or 250) * PEAK
    finally:
        tracemalloc.stop()


class Bucket:
    """An S3 client of a bucket with one object, whose key leaves the folder."""

    def get_paginator(self, _operation: str) -> Bucket:
        return self

    def paginate(self, **_request: Any) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": "kept/../../../outside"}]}]

    def download_file(self, _bucket: str, _key: str, path: str) -> None:
        Path(path).write_bytes(b"x")


def test_a_checkpoint_stays_in_its_folder(tmp_path: Path) -> None:
    root = tmp_path / "a/b"
    root.mkdir(parents=True)
    with pytest.raises(channels.ChannelError, match="leaves its folder"):
        checkpoints.fetch(Bucket(), {"CheckpointConfig": {"S3Uri": "s3://bucket/kept"}}, root)
    assert not list(tmp_path.rglob("outside"))
