"""Sends payloads to the endpoint or the Lambda host of a version, and checks its answer.

A checked answer has one well-formed prediction for every instance, by the requested version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, Protocol

from lambdas.aws.fast.endpoints import Invoker
from relearn.errors import ModelFailedError
from relearn.naming.resources import Place
from relearn.spec.model import ModelSpec, Ranking
from relearn.spec.ranking import BASES
from relearn.traffic.timing import ModelReply


class Host(Protocol):
    """Invokes the versions of a model that are hosted in Lambda: in this process, or in another function."""

    def ask(self, model: str, version: int, body: bytes, seconds: float) -> ModelReply:
        """Invoke a version and return its answer, the JSON that its container would return, and its time.

        Parameters
        ----------
        model, version
            The version to invoke.
        body
            Request body, JSON.
        seconds
            Time limit, in seconds.

        Raises
        ------
        ModelFailedError
            The version cannot be loaded, or its answer is an error.
        NotServingError
            The host is busy or not there; the request may be repeated.
        TimeoutError
            There is no answer in time.
        UnanswerableError
            The version has no answer to at least one instance.
        """


class Backends:
    """Sends a payload to a version's endpoint or Lambda host.

    Parameters
    ----------
    endpoints
        Invokes endpoints.
    host
        Invokes versions that are hosted in Lambda (`relearn.spec.hosting.InLambda`).
    """

    def __init__(self, *, endpoints: Invoker, host: Host) -> None:
        self._endpoints = endpoints
        self._host = host

    def ask(self, place: Place, model: str, version: int, body: bytes, seconds: float) -> ModelReply:
        """Send a JSON body to a version and return its JSON answer, with the time that it took by its own clock.

        Parameters
        ----------
        place
            Where the version is hosted.
        model, version
            The version to invoke.
        body
            Request body, JSON.
        seconds
            Time limit, in seconds, for all attempts together.

        Raises
        ------
        ModelFailedError, NotServingError, TimeoutError, UnanswerableError
            There is no answer; see `Host.ask`.
        """
        if place.in_lambda:
            return self._host.ask(model, version, body, seconds)
        return self._endpoints.ask(place.name, body, seconds)


def parse_answer(spec: ModelSpec, version: int, count: int, body: bytes) -> list[dict[str, Any]]:
    """Return the predictions of a version's answer.

    Parameters
    ----------
    spec
        The model's spec.
    version
        Requested version; an answer that names another one is refused.
    count
        Number of instances that were sent.
    body
        JSON: ``{"version": 3, "predictions": [{"label": ..., "probabilities": {...}}]}``, or ``{"value":
        ...}`` for a regression, or ``{"items": [{"item": ..., "score": ...}], "basis": ...}`` for a ranking.
        ``version`` may be absent.

    Returns
    -------
    list of dict
        The predictions, one for each instance, in order.

    Raises
    ------
    ModelFailedError
        The answer is not JSON, a prediction is malformed, their number is wrong, or another version answered.
    """
    try:
        answer = json.loads(body)
        predictions = answer["predictions"]
        named = answer.get("version")
        whole = isinstance(predictions, list) and _are_sound(spec, predictions)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ModelFailedError("the model's answer cannot be read") from error
    if not whole:
        raise ModelFailedError("the model's answer holds something that is no prediction")
    if len(predictions) != count:
        raise ModelFailedError(f"the model answered {len(predictions)} predictions for {count} instances")
    if named not in (None, version):
        raise ModelFailedError(f"version {named} answered instead of version {version}")
    return list(predictions)


def _are_sound(spec: ModelSpec, predictions: list[dict[str, Any]]) -> bool:
    target = spec.target
    if target.predicted_by == "ranking":
        return all(_is_ranked(prediction, target) for prediction in predictions)
    if target.predicted_by == "regression":
        return _are_finite(prediction["value"] for prediction in predictions)
    classes = frozenset(target.values)
    for prediction in predictions:
        if prediction["label"] not in classes:
            return False
        if not _are_finite(prediction["probabilities"].values()):
            return False
        threshold = prediction.get("threshold")
        if threshold is not None and not (
            threshold["label"] in classes and _are_finite((threshold["probability"],))
        ):
            return False
    return True


def _is_ranked(prediction: dict[str, Any], target: Ranking) -> bool:
    """Return whether a ranking is valid: at most k items, none twice, each of the target's type, best first."""
    items = [one["item"] for one in prediction["items"]]
    scores = [one["score"] for one in prediction["items"]]
    return (
        prediction["basis"] in BASES
        and len(items) <= target.k
        and len(set(items)) == len(items)
        and all(target.problem(item) is None for item in items)
        and _are_finite(scores)
        and sorted(scores, reverse=True) == scores
    )


def _are_finite(values: Iterable[Any]) -> bool:
    for value in values:  # noqa: SIM110 - a generator would add a call for each of up to 1000 times the classes
        if type(value) not in (float, int) or not math.isfinite(value):  # JSON has no other numbers
            return False
    return True
