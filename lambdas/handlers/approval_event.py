"""The function ``approval_event``: records decisions that people made in the SageMaker Model Registry.

Changes of a status made by this service arrive as events too, and have no effect.
"""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.rollout.approvals import Approvals
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.naming import resources
from relearn.naming.environment import Variable


@once_per_process
def approvals() -> Approvals:
    """Construct the service that records decisions."""
    return wiring.approvals(Config.from_env())


@entry
def handler(event: Any, _context: Any) -> None:
    """Record the decision on the version of a ``SageMaker Model Package State Change``."""
    detail = event["detail"]
    model = resources.parse_group(Config.from_env().need(Variable.STAGE), detail["ModelPackageGroupName"])
    if model is not None:
        approvals().hear(model, detail["ModelPackageVersion"])
