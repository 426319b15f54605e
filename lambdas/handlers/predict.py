"""The function ``predict``: parses its event and calls `lambdas.serving.prediction`."""

from __future__ import annotations

import os
from typing import Any

from lambdas import once_per_process
from lambdas.aws.fast import client as direct
from lambdas.aws.fast.hosts import HostFunctions
from lambdas.fast_wiring import make, tables
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.serving.prediction import Predictor
from relearn.naming.environment import Variable


@once_per_process
def predictor() -> Predictor:
    """Construct the predictor."""
    config = Config.from_env()
    hosts = HostFunctions(direct.service("lambda", os.environ), config.need(Variable.STAGE))
    return make(config, tables(config), hosts)


@entry
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer a prediction request."""
    return predictor().answer(event, context.get_remaining_time_in_millis() / 1000)
