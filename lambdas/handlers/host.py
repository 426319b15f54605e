"""The function ``host``: parses its event and calls `lambdas.serving.model_host`."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from lambdas import fast_wiring, once_per_process
from lambdas.aws.fast import client
from lambdas.aws.fast.artifacts import ArtifactStore
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.serving.in_process_models import LARGEST_TAR, InProcessModels
from lambdas.serving.model_host import ModelHost
from relearn.naming.environment import Variable


@once_per_process
def model_host() -> ModelHost:
    """Construct the models of this process, and the predictor that invokes them."""
    config = Config.from_env()
    tables = fast_wiring.tables(config)
    models = InProcessModels(
        tables.versions, ArtifactStore(partial(client.service, "s3", os.environ), LARGEST_TAR)
    )
    return ModelHost(config.need(Variable.HOSTED_MODEL), models, fast_wiring.make(config, tables, models))


@entry
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer a prediction request of the API, or invoke one version for another function."""
    seconds = context.get_remaining_time_in_millis() / 1000
    if "requestContext" not in event:
        return model_host().ask(event["version"], event["body"], seconds)
    # A model's own routes have no parameters in their paths.
    given = {**event, "pathParameters": {"model": model_host().model}}
    return model_host().predictor.answer(given, seconds)
