"""The stage's own functions: what an event should have woken is called as if it had come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from relearn.naming import resources

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Functions:
    """Calls functions.

    Parameters
    ----------
    client
        A Lambda client.
    stage
        Part of every name.
    """

    def __init__(self, client: LambdaClient, stage: str) -> None:
        self._client = client
        self._stage = stage

    def wake(self, name: str, event: Mapping[str, Any]) -> None:
        """Hand an event to a function without waiting: Lambda tries again and buries it as it does EventBridge's.

        Parameters
        ----------
        name
            Its file under ``lambdas/``.
        event
            What it is called with.
        """
        self._client.invoke(
            FunctionName=resources.function(self._stage, name),
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )
