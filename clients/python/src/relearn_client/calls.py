"""The operations of the API, each as a value made of plain data that reads its answer into a dataclass."""

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
"""Maximum number of ground truths in one request."""
Instance = Mapping[str, Any]
_KEY = re.compile(r"[!#-+\--\[\]-~]{1,255}")
_CALLER = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One logical call, however many attempts it takes.

    Parameters
    ----------
    method, path
        HTTP method, and path with query.
    read
        Constructs the result from the answer's JSON.
    headers
        Headers in addition to those of every request.
    body
        Encoded JSON; None for no body.
    idempotent
        Whether a call that writes may arrive twice without a second effect.
    """

    method: str
    path: str
    read: Callable[[Json], T]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    idempotent: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether a second attempt has no second effect: it reads, is idempotent, or has an idempotency key."""
        return self.idempotent or self.method == "GET" or KEY_HEADER in self.headers


def predict(
    model: str,
    instances: Sequence[Instance],
    key: str | None = None,
    *,
    repeatable: bool = True,
    caller: str | None = None,
) -> Call[Predictions]:
    """Return the call that requests predictions.

    Parameters
    ----------
    model
        Name of the model.
    instances
        Column → value, one mapping for each prediction.
    key
        Idempotency key; None generates one. All attempts share it, so a repeated one does not count twice.
    repeatable
        Whether to send a key at all.
    caller
        X-Relearn-Key: during a canary, calls with the same value are answered by the same version.

    Raises
    ------
    NotJsonError
        When the instances cannot be encoded as JSON.
    ValueError
        When the key or the caller is malformed.
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
    """Return the calls that send ground truth, at most `MAX_TRUTHS` in each.

    Parameters
    ----------
    model
        Name of the model.
    truths
        Prediction id and ground truth of each.

    Raises
    ------
    NotJsonError
        When a value cannot be encoded as JSON.
    """
    rows = [{"prediction": prediction, "truth": truth} for prediction, truth in truths]
    parts = (rows[start : start + MAX_TRUTHS] for start in range(0, len(rows), MAX_TRUTHS))
    path = f"{model_path(model)}/feedback"
    bodies = [encode({"feedback": part}, "the truths") for part in parts]
    return [Call("POST", path, Feedback.read, JSON_BODY, body, idempotent=True) for body in bodies]


def models() -> Call[list[ModelBrief]]:
    """Return the call that lists the models."""
    return Call("GET", "/v1/models", lambda data: [ModelBrief.read(one) for one in data["models"]])


def model(name: str) -> Call[Model]:
    """Return the call that reads one model."""
    return Call("GET", model_path(name), Model.read)


def versions(name: str) -> Call[list[Version]]:
    """Return the call that lists a model's versions."""
    return Call(
        "GET", f"{model_path(name)}/versions", lambda data: [Version.read(one) for one in data["versions"]]
    )


def route(name: str) -> Call[Route]:
    """Return the call that reads a model's route."""
    return Call("GET", f"{model_path(name)}/route", Route.read)


def change_route(
    name: str, action: Action, why: str, version: int | None = None, revision: int | None = None
) -> Call[Route]:
    """Return the call that changes by hand which version answers.

    With a revision the call may be repeated, because the server recognises a change that the first attempt
    made.
    """
    body = encode(operations.asked(action, why, version, revision), "the change")
    path, once = f"{model_path(name)}/route", revision is not None
    return Call("POST", path, Route.read, JSON_BODY, body, idempotent=once)


def decide(name: str, version: int, decision: Decision, why: str) -> Call[Version]:
    """Return the call that approves or rejects a waiting version; the same caller may repeat it."""
    body = encode({"decision": decision, "why": why}, "the decision")
    path = f"{model_path(name)}/versions/{version}/approval"
    return Call("POST", path, Version.read, JSON_BODY, body, idempotent=True)


def runs(name: str, limit: int | None = None, after: str | None = None) -> Call[RunPage]:
    """Return the call that lists a page of a model's runs.

    Parameters
    ----------
    name
        Name of the model.
    limit
        Maximum number of runs; None leaves it to the server.
    after
        Token of the page, ``next`` of the previous page; None for the first.
    """
    given = {key: str(value) for key, value in (("limit", limit), ("next", after)) if value is not None}
    return Call("GET", f"{model_path(name)}/runs" + (f"?{urlencode(given)}" if given else ""), RunPage.read)


def run(name: str, run_id: str) -> Call[Run]:
    """Return the call that reads one run."""
    return Call("GET", f"{model_path(name)}/runs/{quote(run_id, safe='')}", Run.read)


def model_path(name: str) -> str:
    """Return the path of a model."""
    return f"/v1/models/{quote(name, safe='')}"


def encode(value: Json, what: str) -> bytes:
    """Encode a value as JSON.

    Parameters
    ----------
    value
        The value.
    what
        Description of the value, in the plural, for the error.

    Raises
    ------
    NotJsonError
        When the value has no JSON form, NaN and infinity included.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJsonError(f"{what} are not JSON: {error}") from error
