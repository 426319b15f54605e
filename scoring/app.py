"""The ASGI application that answers with one loaded model.

======  ==================================================================
status  when
======  ==================================================================
200     answered; ``/ping`` answers so once the model is loaded
400     not JSON, or it breaks the spec: every wrong value by JSON pointer
422     it fits the spec, but this version has no answer to it, or fails at it: by JSON pointer
404     another path
405     another method
413     a body above `MAX_BODY`
415     another content type
500     our fault, or the model fails and has never answered: a trace in the log, and no detail in the answer
======  ==================================================================

A body of JSON is answered in JSON, one of JSON Lines (`relearn.api.jsonlines`) in JSON Lines: one
prediction a line, for as many lines as there are; a line without one is answered with its errors.
"""

from __future__ import annotations

import math
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
_encoder = msgspec.json.Encoder()
_encode, _encode_lines = _encoder.encode, _encoder.encode_lines


class App:
    """Answers for one artifact.

    Parameters
    ----------
    artifact
        Checked by `scoring.artifact.load`.
    version
        The version named in answers; None when unknown.

    Raises
    ------
    ArtifactError
        onnxruntime does not load the graph.
    """

    def __init__(self, artifact: Artifact, version: int | None) -> None:
        self._spec = artifact.spec
        self._scorer = artifact.scorer()
        self._reader = Reader(artifact.spec, artifact.reach)
        self._head = {"model": artifact.spec.name, "version": version}
        self._has_answered = False
        # answers list the classes in the spec's order, the graph has its own
        self._order = [(label, artifact.classes.index(label)) for label in artifact.spec.classes]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path, method = scope["path"], scope["method"]
        answer: Answer
        if method not in ALLOWED.get(path, ()):
            status, answer = self._refuse(path, method)
        elif path == "/ping":
            status, answer = 200, self._head
        elif (given := content_type(scope["headers"])) == JSON:
            status, answer = self._invocation(await read_body(receive), self.answer)
        elif given == JSON_LINES:
            status, answer = self._invocation(await read_body(receive), self.answer_lines)
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
        if status == 405:  # noqa: PLR2004
            headers.append((b"allow", ", ".join(ALLOWED[path]).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _refuse(self, path: str, method: str) -> tuple[int, dict[str, Any]]:
        if path not in ALLOWED:
            return 404, _problem(f"no {path}; there are {' and '.join(ALLOWED)}")
        return 405, _problem(f"{path} takes {' or '.join(ALLOWED[path])}, not {method}")

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
        """Give status and body that ``POST /invocations`` answers a body of JSON with: for those who need no HTTP."""
        status, answer = self._invocation(body, self.answer)
        return status, _encode(answer)

    def answer(self, body: bytes) -> dict[str, Any]:
        """Answer the body of one invocation.

        Raises
        ------
        InvalidInstancesError
            It is not JSON, or breaks the spec.
        UnanswerableError
            An instance is further from zero than the version answers, its answer is not finite, or the model fails at it
            and not at others.
        """
        return {**self._head, "predictions": self._predictions(self._scored(self._reader.parse(body)))}

    def answer_lines(self, body: bytes) -> list[dict[str, Any]]:
        """Answer the body of one invocation of JSON Lines: a line for each line, in order.

        A line that is not JSON, breaks the spec or has no answer is answered with what is wrong with it, and costs no other line
        its prediction: batch transform fails the whole job for one answer that is no success.
        """
        try:
            return self._predictions(self._scorer.rows(self._reader.read_lines(body)))
        except Exception:  # noqa: BLE001 - each line is tried by itself, and says what is wrong
            return [self._line(line) for line in lines_of(body.removeprefix(BOM))]

    def _scored(self, rows: list[Row]) -> Scores:
        """Score rows; where the model fails, find out at which, and whether it is they.

        Raises
        ------
        UnanswerableError
            It fails at these rows, and has answered others.
        Exception
            What it failed with: it has never answered in this process, or the memory is used up.
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
        """Score rows of which some make the model fail: half of them, and halves of the half that fails."""
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
        if not bad:  # all of them together were too much, or it was chance
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
            {"label": label, "probabilities": {name: row[index] for name, index in self._order}}
            for label, row in zip(scores.predictions.tolist(), rows, strict=True)
        ]

    def _rankings(self, items: Array, scores: Array, basis: Array) -> list[dict[str, Any]]:
        _refuse_unless_finite(
            np.where(np.isneginf(scores), 0, scores)
        )  # -inf: there were fewer items than places
        return [
            {
                "items": [
                    {"item": item, "score": score}
                    for item, score in zip(names, figures, strict=True)
                    if item and math.isfinite(score)  # neither: there were fewer items than places
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
    """Media type of a request, without parameters; JSON when it names none; all of it when its charset is another than UTF-8."""
    for name, value in headers:
        if name == b"content-type":
            if value == b"application/json":  # nearly always: nothing to take apart
                return JSON
            text = value.decode("latin-1")
            if media_types.charset(text) != media_types.UTF_8:
                return text
            return text.partition(";")[0].strip().lower()
    return JSON


async def read_body(receive: Receive) -> bytes | None:
    """Read the body of a request; None when it is longer than `MAX_BODY` or the caller went away."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
    return body if len(body) <= MAX_BODY else None


def _problem(error: str, errors: tuple[FieldError, ...] = ()) -> dict[str, Any]:
    listed = [asdict(one) for one in errors]
    return {"error": error, "errors": listed} if listed else {"error": error}
