"""What the API offers: each call as a value, made of plain data and read back into shapes."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from relearn_client import operations
from relearn_client.errors import NotJsonError
from relearn_client.feedback import Feedback
from relearn_client.history import Run, RunPage, Version
from relearn_client.operations import Action, Decision, Route
from relearn_client.shapes import Json, Model, ModelBrief, Predictions

T = TypeVar("T")
KEY_HEADER = "idempotency-key"
CALLER_HEADER = "x-relearn-key"
JSON_BODY = {"content-type": "application/json"}
MAX_TRUTHS = 1000
"""What the API takes in one request."""
Instance = Mapping[str, Any]
_KEY = re.compile(r"[!#-+\--\[\]-~]{1,255}")
_CALLER = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One logical call, however many attempts it takes.

    Parameters
    ----------
    method, path
        HTTP.
    read
        Makes the result of the answer's JSON.
    headers
        Beside those that every request has.
    body
        JSON, encoded.
    idempotent
        Whether a call that writes may arrive twice and do no more than once.
    """

    method: str
    path: str
    read: Callable[[Json], T]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    idempotent: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether asking twice does no more than asking once: it reads, or the server knows it again."""
        return self.idempotent or self.method == "GET" or KEY_HEADER in self.headers


def predict(
    model: str,
    instances: Sequence[Instance],
    key: str | None = None,
    *,
    repeatable: bool = True,
    caller: str | None = None,
) -> Call[Predictions]:
    """Ask for predictions.

    Parameters
    ----------
    model
        Name.
    instances
        Column → value, one mapping for each prediction.
    key
        Idempotency-Key; None makes one. It is the same for all attempts, so a repeated one does not count twice.
    repeatable
        Whether to send a key at all.
    caller
        X-Relearn-Key: who has the same is answered by the same version while a new one is tried.

    Raises
    ------
    NotJsonError
        The instances cannot be sent as JSON.
    ValueError
        The key is none, or the caller.
    """
    if key is not None and not repeatable:
        raise ValueError(f"idempotency_key: got {key!r}; allowed: none, for a call that is not repeatable")
    if key is not None and not _KEY.fullmatch(key):
        raise ValueError(
            f"idempotency_key: got {key!r}; allowed: 1 to 255 visible ASCII characters other than quote, comma and "
            "backslash"
        )
    if caller is not None and not _CALLER.fullmatch(caller):
        raise ValueError(f"caller: got {caller!r}; allowed: 1 to 256 visible ASCII characters")
    body = encode({"instances": instances}, "the instances")
    headers = {**JSON_BODY, **({} if caller is None else {CALLER_HEADER: caller})}
    headers |= {KEY_HEADER: key or str(uuid.uuid4())} if repeatable else {}
    return Call("POST", f"{model_path(model)}/predict", Predictions.read, headers, body)


def feedback(model: str, truths: Iterable[tuple[str, Any]]) -> list[Call[Feedback]]:
    """Tell what proved true, in as many calls as it takes.

    Parameters
    ----------
    model
        Name.
    truths
        Prediction id and truth of each.

    Raises
    ------
    NotJsonError
        A truth cannot be sent as JSON.
    """
    rows = [{"prediction": prediction, "truth": truth} for prediction, truth in truths]
    parts = (rows[start : start + MAX_TRUTHS] for start in range(0, len(rows), MAX_TRUTHS))
    path = f"{model_path(model)}/feedback"
    bodies = [encode({"feedback": part}, "the truths") for part in parts]
    return [Call("POST", path, Feedback.read, JSON_BODY, body, idempotent=True) for body in bodies]


def models() -> Call[list[ModelBrief]]:
    """List the models."""
    return Call("GET", "/v1/models", lambda data: [ModelBrief.read(one) for one in data["models"]])


def model(name: str) -> Call[Model]:
    """Describe one model."""
    return Call("GET", model_path(name), Model.read)


def versions(name: str) -> Call[list[Version]]:
    """List a model's versions."""
    return Call(
        "GET", f"{model_path(name)}/versions", lambda data: [Version.read(one) for one in data["versions"]]
    )


def route(name: str) -> Call[Route]:
    """Tell which versions answer for a model."""
    return Call("GET", f"{model_path(name)}/route", Route.read)


def change_route(
    name: str, action: Action, why: str, version: int | None = None, revision: int | None = None
) -> Call[Route]:
    """Change by hand which version answers.

    A call with a revision may be repeated: the server knows that a first attempt made the next one of it.
    """
    body = encode(operations.asked(action, why, version, revision), "the change")
    path, once = f"{model_path(name)}/route", revision is not None
    return Call("POST", path, Route.read, JSON_BODY, body, idempotent=once)


def decide(name: str, version: int, decision: Decision, why: str) -> Call[Version]:
    """Decide about a version that waits for it; a call may be repeated, by whoever made it."""
    body = encode({"decision": decision, "why": why}, "the decision")
    path = f"{model_path(name)}/versions/{version}/approval"
    return Call("POST", path, Version.read, JSON_BODY, body, idempotent=True)


def runs(name: str, limit: int | None = None, after: str | None = None) -> Call[RunPage]:
    """List a model's runs, one page.

    Parameters
    ----------
    name
        Name of the model.
    limit
        How many at most; None leaves it to the server.
    after
        Where the page begins: ``next`` of the page before.
    """
    given = {key: str(value) for key, value in (("limit", limit), ("next", after)) if value is not None}
    return Call("GET", f"{model_path(name)}/runs" + (f"?{urlencode(given)}" if given else ""), RunPage.read)


def run(name: str, run_id: str) -> Call[Run]:
    """Describe one run."""
    return Call("GET", f"{model_path(name)}/runs/{quote(run_id, safe='')}", Run.read)


def model_path(name: str) -> str:
    """Give the path of a model."""
    return f"/v1/models/{quote(name, safe='')}"


def encode(value: Json, what: str) -> bytes:
    """Write JSON.

    Raises
    ------
    NotJsonError
        It is none; ``what`` says what was to be sent.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJsonError(f"{what} are not JSON: {error}") from error
