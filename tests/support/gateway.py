"""Requests as API Gateway hands them to the functions, and what the functions answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from relearn.api.operations import Operation

ANN = "arn:aws:iam::123456789012:user/ann"


def event(
    operation: Operation, body: object = None, *, media: str = "application/json", who: str = ANN, **path: str
) -> dict[str, Any]:
    """Return the event of a signed request.

    Parameters
    ----------
    operation
        What is asked for.
    body
        A text is sent as it is, anything else as JSON; None is a request without a body.
    media
        Type of the body.
    who
        ARN of the caller.
    path
        Values of the placeholders of the operation's path.
    """
    asked = {
        "routeKey": operation.key,
        "rawPath": operation.path.format(**path),
        "headers": {},
        "requestContext": {
            "requestId": "r1",
            "http": {"method": operation.method},
            "authorizer": {"iam": {"userArn": who}},
        },
        "pathParameters": path,
    }
    if body is None:
        return asked
    text = body if isinstance(body, str) else json.dumps(body)
    return {**asked, "headers": {"content-type": media}, "body": text}


def answered(answer: Mapping[str, Any]) -> tuple[int, dict[str, str], Any]:
    """Return status, headers and JSON of a function's answer."""
    body = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"]
    return answer["statusCode"], answer["headers"], json.loads(body)
