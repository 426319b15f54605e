"""What an artifact is, file by file: the same however it is packed, another after any change."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.data import contents
from relearn.data.archives import Limits
from relearn.errors import ArchiveError

LIMITS = Limits(file=1_000_000, total=2_000_000)


def packed(files: dict[str, bytes]) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return io.BytesIO(gzip.compress(out.getvalue()))


@given(st.lists(st.binary(max_size=9), max_size=5))
def test_a_content_in_pieces_has_the_digest_of_the_whole(blocks: list[bytes]) -> None:
    assert contents.of_blocks(blocks) == hashlib.sha256(b"".join(blocks)).hexdigest()


def test_every_file_of_an_archive_has_its_own_digest() -> None:
    found = contents.of_archive(packed({"a": b"1", "b": b""}), "m.tar.gz", LIMITS)
    assert found == {"a": hashlib.sha256(b"1").hexdigest(), "b": hashlib.sha256(b"").hexdigest()}


def test_the_order_of_files_changes_nothing_and_everything_else_does() -> None:
    one = contents.digest({"a": "1", "b": "2"})
    assert one == contents.digest({"b": "2", "a": "1"})
    others = [{"a": "1"}, {"a": "2", "b": "2"}, {"a": "1", "c": "2"}, {"a": "2", "b": "1"}]
    assert one not in map(contents.digest, others)


def test_the_digest_is_the_one_that_artifacts_in_registries_carry() -> None:
    assert contents.digest({"b": "é", "a": "1"}) == hashlib.sha256('{"a":"1","b":"é"}'.encode()).hexdigest()


def test_an_archive_that_is_damaged_is_named() -> None:
    with pytest.raises(ArchiveError, match=r"^m\.tar\.gz is cut off$"):
        contents.of_archive(io.BytesIO(), "m.tar.gz", LIMITS)
