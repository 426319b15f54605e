"""The wire protocol of Application Auto Scaling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core.concurrency import run_reentrant

from local import principals
from local.sagemaker import model
from local.sagemaker.errors import ApiError, denied, invalid
from local.scaling import permissions
from local.scaling.targets import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.sagemaker.context import Context

    Answer = tuple[int, dict[str, str], bytes]

API = "application-autoscaling"


class Service:
    """Application Auto Scaling as a service of MiniStack.

    Parameters
    ----------
    context : Context
        Context of the SageMaker whose endpoints it scales.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    async def handle_request(
        self, _method: str, _path: str, headers: Mapping[str, str], body: bytes, _query: Mapping[str, Any]
    ) -> Answer:
        """Answer one HTTP request.

        The work runs outside the event loop, because it waits for locks on the records.
        """
        answer: Answer = await run_reentrant(self._answer, headers, body)
        return answer

    def _answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        status = 200
        try:
            answer = self._call(action, json.loads(body or b"{}"), _caller(headers))
        except ApiError as error:
            status, answer = error.status, {"__type": error.code, "Message": error.message}
        return status, {"content-type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()

    def _call(self, action: str, request: dict[str, Any], caller: principals.Principal) -> dict[str, Any]:
        if action not in OPERATIONS:
            raise invalid(f"{action} is not part of the laptop cloud; it has {', '.join(sorted(OPERATIONS))}")
        model.check(action, request, API)
        permissions.authorise(self._context, action, request, caller)
        return model.answer(action, OPERATIONS[action](self._context, request, caller), API)


def _caller(headers: Mapping[str, str]) -> principals.Principal:
    try:
        return principals.caller(headers)
    except PermissionError as error:
        raise denied(str(error)) from error
