"""Answers ``POST /v2/models/{model}/infer``: a prediction request in the form of the Open Inference Protocol.

Only reading the request and writing the answer differ from predict; checks, route, idempotency and metrics
are shared. `lambdas.handlers.predict` imports this module on the first such request, so that others do not
pay for it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lambdas.http.request import (
    JSON,
    JSON_LENGTH,
    MAX_BODY_BYTES,
    MalformedBodyError,
    MediaTypeError,
    Request,
    TooLargeError,
    read_json,
)
from lambdas.http.responses import Content
from lambdas.serving.request_context import RequestContext
from relearn.api.open_inference import model, request
from relearn.api.open_inference.request import InferenceRequest
from relearn.errors import InvalidInstancesError
from relearn.spec.columns import shown
from relearn.spec.model import ModelSpec

_MEDIA_TYPES = (JSON, "application/octet-stream")
_WINDOWS = {"gzip": 31, "deflate": 15}  # zlib's `wbits` for each content coding
Instances = list[dict[str, Any]]
Predict = Callable[[Request, RequestContext, Callable[[ModelSpec, Request], Instances]], dict[str, Any]]
"""Predicts: takes a request, its context, and a function that reads the instances."""


class Inference:
    """Reads one inference request and writes its answer."""

    _spec: ModelSpec
    _asked: InferenceRequest | None = None

    def parse_instances(self, spec: ModelSpec, given: Request) -> Instances:
        """Return the instances of the request.

        Raises
        ------
        TooLargeError
            The body is larger than `MAX_BODY_BYTES`.
        MalformedBodyError
            The body is not what its headers say.
        InvalidInstancesError
            A tensor or an instance is refused.
        """
        if len(given.body) > MAX_BODY_BYTES:
            raise TooLargeError(f"got {len(given.body)} bytes; allowed: {MAX_BODY_BYTES}")
        length = _json_length(given)
        body = read_json(given.body[:length], finite=False)  # NaN means a missing number
        self._spec, self._asked = spec, request.parse_request(spec, body, given.body[length:])
        return self._asked.instances

    def told(self, error: InvalidInstancesError) -> InvalidInstancesError:
        """Move the pointers of an error found after reading, such as an unknown entity, to the request's tensors."""
        return error if self._asked is None else self._asked.moved(error)

    def write(self, predicted: dict[str, Any]) -> dict[str, Any] | Content:
        """Return the answer: JSON, followed by binary tensors when the request asked for them."""
        assert self._asked is not None  # noqa: S101 - predict has read the request
        answer, tail = model.answer(self._spec, predicted, self._asked.wanted)
        if self._asked.id is not None:
            answer["id"] = self._asked.id
        if not any(one.binary for one in self._asked.wanted):
            return answer
        head = json.dumps(answer, separators=(",", ":")).encode()
        headers = {
            "content-type": "application/octet-stream",
            "cache-control": "no-store",
            JSON_LENGTH: str(len(head)),
        }
        return Content(head + tail, headers)


def answer(predict: Predict, given: Request, context: RequestContext) -> dict[str, Any] | Content:
    """Answer an inference request.

    Parameters
    ----------
    predict
        Carries out the prediction; its third argument reads the instances.
    given
        The request as received.
    context
        Receives what the request's metrics report.

    Raises
    ------
    Exception
        One of `lambdas.http.problems.PROBLEMS`.
    """
    inference = Inference()
    # Decompressed first: an idempotency key belongs to the content, and compressing the same content again
    # may change its bytes.
    plain = replace(given, body=_unpacked(given))
    try:
        return inference.write(predict(plain, context, inference.parse_instances))
    except InvalidInstancesError as error:
        raise inference.told(error) from error


def _unpacked(given: Request) -> bytes:
    """Check the media type and content coding, and return the body decompressed.

    Clients of Triton send no media type; an absent one is accepted like the protocol's two.

    Raises
    ------
    MediaTypeError
        The media type or the content coding is not supported.
    MalformedBodyError
        The body does not decompress, or has bytes after its end.
    TooLargeError
        The decompressed body is larger than `MAX_BODY_BYTES`.
    """
    if given.media not in ("", *_MEDIA_TYPES):
        allowed = ", ".join(_MEDIA_TYPES)
        raise MediaTypeError(f"got content type {shown(given.content_type)}; allowed: {allowed}")
    coding = given.headers.get("content-encoding", "identity").strip().lower()
    if coding == "identity":
        return given.body
    if coding not in _WINDOWS:
        raise MediaTypeError(f"got content encoding {shown(coding)}; allowed: {', '.join(_WINDOWS)}")
    unpack = zlib.decompressobj(_WINDOWS[coding])
    try:
        body = unpack.decompress(given.body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise MalformedBodyError(f"the body is not {coding}: {error}") from error
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError(f"got more than {MAX_BODY_BYTES} bytes, unpacked; allowed: {MAX_BODY_BYTES}")
    if not unpack.eof or unpack.unused_data:
        raise MalformedBodyError(f"the body is not {coding}: it ends too early or too late")
    return body


def _json_length(given: Request) -> int:
    text = given.headers.get(JSON_LENGTH)
    if text is None:
        return len(given.body)
    if not (text.isascii() and text.isdigit()) or not len(text) < 10 or int(text) > len(given.body):  # noqa: PLR2004
        raise MalformedBodyError(
            f"got {JSON_LENGTH} {shown(text)}; allowed: 0 to {len(given.body)}, the body's length"
        )
    return int(text)
