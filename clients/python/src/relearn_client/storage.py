"""Requests to S3 for files of forms and results, and parsing of results.

Its only input is the file to send.
"""

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
"""Maximum of each single wait, not of the whole transfer, which may be large."""
_TIMEOUT = {"timeout": httpx.Timeout(TIMEOUT_SECONDS).as_dict()}
_SHOWN_BYTES = 200


@contextmanager
def form_request(form: Form, file: File) -> Iterator[httpx.Request]:
    """Construct the request that sends a file with a form; a file opened here is closed with the context.

    Raises
    ------
    StorageError
        When the file is empty or larger than the form allows, which S3 would report only after the transfer.
    """
    with _opened(file) as content:
        size = content.seek(0, SEEK_END)
        content.seek(0)
        if not 1 <= size <= form.max_bytes:
            raise StorageError(f"the file has {size} bytes; allowed: 1 to {form.max_bytes}")
        files = {"file": ("file", content, "application/octet-stream")}
        yield httpx.Request("POST", form.url, data=dict(form.fields), files=files, extensions=_TIMEOUT)


def name_of(file: File, filename: str | None) -> str:
    """Return the name of a file: `filename` if given, else the last part of a path.

    Raises
    ------
    ValueError
        When content is given without a name.
    """
    if filename is not None:
        return filename
    if isinstance(file, str | Path):
        return Path(file).name
    raise ValueError(
        f"filename: got None with {type(file).__name__}; allowed: a name, for content without a path"
    )


def result_request(batch: Batch) -> httpx.Request:
    """Construct the request for a batch's result.

    Raises
    ------
    NoResultError
        When it has none.
    """
    if batch.result is None:
        because = f": {batch.reason}" if batch.reason else ""
        raise NoResultError(
            f"batch {batch.batch} of {batch.model} has no result, it is {batch.state}{because}"
        )
    return httpx.Request("GET", batch.result.url, extensions=_TIMEOUT)


def host(request: httpx.Request) -> str:
    """Return scheme and host of a request, whose URL is secret until it expires."""
    return f"{request.url.scheme}://{request.url.netloc.decode()}"


def check(response: httpx.Response) -> None:
    """Raise an error for an unsuccessful answer of S3, whose body must have been read.

    Raises
    ------
    StorageError
        With S3's error code and message.
    """
    if not response.is_success:
        said = dict(re.findall(r"<(Code|Message)>([^<]*)<", response.text))
        words = ": ".join(filter(None, (said.get("Code"), said.get("Message"))))
        raise StorageError(
            f"S3 answered {response.status_code}: {words or 'nothing more'}", said.get("Code", "")
        )


class Lines:
    """Incremental parser of a batch's result, which arrives in parts."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0

    def take(self, part: bytes) -> Iterator[BatchLine]:
        """Add the next bytes; yield the predictions of completed lines.

        Raises
        ------
        BadAnswerError
            When a line is not a prediction.
        """
        *whole, self._rest = (self._rest + part).split(b"\n")
        for line in whole:
            yield self._read(line)

    def end(self) -> Iterator[BatchLine]:
        """Yield the prediction of a last line without a line end, if any."""
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
