"""Reading of HTTP answers, and of the problem in an unsuccessful one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from relearn_client.errors import FieldError, Problem


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer.

    Parameters
    ----------
    status
        HTTP status.
    headers
        Headers, with names in lower case.
    body
        Whole body, decoded from any content encoding.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def read_problem(answer: Answer) -> Problem:
    """Return the problem in an unsuccessful answer, from a problem document (RFC 9457) or whatever the body is.

    Parameters
    ----------
    answer
        An unsuccessful answer. A gateway in front of the API answers ``{"message": ...}``, a proxy perhaps
        HTML.
    """
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        said = {}
    said = said if isinstance(said, dict) else {}
    headers = answer.headers
    return Problem(
        status=answer.status,
        type=_text(said, "type") or "about:blank",
        title=_text(said, "title") or _phrase(answer.status),
        detail=_text(said, "detail") or _text(said, "message"),
        errors=_field_errors(said.get("errors")),
        request_id=_text(said, "request_id")
        or headers.get("x-request-id")
        or headers.get("apigw-requestid", ""),
        retry_after=retry_after(headers.get("retry-after", ""), headers.get("date", "")),
    )


def retry_after(value: str, date: str) -> float | None:
    """Parse a Retry-After header (RFC 9110, section 10.2.3).

    Parameters
    ----------
    value
        Value of the header: seconds, or a date.
    date
        Value of the answer's Date header; a date is counted from it, so that this machine's clock does not
        matter.

    Returns
    -------
    float or None
        Seconds, 0 or more; None when the header is missing or malformed.
    """
    if value.isascii() and value.isdigit():
        return float(value)
    moment = _moment(value)
    if moment is None:
        return None
    return max(0.0, (moment - (_moment(date) or datetime.now(UTC))).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _field_errors(said: Any) -> tuple[FieldError, ...]:
    found = said if isinstance(said, list) else []
    return tuple(
        FieldError(_text(one, "pointer"), _text(one, "detail")) for one in found if isinstance(one, dict)
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
