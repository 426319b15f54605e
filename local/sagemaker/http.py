"""The wire protocol of SageMaker: the control plane's JSON protocol, and invocations."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ministack.core.concurrency import run_reentrant

from local import principals
from local.sagemaker import control, invocation
from local.sagemaker.errors import ApiError, denied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.sagemaker.context import Context

    Answer = tuple[int, dict[str, str], bytes]

_INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations")


class Service:
    """SageMaker as a service of MiniStack.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    async def handle_request(
        self, _method: str, path: str, headers: Mapping[str, str], body: bytes, _query: Mapping[str, Any]
    ) -> Answer:
        """Answer one HTTP request; the work runs outside the event loop, because it may call this server."""
        answer: Answer = await run_reentrant(self._answer, path, headers, body)
        return answer

    def _answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        called = _INVOCATION.fullmatch(path)
        try:
            caller = _caller(headers)
            if called:
                return invocation.invoke(self._context, unquote(called[1]), headers, body, caller)
            action = headers.get("x-amz-target", "").rpartition(".")[2]
            answer = control.call(self._context, action, json.loads(body or b"{}"), caller)
            return 200, {"content-type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()
        except ApiError as error:
            return _refusal(error, runtime=called is not None)


def _caller(headers: Mapping[str, str]) -> principals.Principal:
    try:
        return principals.caller(headers)
    except PermissionError as error:
        raise denied(str(error)) from error


def _refusal(error: ApiError, *, runtime: bool) -> Answer:
    content: dict[str, Any] = {"Message": error.message, **error.extra}
    if runtime:
        headers = {"content-type": "application/json", "x-amzn-errortype": error.code}
    else:
        headers = {"content-type": "application/x-amz-json-1.1"}
        content["__type"] = error.code
    return error.status, headers, json.dumps(content).encode()
