"""Answers for one model with its versions in this process: no endpoint, no second hop.

It is asked in two ways. An event of the HTTP API is a prediction: everything is `lambdas.handlers.predict`'s own, but that a version
which runs in Lambda is asked here; others are asked at their endpoints. ``{"version": 8, "body": "{...}"}`` comes from
the stage's other functions that need a version's answer, and is answered with what its container would say:
``{"body": "{...}"}``, ``{"failed": "why"}``, or ``{"unanswerable": [{"pointer": "/instances/0", "detail": "why"}]}``.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import cache, partial
from typing import Any, NamedTuple

from lambdas.aws.fast import client
from lambdas.aws.fast.artifacts import ArtifactStore
from lambdas.handlers import predict
from lambdas.handlers.predict import Predictor
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.serving.in_process_models import LARGEST_TAR, Held
from relearn.errors import ModelFailedError, UnanswerableError


class ModelHost(NamedTuple):
    """A model, and the two services by which its versions answer."""

    model: str
    held: Held
    predictor: Predictor

    def ask(self, version: int, body: str, seconds: float) -> dict[str, Any]:
        """Give the answer of a version, or why there is none."""
        try:
            return {"body": self.held.ask(self.model, version, body.encode(), seconds).decode()}
        except UnanswerableError as error:
            return {"unanswerable": [asdict(one) for one in error.errors]}
        except (ModelFailedError, TimeoutError) as error:
            return {"failed": str(error)}


@cache
def model_host() -> ModelHost:
    """Make the function's services."""
    config = Config.from_env()
    tables = predict.tables(config)
    held = Held(tables.versions, ArtifactStore(partial(client.service, "s3", os.environ), LARGEST_TAR))
    return ModelHost(config.need("HOSTED_MODEL"), held, predict.make(config, tables, held))


@entry
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer a prediction request, or for one version."""
    seconds = context.get_remaining_time_in_millis() / 1000
    if "requestContext" not in event:
        return model_host().ask(event["version"], event["body"], seconds)
    # The model's own routes have nothing in their paths that is left open.
    given = {**event, "pathParameters": {"model": model_host().model}}
    return model_host().predictor.answer(given, seconds)
