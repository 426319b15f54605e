"""Answers events of the HTTP API with JSON, with other content, or with a problem document."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lambdas.http import problems as http_problems
from lambdas.http import request as http_request
from lambdas.http.request import MethodNotAllowedError, Request
from relearn.api import operations, problems
from relearn.api.answer_size import LAMBDA_BYTES
from relearn.errors import AnswerSizeError, NotFoundError


@dataclass(frozen=True, slots=True)
class Content:
    """An answer that is not JSON, or has its own status or headers.

    Parameters
    ----------
    body
        Bytes of the body.
    headers
        Lower-case name to value; with ``content-type`` when there is a body.
    status
        HTTP status.
    """

    body: bytes
    headers: Mapping[str, str]
    status: HTTPStatus = HTTPStatus.OK


def serve(event: Mapping[str, Any], answer: Callable[[Request], Any]) -> dict[str, Any]:
    """Answer an event of the API; never raises.

    Parameters
    ----------
    event
        Event of an HTTP API, payload format 2.0.
    answer
        Returns what is sent as JSON with status 200, or `Content`, or raises.

    Returns
    -------
    dict
        The answer in the format of API Gateway, with the request's id; an error as a problem document.
    """
    request_id = event.get("requestContext", {}).get("requestId", "")
    try:
        request = http_request.parse_event(event)
        http_request.refuse_unknown(request)
        http_request.refuse_encoding(request)
        given = answer(request)
        if isinstance(given, Content):
            sent = _content(given, request_id)
        else:
            sent = _answer(HTTPStatus.OK, request_id, "application/json", given)
        # JSON in a JSON string is at most twice as long, for each quote and backslash: most answers need no measuring.
        if len(sent["body"]) > LAMBDA_BYTES // 3:
            _refuse_large(sent)
    except Exception as error:  # noqa: BLE001 - every error becomes an answer
        problem = http_problems.tell(error, request_id, event.get("rawPath", ""))
        return _answer(problem.status, request_id, problems.MEDIA_TYPE, problem.body, problem.headers)
    return sent


def answer(event: Mapping[str, Any], service: Callable[[], object]) -> dict[str, Any]:
    """Answer an event of the API with the method of a service that carries out its operation; never raises.

    Parameters
    ----------
    event
        Event of an HTTP API, payload format 2.0.
    service
        Returns the service; its methods have the names of `Operation.carried_out_by`.
    """
    return serve(event, lambda request: carry_out(service(), request))


def carry_out(service: object, request: Request) -> Any:
    """Return the answer of the method of ``service`` that carries out the operation of a request.

    Raises
    ------
    MethodNotAllowedError
        The path exists, with other methods.
    NotFoundError
        No operation has this path.
    Exception
        What the method raises: one of `lambdas.http.problems.PROBLEMS`.
    """
    operation = operations.BY_KEY.get(request.route)
    if operation is not None and (method := getattr(service, operation.carried_out_by, None)) is not None:
        return method(request)
    if allowed := operations.methods(request.path):
        raise MethodNotAllowedError(request.method, allowed)
    raise NotFoundError("no operation has this path; /openapi.json lists all there are")


def _refuse_large(answer: dict[str, Any]) -> None:
    """Raise if an answer is larger than Lambda returns.

    Raises
    ------
    AnswerSizeError
        Lambda would drop it, and API Gateway answer 500 without a reason.
    """
    if (size := len(json.dumps(answer))) > LAMBDA_BYTES:
        raise AnswerSizeError(f"the answer has {size} bytes; allowed: {LAMBDA_BYTES}; ask for less")


def _answer(
    status: int, request_id: str, media: str, body: Any, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return {
        "statusCode": int(status),
        "headers": {
            "content-type": media,
            "cache-control": "no-store",
            "x-request-id": request_id,
            **(headers or {}),
        },
        "body": json.dumps(body, separators=(",", ":")),
    }


def _content(content: Content, request_id: str) -> dict[str, Any]:
    return {
        "statusCode": int(content.status),
        "headers": {"x-request-id": request_id, **content.headers},
        "body": base64.b64encode(content.body).decode(),
        "isBase64Encoded": True,
    }
