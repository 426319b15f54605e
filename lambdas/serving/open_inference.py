"""Answers ``POST /v2/models/{model}/infer``: predict, in the words of the Open Inference Protocol.

Everything but the words is predict's: checks, route, idempotency, metrics. `lambdas.handlers.predict` imports this when the first such
request comes, so that the others do not pay for it.
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
_WINDOWS = {"gzip": 31, "deflate": 15}  # what zlib calls these codings
Instances = list[dict[str, Any]]
Predict = Callable[[Request, RequestContext, Callable[[ModelSpec, Request], Instances]], dict[str, Any]]


class Inference:
    """One request on its way through predict: read by its rules, answered in its form."""

    _spec: ModelSpec
    _asked: InferenceRequest | None = None

    def parse_instances(self, spec: ModelSpec, given: Request) -> Instances:
        """Read the instances.

        Raises
        ------
        TooLargeError, MalformedBodyError, InvalidInstancesError
            Each says what was given and what is allowed.
        """
        if len(given.body) > MAX_BODY_BYTES:
            raise TooLargeError(f"got {len(given.body)} bytes; allowed: {MAX_BODY_BYTES}")
        length = _json_length(given)
        body = read_json(given.body[:length], finite=False)  # NaN stands for a missing number
        self._spec, self._asked = spec, request.parse_request(spec, body, given.body[length:])
        return self._asked.instances

    def told(self, error: InvalidInstancesError) -> InvalidInstancesError:
        """Say in the protocol's words what predict refused after the request was read: an unknown entity."""
        return error if self._asked is None else self._asked.moved(error)

    def write(self, predicted: dict[str, Any]) -> dict[str, Any] | Content:
        """Write what predict answered: JSON, with what was wanted as binary behind it."""
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
    """Answer a request.

    Parameters
    ----------
    predict
        Does the work; it is told how to read the request.
    given
        As it came.
    context
        Is told what happens.

    Raises
    ------
    Exception
        One of `lambdas.http.problems.PROBLEMS`.
    """
    inference = Inference()
    # Unpacked first: what an Idempotency-Key belongs to is what was said, and packing it anew changes the bytes.
    plain = replace(given, body=_unpacked(given))
    try:
        return inference.write(predict(plain, context, inference.parse_instances))
    except InvalidInstancesError as error:
        raise inference.told(error) from error


def _unpacked(given: Request) -> bytes:
    """Check how the body is packed, and unpack it.

    Clients of Triton name no media type, so none is as good as the two of the protocol.
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
