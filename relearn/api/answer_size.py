"""Bound of the size of an answer to a prediction request, from the spec alone.

Lambda returns an answer of at most `LAMBDA_BYTES`, and a serverless endpoint one of at most `ENDPOINT_BYTES`; a larger
one is lost after the model was asked. An answer carries more than the request where a model has many classes, or ranks
many items.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from relearn.errors import AnswerSizeError
from relearn.spec.model import ModelSpec, Target
from relearn.spec.ranking import BASES

LAMBDA_BYTES = 6_291_556
"""Largest answer of a Lambda function, in bytes (Lambda Developer Guide, quotas: 6 MB for each request and response)."""
ENDPOINT_BYTES = 4 * 1024 * 1024
"""Largest answer of a serverless endpoint, in bytes (SageMaker Developer Guide, Serverless Inference: 4 MB)."""
_ENVELOPE_BYTES = 2_000
"""Status and headers of an answer, model and version."""
_NUMBER = -1.2345678901234567e-308
"""Longest number that JSON holds: 24 characters."""
_ID = "0" * 32
"""Longest id of a prediction."""


def prediction_bytes(spec: ModelSpec) -> int:
    """Return the largest size of one prediction in the answer of a Lambda function, in bytes.

    The function's answer is a JSON object which holds the API's answer as a string, so that quotes and backslashes count
    twice. Of a ranking an item counts as many bytes as the target's ``max_length`` allows characters.
    """
    return _bytes_of(spec.target)


def most_instances(spec: ModelSpec, limit: int) -> int:
    """Return how many predictions surely fit into an answer of ``limit`` bytes; at least 1."""
    return max(1, (limit - _ENVELOPE_BYTES) // _bytes_of(spec.target))


def check_count(spec: ModelSpec, count: int) -> None:
    """Refuse a request whose answer may be larger than Lambda returns.

    Parameters
    ----------
    spec
        The model's spec.
    count
        Number of instances.

    Raises
    ------
    AnswerSizeError
        There are more instances than `most_instances`.
    """
    most = most_instances(spec, LAMBDA_BYTES)
    if count > most:
        raise AnswerSizeError(
            f"the answer to {count} instances may have {count * prediction_bytes(spec)} bytes; allowed: {LAMBDA_BYTES}, "
            f"which {most} instances stay under"
        )


@lru_cache
def _bytes_of(target: Target) -> int:
    if target.predicted_by == "ranking":
        items = [{"item": "x" * target.max_length, "score": _NUMBER}] * target.k
        return _quoted_bytes({"id": _ID, "items": items, "basis": max(BASES, key=len)})
    if target.predicted_by == "classification":
        label = max(target.values, key=_quoted_bytes)
        scores = dict.fromkeys(target.values, _NUMBER)
        answer = {"id": _ID, "label": label, "probabilities": scores}
        if len(target.values) == 2:  # noqa: PLR2004
            answer["threshold"] = {"label": label, "probability": _NUMBER}
        return _quoted_bytes(answer)
    return _quoted_bytes({"id": _ID, "value": _NUMBER})


def _quoted_bytes(value: Any) -> int:
    """Return the size of a value as JSON inside of a JSON string, in bytes."""
    return len(json.dumps(json.dumps(value)))
