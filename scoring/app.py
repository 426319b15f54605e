"""ASGI application that answers requests with one loaded model.

======  ==================================================================
status  when
======  ==================================================================
200     answered; for ``/ping``: the model is loaded
400     the body is not JSON or breaks the spec; a JSON pointer for every wrong value
422     the request fits the spec, but the version has no answer to it or fails at it; with JSON pointers
404     unknown path
405     unknown method
413     the body is larger than `MAX_BODY`
415     unknown content type
500     the server's fault, or a model that has never answered in this process; traceback in the log only
======  ==================================================================

A JSON request gets a JSON answer. A request in JSON Lines (`relearn.api.jsonlines`) gets JSON Lines: one
prediction per line, in order; a line that cannot be answered gets its errors instead.

An answered invocation names the time that it took here, and whether it was the first of the process, in a header that
SageMaker hands to the caller (`relearn.traffic.timing`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from relearn.api import media_types
from relearn.api.jsonlines import ERRORS
from relearn.api.jsonlines import MEDIA_TYPE as JSON_LINES
from relearn.api.strict_json import BOM
from relearn.errors import FieldError, InvalidInstancesError, UnanswerableError
from relearn.spec.fields import MAX_ERRORS
from relearn.traffic import timing
from relearn.traffic.timing import Timing
from scoring.artifact import Artifact
from scoring.encode import Array
from scoring.progress import trace
from scoring.reading import Reader, Row, lines_of
from scoring.scorer import Scores

MAX_BODY = 6 * 1024**2  # bytes; SageMaker's own limit on a real-time invocation
JSON = "application/json"
NO_ANSWER = "the model's answer to these values is not finite"
FAILS = "the model fails at these values"
ALLOWED = {"/ping": ("GET", "HEAD"), "/invocations": ("POST",)}
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = dict[str, Any] | list[dict[str, Any]]
_TIMING = timing.HEADER.encode()
_encoder = msgspec.json.Encoder()
_encode, _encode_lines = _encoder.encode, _encoder.encode_lines


class App:
    """ASGI application that answers with one artifact.

    Parameters
    ----------
    artifact
        Artifact that `scoring.artifact.load` has checked.
    version
        Model version named in answers; None when unknown.

    Raises
    ------
    ArtifactError
        onnxruntime cannot load the graph.
    """

    def __init__(self, artifact: Artifact, version: int | None) -> None:
        self._spec = artifact.spec
        self._scorer = artifact.scorer()
        self._reader = Reader(artifact.spec, artifact.reach)
        self._head = {"model": artifact.spec.name, "version": version}
        self._has_answered = False
        self._started = True
        self._threshold = {} if artifact.threshold is None else {"threshold": artifact.threshold.as_dict()}
        # answers list the classes in the spec's order; the graph has its own order
        self._order = [(label, artifact.classes.index(label)) for label in artifact.spec.classes]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        path, method = scope["path"], scope["method"]
        answer: Answer
        took: Timing | None = None
        if method not in ALLOWED.get(path, ()):
            status, answer = self._refuse(path, method)
        elif path == "/ping":
            status, answer = 200, self._head
        elif (given := content_type(scope["headers"])) == JSON:
            status, answer, took = self._timed(await read_body(receive), self.answer)
        elif given == JSON_LINES:
            status, answer, took = self._timed(await read_body(receive), self.answer_lines)
        else:
            status, answer = (
                415,
                _problem(f"content type {given!r}; allowed: {JSON}, {JSON_LINES}"),
            )
        if isinstance(answer, list):
            body, media = _encode_lines(answer), JSON_LINES.encode()
        else:
            body, media = _encode(answer), b"application/json"
        headers = [(b"content-type", media), (b"content-length", b"%d" % len(body))]
        if took is not None:
            headers.append((_TIMING, timing.write(took).encode()))
        if status == 405:  # noqa: PLR2004
            headers.append((b"allow", ", ".join(ALLOWED[path]).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _refuse(self, path: str, method: str) -> tuple[int, dict[str, Any]]:
        if path not in ALLOWED:
            return 404, _problem(f"no {path}; there are {' and '.join(ALLOWED)}")
        return 405, _problem(f"{path} takes {' or '.join(ALLOWED[path])}, not {method}")

    def _timed(self, body: bytes | None, answer: Callable[[bytes], Answer]) -> tuple[int, Answer, Timing]:
        started, self._started = self._started, False
        began = time.perf_counter()
        status, found = self._invocation(body, answer)
        return status, found, Timing((time.perf_counter() - began) * 1000, started)

    def _invocation(self, body: bytes | None, answer: Callable[[bytes], Answer]) -> tuple[int, Answer]:
        if body is None:
            return 413, _problem(f"a body of more than {MAX_BODY} bytes")
        try:
            return 200, answer(body)
        except UnanswerableError as error:
            return 422, _problem("the version has no answer", error.errors)
        except InvalidInstancesError as error:
            return 400, _problem("the request does not fit the model", error.errors)
        except Exception:  # noqa: BLE001 - the last door: a trace for the log, none for the caller
            trace()
            return 500, _problem("the model failed to answer; its log says why")

    def invocation(self, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to a JSON ``POST /invocations``, for callers without HTTP."""
        status, answer, _ = self.timed_invocation(body)
        return status, answer

    def timed_invocation(self, body: bytes) -> tuple[int, bytes, Timing]:
        """Return the same with the time that the answer took, and whether it is the first."""
        status, answer, took = self._timed(body, self.answer)
        return status, _encode(answer), took

    def answer(self, body: bytes) -> dict[str, Any]:
        """Return the answer to a JSON body.

        Raises
        ------
        InvalidInstancesError
            The body is not JSON, or breaks the spec.
        UnanswerableError
            An instance is further from zero than the version answers, its prediction is not finite, or the model
            fails at it but not at others.
        """
        return {**self._head, "predictions": self._predictions(self._scored(self._reader.parse(body)))}

    def answer_lines(self, body: bytes) -> list[dict[str, Any]]:
        """Return the answers to a body in JSON Lines, one per line, in order.

        A line that is not JSON, breaks the spec or has no prediction is answered with its errors; the other lines
        keep their predictions. Batch transform would fail the whole job for one unsuccessful answer.
        """
        try:
            return self._predictions(self._scorer.rows(self._reader.read_lines(body)))
        except Exception:  # noqa: BLE001 - each line is tried by itself, and says what is wrong
            return [self._line(line) for line in lines_of(body.removeprefix(BOM))]

    def _scored(self, rows: list[Row]) -> Scores:
        """Score rows; when the model fails, find the rows at which it fails.

        Raises
        ------
        UnanswerableError
            The model fails at some rows, and has answered others.
        Exception
            The model's own error: it has never answered in this process, or memory has run out.
        """
        try:
            scores = self._scorer.rows(rows)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - what a graph fails with has no base of its own
            scores = self._in_halves(rows, error)
        self._has_answered = True
        return scores

    def _in_halves(self, rows: list[Row], failure: Exception) -> Scores:
        """Score rows among which some make the model fail, by halving the rows until those are found.

        Raises
        ------
        UnanswerableError
            The model fails at single rows; at most `MAX_ERRORS` are named.
        Exception
            The model's own error, when it has never answered in this process.
        """
        parts: list[Scores] = []
        bad: list[int] = []
        left = [(0, rows)]
        while left and len(bad) < MAX_ERRORS:
            first, some = left.pop()
            try:
                parts.append(self._scorer.rows(some))
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                failure, half = error, len(some) // 2
                if half:
                    left += [(first + half, some[half:]), (first, some[:half])]
                else:
                    bad.append(first)
        if not bad:  # the rows together were too much, or the failure was transient
            return Scores.joined(parts)
        if not parts and not self._has_answered:
            raise failure
        trace()
        raise UnanswerableError(tuple(FieldError(f"/instances/{at}", FAILS) for at in bad)) from failure

    def _line(self, line: bytes) -> dict[str, Any]:
        row, wrong = self._reader.read_line(line)
        if row is not None:
            try:
                return self._predictions(self._scorer.rows([row]))[0]
            except UnanswerableError:
                wrong = [FieldError("", NO_ANSWER)]
            except Exception:  # noqa: BLE001 - a trace for the log, a word for the caller
                trace()
                wrong = [FieldError("", FAILS)]
        return {ERRORS: [asdict(one) for one in wrong]}

    def _predictions(self, scores: Scores) -> list[dict[str, Any]]:
        if scores.scores is not None and scores.basis is not None:
            return self._rankings(scores.predictions, scores.scores, scores.basis)
        if scores.probabilities is None:
            _refuse_unless_finite(scores.predictions)
            return [{"value": value} for value in scores.predictions.tolist()]
        _refuse_unless_finite(scores.probabilities)
        rows = scores.probabilities.tolist()
        return [
            {
                "label": label,
                "probabilities": {name: row[index] for name, index in self._order},
                **self._threshold,
            }
            for label, row in zip(scores.predictions.tolist(), rows, strict=True)
        ]

    def _rankings(self, items: Array, scores: Array, basis: Array) -> list[dict[str, Any]]:
        _refuse_unless_finite(
            np.where(np.isneginf(scores), 0, scores)
        )  # a score of -inf marks a place without an item
        return [
            {
                "items": [
                    {"item": item, "score": score}
                    for item, score in zip(names, figures, strict=True)
                    if item and math.isfinite(score)  # else a place without an item
                ],
                "basis": word,
            }
            for names, figures, word in zip(items.tolist(), scores.tolist(), basis.tolist(), strict=True)
        ]


def _refuse_unless_finite(figures: Array) -> None:
    if not np.isfinite(figures).all():
        bad = np.flatnonzero(~np.isfinite(figures.reshape(len(figures), -1)).all(axis=1))
        raise UnanswerableError(
            tuple(FieldError(f"/instances/{at}", NO_ANSWER) for at in bad[:MAX_ERRORS].tolist())
        )


def content_type(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the media type of a request in lower case, without parameters.

    JSON when the request names none; the whole header when its charset is not UTF-8.
    """
    for name, value in headers:
        if name == b"content-type":
            if value == b"application/json":  # the usual case, answered fast
                return JSON
            text = value.decode("latin-1")
            if media_types.charset(text) != media_types.UTF_8:
                return text
            return text.partition(";")[0].strip().lower()
    return JSON


async def read_body(receive: Receive) -> bytes | None:
    """Read the body of a request; return None when it is longer than `MAX_BODY`."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
    return body if len(body) <= MAX_BODY else None


def _problem(error: str, errors: tuple[FieldError, ...] = ()) -> dict[str, Any]:
    listed = [asdict(one) for one in errors]
    return {"error": error, "errors": listed} if listed else {"error": error}
