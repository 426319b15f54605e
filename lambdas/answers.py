"""What an endpoint must answer: one well-formed prediction for every instance, by the version that was asked."""

from __future__ import annotations

import json
import math
from typing import Any

from relearn.errors import ModelFailedError
from relearn.spec import ModelSpec


def read(spec: ModelSpec, version: int, count: int, body: bytes) -> list[dict[str, Any]]:
    """Read an endpoint's answer.

    Parameters
    ----------
    spec
        The model's spec.
    version
        The version that was asked; an answer that names another is refused.
    count
        How many instances were sent.
    body
        JSON: ``{"version": 3, "predictions": [{"label": ..., "probabilities": {...}}]}``, or ``{"value": ...}``
        for a regression.

    Returns
    -------
    list of dict
        The predictions, one for each instance.

    Raises
    ------
    ModelFailedError
        The answer is not what was agreed.
    """
    try:
        answer = json.loads(body)
        predictions = answer["predictions"]
        named = answer.get("version")
        whole = isinstance(predictions, list) and all(_is_sound(spec, item) for item in predictions)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFailedError("the model's answer can not be read") from error
    if not whole:
        raise ModelFailedError("the model's answer holds something that is no prediction")
    if len(predictions) != count:
        raise ModelFailedError(f"the model answered {len(predictions)} predictions for {count} instances")
    if named not in (None, version):
        raise ModelFailedError(f"version {named} answered instead of version {version}")
    return list(predictions)


def _is_sound(spec: ModelSpec, prediction: dict[str, Any]) -> bool:
    if spec.kind == "regression":
        return _is_finite(prediction["value"])
    probabilities = prediction["probabilities"].values()
    return prediction["label"] in spec.classes and all(_is_finite(value) for value in probabilities)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
