"""Small archives and documents that exhaust a reader without limits."""

from __future__ import annotations

import gzip
import io
import tarfile

PAX_BYTES = 64 * 1024**2


def pax_bomb() -> bytes:
    """Return an archive of 64 KB with a pax header of 64 MiB, which `tarfile` reads into memory."""
    return _header_bomb(tarfile.XHDTYPE, "x")


def long_name_bomb() -> bytes:
    """Return an archive of 64 KB with a member whose name has 64 MiB."""
    return _header_bomb(tarfile.GNUTYPE_LONGNAME, "././@LongLink")


def many_members(count: int = 100_000) -> bytes:
    """Return a small archive with `count` members, all the same folder."""
    folder = tarfile.TarInfo("f")
    folder.type = tarfile.DIRTYPE
    header = folder.tobuf(tarfile.USTAR_FORMAT)
    return gzip.compress(header * count + b"\0" * 1024, 1, mtime=0)


def tar_of(files: dict[str, bytes], first: bytes = b"") -> bytes:
    """Return a ``.tar.gz`` of files.

    ``first`` is an uncompressed tar without its end, whose members precede them.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(first + out.getvalue(), mtime=0)


def deep_json(levels: int = 100_000) -> bytes:
    """Return a JSON document with `levels` nested objects."""
    return b'{"a":' * levels + b"1" + b"}" * levels


ABSURD_JSON = {
    "deep": deep_json(),
    "less deep": b"[" * 900 + b"]" * 900,
    "a number of 400 digits": b'{"a": ' + b"9" * 400 + b"}",
    "a number of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a float beyond all": b'{"a": 1e400}',
    "a long float": b'{"a": 0.' + b"1" * 5000 + b"}",
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "a key twice": b'{"a": 1, "a": 2}',
    "half of a character": rb'{"a": "\ud800"}',
    "half of a character as a key": rb'{"\udfff": 1}',
    "another encoding": '{"a": "\u00e9"}'.encode("latin-1"),
    "very many lists": b"[" + b"[]," * 600_000 + b"[]]",
    "nothing": b"",
    "half": b'{"a": ',
}
"""Documents by their defect."""


def _header_bomb(kind: bytes, name: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, PAX_BYTES
    record = b"%d comment=" % PAX_BYTES
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT) + record)
        for _ in range(PAX_BYTES // 1024**2):
            file.write(b"\0" * 1024**2)
    return out.getvalue()
