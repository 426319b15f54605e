"""Resumes Step Functions steps that wait for a callback."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_GONE = {"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Resumes steps by their task tokens, which are never logged.

    Parameters
    ----------
    client
        A Step Functions client.
    """

    client: SFNClient

    def wake(self, token: str) -> None:
        """Resume a step; one that has ended or was stopped is ignored.

        A failed call is logged and not raised: the decision that the step waits for is in the ledger, and the
        sweep resumes the step.
        """
        try:
            self.client.send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _GONE:
                _log.warning("a step that waits could not be told: %s; the sweep tells it again", code)
        except BotoCoreError as error:
            _log.warning(
                "a step that waits could not be told: %s; the sweep tells it again", type(error).__name__
            )
