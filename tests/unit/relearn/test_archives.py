"""An archive that others packed is read within limits, or refused."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.data import archives
from relearn.data.archives import Limits
from relearn.errors import ArchiveError
from tests.support.bombs import long_name_bomb, many_members, pax_bomb

LIMITS = Limits(file=1_000_000, total=200 * 1024**2)
PEAK = 4 * 1024**2
"""Bytes of memory in which every bomb is refused."""


def packed(*members: tuple[tarfile.TarInfo, bytes], tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tar_format) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type = kind
    for key, value in fields.items():
        setattr(found, key, value)
    return found


def read(content: bytes, limits: Limits = LIMITS) -> dict[str, bytes]:
    return {one.name: one.read() for one in archives.files(io.BytesIO(content), "a.tar.gz", limits)}


@given(
    st.dictionaries(
        st.text("abc.", min_size=1).filter(lambda name: name.strip(".")), st.binary(), max_size=5
    ),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_what_was_packed_in_any_format_is_read(contents: dict[str, bytes], tar_format: int) -> None:
    members = [(info(f"./{name}", mtime=1.5), content) for name, content in contents.items()]
    members.insert(0, (info(".", tarfile.DIRTYPE), b""))
    if tar_format == tarfile.USTAR_FORMAT:
        for member, _ in members:
            member.mtime = 1
    assert read(packed(*members, tar_format=tar_format)) == contents


def test_what_nobody_reads_is_passed_over() -> None:
    content = packed((info("a"), b"x" * 300_000), (info("b"), b"y"))
    (last,) = [
        one.read() for one in archives.files(io.BytesIO(content), "a.tar.gz", LIMITS) if one.name == "b"
    ]
    assert last == b"y"


def test_parts_of_gzip_one_after_the_other_are_one_archive() -> None:
    tar = gzip.decompress(packed((info("a"), b"abc")))
    assert read(b"".join(gzip.compress(tar[at : at + 1000]) for at in range(0, len(tar), 1000))) == {
        "a": b"abc"
    }


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([(info("a", tarfile.SYMTYPE, linkname="/etc/passwd"), b"")], "holds a link, 'a'"),
        ([(info("a", tarfile.LNKTYPE, linkname="b"), b"")], "holds a link, 'a'"),
        ([(info("a", tarfile.CHRTYPE), b"")], "holds a device, 'a'"),
        ([(info("a", tarfile.FIFOTYPE), b"")], "holds a pipe, 'a'"),
        ([(info("a", tarfile.CONTTYPE), b"")], "member of type"),
        ([(info("../a"), b"")], r"'\.\./a' in a.tar.gz is outside"),
        ([(info("b/../../a"), b"")], "is outside"),
        ([(info("/a"), b"")], "is outside"),
        ([(info("c:\\a"), b"")], "is outside"),
        ([(info("a"), b"1"), (info("./a"), b"2")], "holds 'a' twice"),
        ([(info("a"), b"x" * 1_000_001)], "'a' in a.tar.gz has 1000001 bytes; allowed: 1000000"),
        ([(info("x" * 200), b"")], "sets 'path'"),
        ([(info("\u3042"), b"")], "sets 'path'"),
        ([(info("a", pax_headers={"size": "7"}), b"abc")], "sets 'size'"),
        ([(info("a", pax_headers={"GNU.sparse.name": "b"}), b"abc")], "sets 'GNU.sparse.name'"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(
    members: list[tuple[tarfile.TarInfo, bytes]], said: str
) -> None:
    with pytest.raises(ArchiveError, match=said):
        read(packed(*members))


def test_a_long_name_of_gnu_is_refused() -> None:
    with pytest.raises(ArchiveError, match="a record of a long name"):
        read(packed((info("x" * 200), b""), tar_format=tarfile.GNU_FORMAT))


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda _: b"",
        lambda _: b"no gzip",
        lambda _: gzip.compress(b""),
        lambda _: gzip.compress(b"no tar at all".ljust(2048)),
        lambda whole: gzip.compress(gzip.decompress(whole)[:1024]),  # no end
        lambda whole: gzip.compress(gzip.decompress(whole) + gzip.decompress(whole)),
        lambda whole: whole + b"more",
        lambda whole: gzip.compress(gzip.decompress(whole) + b"\0" * (archives.MOST_PADDING + 1)),
    ],
)
def test_a_damaged_archive_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ArchiveError):
        read(change(packed((info("a"), bytes(range(256)) * 2))))


@pytest.mark.parametrize(
    "records",
    [b"12 mtime 1.5\n", b"99 mtime=1.5\n", b"mtime=1.5\n", b"0 mtime=1.5\n"],
    ids=["no equals sign", "longer than it is", "no length", "no length at all"],
)
def test_a_pax_header_that_breaks_its_form_is_damaged(records: bytes) -> None:
    tar = bytearray(gzip.decompress(packed((info("a", mtime=1.5), b"abc"))))
    size = int(bytes(tar[124:136]).rstrip(b"\0 "), 8)  # of the extended header's records, which follow it
    tar[512 : 512 + size] = records.ljust(size, b"x")
    with pytest.raises(ArchiveError, match="is damaged"):
        read(gzip.compress(bytes(tar)))


@given(st.binary(max_size=1500), st.integers(0, 1499))
def test_no_bytes_end_in_another_error(noise: bytes, at: int) -> None:
    tar = gzip.decompress(packed((info("a", mtime=1.5), b"abc")))
    for content in (noise, gzip.compress(tar[:at] + noise + tar[at + len(noise) :])):
        try:
            read(content)
        except ArchiveError:
            continue


class Counted(io.BytesIO):
    """A stream that knows how much was read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


