"""Tells Step Functions that a step which waits may go on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_GONE = {"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"}
_log = logging.getLogger(__name__)


class Callbacks:
    """Wakes steps by their task tokens, which are never logged.

    Parameters
    ----------
    client
        A Step Functions client.
    """

    def __init__(self, client: SFNClient) -> None:
        self._client = client

    def wake(self, token: str) -> None:
        """Let a step go on; one that has gone on, or was stopped, is no error.

        Nor is it one when Step Functions cannot be told: what the step waits for is in the ledger, and the sweep
        tells it again.
        """
        try:
            self._client.send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _GONE:
                _log.warning("a step that waits could not be told: %s; the sweep tells it again", code)
        except BotoCoreError as error:
            _log.warning(
                "a step that waits could not be told: %s; the sweep tells it again", type(error).__name__
            )
