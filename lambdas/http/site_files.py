"""Answers ``GET /openapi.json`` and ``GET /docs`` with files written when the app was synthesised.

``data/site`` holds each file gzipped. The files that a page loads are named by their content and cached
without limit; files with a fixed name are revalidated on each request, and mostly answered with 304.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Self

from lambdas.http.request import Request
from lambdas.http.responses import Content
from relearn.api import answer_size
from relearn.errors import NotFoundError

PAGE, DESCRIPTION = "index.html", "openapi.json"


MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy of the page: it loads our own files and calls our own API only."""


LARGEST_UNZIPPED = (answer_size.LAMBDA_BYTES - 16_384) * 3 // 4
"""Largest content that is sent unzipped, in bytes: Lambda's answer has it as base64, beside at most 16 KB of headers."""


_NEVER = re.compile(r"q=0(\.0*)?")


_FIXED, _NAMED_BY_CONTENT = "no-cache", "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class File:
    """One file of the site.

    Parameters
    ----------
    zipped
        Content, gzipped.
    headers
        Headers that are always sent.
    """

    zipped: bytes
    headers: Mapping[str, str]

    def answer(self, asked: Mapping[str, str]) -> Content:
        """Return the file, or status 304 when the caller has it already.

        It is gzipped where the caller takes that, and where Lambda takes nothing larger: the document of some 200
        models. A request that says nothing of encodings takes any ("Accept-Encoding" in RFC 9110).

        Parameters
        ----------
        asked
            Headers of the request, lower-case name to value.
        """
        if self.headers["etag"] in _listed(asked.get("if-none-match", "")):
            return Content(b"", self.headers, HTTPStatus.NOT_MODIFIED)
        if _takes_gzip(asked.get("accept-encoding", "")) or self._size > LARGEST_UNZIPPED:
            return Content(self.zipped, {**self.headers, "content-encoding": "gzip"})
        return Content(gzip.decompress(self.zipped), self.headers)

    @property
    def _size(self) -> int:
        """Size when unzipped, in bytes: the last four of a gzip file (RFC 1952)."""
        return int.from_bytes(self.zipped[-4:], "little")


class Site(dict[str, File]):
    """Files by their names, without ``.gz``."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files of a folder."""
        return cls({path.stem: _file(path) for path in sorted(folder.glob("*.gz"))})

    def get_docs(self, request: Request) -> Content:
        """Return the page."""
        return self[PAGE].answer(request.headers)

    def get_openapi(self, request: Request) -> Content:
        """Return the OpenAPI document."""
        return self[DESCRIPTION].answer(request.headers)

    def get_docs_file(self, request: Request) -> Content:
        """Return the file that the request names.

        Raises
        ------
        NotFoundError
            The site has no such file.
        """
        name = request.parameters["file"]
        if name not in self:
            raise NotFoundError("no such file; /docs is the page")
        return self[name].answer(request.headers)


def _file(path: Path) -> File:
    zipped = path.read_bytes()
    page = path.stem in (PAGE, DESCRIPTION)
    headers = {
        "content-type": MEDIA_TYPES[Path(path.stem).suffix],
        "cache-control": _FIXED if page else _NAMED_BY_CONTENT,
        "etag": f'"{hashlib.sha256(zipped).hexdigest()[:32]}"',
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
    }
    if path.stem.endswith(".html"):
        headers |= {"content-security-policy": POLICY, "referrer-policy": "no-referrer"}
    return File(zipped, headers)


def _listed(header: str) -> list[str]:
    return [item.strip().removeprefix("W/") for item in header.split(",")]


def _takes_gzip(header: str) -> bool:
    codings = [item.replace(" ", "").lower().partition(";") for item in header.split(",")]
    return any(name in ("gzip", "*") and not _NEVER.fullmatch(quality) for name, _, quality in codings)