def refused(content: bytes, limits: Limits) -> tuple[str, int, float]:
    """Read a bomb; give what was said, the most memory it took, and how much of it was looked at."""
    stream = Counted(content)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError) as caught:
            _drain(one.blocks() for one in archives.files(stream, "a.tar.gz", limits))
        return str(caught.value), tracemalloc.get_traced_memory()[1], stream.taken / len(content)
    finally:
        tracemalloc.stop()


def _drain(several: Iterable[Iterable[bytes]]) -> None:
    for blocks in several:
        for _ in blocks:
            pass


@pytest.mark.parametrize(
    ("bomb", "said"),
    [
        (pax_bomb, "the header of 'x' in a.tar.gz has 67108864 bytes; allowed: 65536"),
        (long_name_bomb, "a record of a long name"),
        (many_members, "more than 1000 members"),
    ],
)
def test_a_bomb_in_the_headers_is_refused_before_it_is_read(bomb: Callable[[], bytes], said: str) -> None:
    told, peak, _ = refused(bomb(), LIMITS)
    assert said in told
    assert peak < PEAK


def test_content_that_unpacks_to_too_much_is_refused_while_it_is_read() -> None:
    content = packed((info("a"), b"\0" * 50_000_000))
    told, peak, _ = refused(content, Limits(file=10**9, total=10**9))
    assert "more than 200 times its size" in told
    assert peak < PEAK
    told, peak, _ = refused(content, Limits(file=10**9, total=1_000_000))
    assert "more than 1000000 bytes" in told
    assert peak < PEAK


def test_a_gzip_of_very_many_empty_parts_is_refused() -> None:
    empty = gzip.compress(b"", mtime=0)
    told, peak, looked_at = refused(empty * 1_000_000, LIMITS)
    assert "more than 1000 gzip files" in told
    assert peak < PEAK
    assert looked_at < 0.1


def test_a_member_knows_its_size_before_it_is_read() -> None:
    content = packed((info("a"), b"x" * 70_000), (info("b"), b""))
    assert [one.size for one in archives.files(io.BytesIO(content), "a.tar.gz", LIMITS)] == [70_000, 0]


def test_a_member_is_given_in_pieces_and_only_once() -> None:
    content = packed((info("a"), bytes(70_000)))
    (member,) = archives.files(io.BytesIO(content), "a.tar.gz", LIMITS)
    assert member.read() == b""
    for one in archives.files(io.BytesIO(content), "a.tar.gz", LIMITS):
        assert max(map(len, one.blocks())) <= archives.PIECE


def test_as_many_members_and_bytes_as_are_allowed_are_read() -> None:
    content = packed((info("a"), b"xyz"), (info("b"), b""))
    assert read(content, Limits(file=3, total=10**6, members=2)) == {"a": b"xyz", "b": b""}
    with pytest.raises(ArchiveError, match=r"^a.tar.gz has more than 1 members, the most allowed$"):
        read(content, Limits(file=3, total=10**6, members=1))
    with pytest.raises(ArchiveError, match=r"^'a' in a.tar.gz has 3 bytes; allowed: 2$"):
        read(content, Limits(file=2, total=10**6, members=2))


def test_an_archive_that_unpacks_to_just_as_much_as_allowed_is_read() -> None:
    content = packed((info("a"), b"xyz"))
    whole = len(gzip.decompress(content))
    assert read(content, Limits(file=3, total=whole)) == {"a": b"xyz"}
    with pytest.raises(
        ArchiveError, match=rf"^a.tar.gz unpacks to more than {whole - 1} bytes, the most allowed$"
    ):
        read(content, Limits(file=3, total=whole - 1))


def test_an_archive_that_is_cut_off_says_so() -> None:
    whole = packed((info("a"), b"xyz"))
    for content in (whole[:-1], gzip.compress(gzip.decompress(whole)[:700])):
        with pytest.raises(ArchiveError, match=r"^a.tar.gz is cut off$"):
            read(content)


def test_what_comes_behind_the_end_is_told() -> None:
    tar = gzip.decompress(packed((info("a"), b"xyz")))
    with pytest.raises(ArchiveError, match=r"^a.tar.gz goes on behind its end$"):
        read(gzip.compress(tar + b"x"))
    assert read(gzip.compress(tar + bytes(10_000))) == {"a": b"xyz"}
