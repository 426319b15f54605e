"""Between the clients and S3: a file as a form's request, a result as predictions. No input or output but a file's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import BinaryIO, TypeAlias

import httpx

from relearn_client.batches import Batch
from relearn_client.errors import BadAnswerError, NoResultError, StorageError
from relearn_client.forms import Form
from relearn_client.shapes import BatchLine, read_line

File: TypeAlias = Path | str | bytes | BinaryIO
"""A path, or content: bytes, or an open binary file, which is sent from its beginning."""
TIMEOUT_SECONDS = 60.0
"""For every single wait: a large file takes as long as it takes."""
_TIMEOUT = {"timeout": httpx.Timeout(TIMEOUT_SECONDS).as_dict()}
_SHOWN_BYTES = 200


@contextmanager
def form_request(form: Form, file: File) -> Iterator[httpx.Request]:
    """Make the request that sends a file with a form; an opened file is closed in the end.

    Raises
    ------
    StorageError
        The file is empty, or larger than the form takes: S3 would say so after having taken it all.
    """
    with _opened(file) as content:
        size = content.seek(0, SEEK_END)
        content.seek(0)
        if not 1 <= size <= form.max_bytes:
            raise StorageError(f"the file has {size} bytes; allowed: 1 to {form.max_bytes}")
        files = {"file": ("file", content, "application/octet-stream")}
        yield httpx.Request("POST", form.url, data=dict(form.fields), files=files, extensions=_TIMEOUT)


def name_of(file: File, filename: str | None) -> str:
    """Say what a file is called.

    Raises
    ------
    ValueError
        It is content, which has no name, and none was given.
    """
    if filename is not None:
        return filename
    if isinstance(file, str | Path):
        return Path(file).name
    raise ValueError(
        f"filename: got None with {type(file).__name__}; allowed: a name, for content without a path"
    )


def result_request(batch: Batch) -> httpx.Request:
    """Make the request for a batch's result.

    Raises
    ------
    NoResultError
        It has none.
    """
    if batch.result is None:
        because = f": {batch.reason}" if batch.reason else ""
        raise NoResultError(
            f"batch {batch.batch} of {batch.model} has no result, it is {batch.state}{because}"
        )
    return httpx.Request("GET", batch.result.url, extensions=_TIMEOUT)


def host(request: httpx.Request) -> str:
    """Say where a request goes; its URL is a secret while it works."""
    return f"{request.url.scheme}://{request.url.netloc.decode()}"


def check(response: httpx.Response) -> None:
    """Refuse an answer of S3 that is no success; its body must have been read.

    Raises
    ------
    StorageError
        With what S3 said.
    """
    if not response.is_success:
        said = dict(re.findall(r"<(Code|Message)>([^<]*)<", response.text))
        words = ": ".join(filter(None, (said.get("Code"), said.get("Message"))))
        raise StorageError(
            f"S3 answered {response.status_code}: {words or 'nothing more'}", said.get("Code", "")
        )


class Lines:
    """Takes a result in as it comes, and gives the predictions of its whole lines."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0

    def take(self, part: bytes) -> Iterator[BatchLine]:
        """Take the next bytes."""
        *whole, self._rest = (self._rest + part).split(b"\n")
        for line in whole:
            yield self._read(line)

    def end(self) -> Iterator[BatchLine]:
        """Give what a last line without an end holds."""
        if self._rest:
            yield self._read(self._rest)

    def _read(self, line: bytes) -> BatchLine:
        self._number += 1
        try:
            return read_line(json.loads(line))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadAnswerError(
                f"line {self._number} of the result is no prediction ({type(error).__name__}: {error}): "
                f"{line[:_SHOWN_BYTES]!r}"
            ) from error


@contextmanager
def _opened(file: File) -> Iterator[BinaryIO]:
    if isinstance(file, str | Path):
        with Path(file).open("rb") as content:
            yield content
    else:
        yield BytesIO(file) if isinstance(file, bytes) else file
