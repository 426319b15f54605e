"""Invokes the stage's own functions with events that were lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relearn.naming import resources

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True, slots=True)
class Functions:
    """Invokes functions of the stage.

    Parameters
    ----------
    client
        A Lambda client.
    stage
        Name of the stage, part of the functions' names.
    """

    client: LambdaClient
    stage: str

    def wake(self, name: str, event: Mapping[str, Any]) -> None:
        """Invoke a function asynchronously; Lambda retries a failed event, then moves it to the dead-letter queue.

        Parameters
        ----------
        name
            Name of its module under ``lambdas/handlers/``.
        event
            Event that it is invoked with.
        """
        self.client.invoke(
            FunctionName=resources.function(self.stage, name),
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )
