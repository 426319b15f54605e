"""Hears of approval statuses that someone set in the SageMaker Model Registry; our own come back too and change nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.rollout.approvals import Approvals
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.naming import resources
from relearn.naming.environment import Variable


@cache
def approvals() -> Approvals:
    """Construct the service that records decisions."""
    return wiring.approvals(Config.from_env())


@entry
def handler(event: Any, _context: Any) -> None:
    """Look at the version that a ``SageMaker Model Package State Change`` is about."""
    detail = event["detail"]
    model = resources.parse_group(Config.from_env().need(Variable.STAGE), detail["ModelPackageGroupName"])
    if model is not None:
        approvals().hear(model, detail["ModelPackageVersion"])
