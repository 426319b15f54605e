"""Answers for one model with its versions in this process: no endpoint, no second hop.

It is asked in two ways. An event of the HTTP API is a prediction: everything is `lambdas.handlers.predict`'s own, but that a version
which runs in Lambda is asked here; others are asked at their endpoints. ``{"version": 8, "body": "{...}"}`` comes from
the stage's other functions that need a version's answer, and is answered with what its container would say:
``{"body": "{...}"}``, ``{"failed": "why"}``, or ``{"unanswerable": [{"pointer": "/instances/0", "detail": "why"}]}``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

from lambdas.serving.in_process_models import InProcessModels
from lambdas.serving.prediction import Predictor
from relearn.errors import ModelFailedError, UnanswerableError


class ModelHost(NamedTuple):
    """A model, and the two services by which its versions answer."""

    model: str
    models: InProcessModels
    predictor: Predictor

    def ask(self, version: int, body: str, seconds: float) -> dict[str, Any]:
        """Give the answer of a version, or why there is none."""
        try:
            return {"body": self.models.ask(self.model, version, body.encode(), seconds).decode()}
        except UnanswerableError as error:
            return {"unanswerable": [asdict(one) for one in error.errors]}
        except (ModelFailedError, TimeoutError) as error:
            return {"failed": str(error)}
