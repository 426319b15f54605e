"""What a caller sent: an event of the HTTP API (payload format 2.0) becomes a request, or an error that says what is wrong."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from relearn.api import media_types, operations, strict_json
from relearn.errors import ArchiveError
from relearn.spec.columns import shown
from relearn.spec.fields import MAX_ERRORS

MAX_BODY_BYTES = 4_000_000
"""What a serverless endpoint takes."""
_CHANGING = frozenset({"iat", "nbf", "exp", "jti", "auth_time"})
"""Claims that differ from token to token of the same subject."""
_SIGNATURE = "X-Amz-"  # what a presigned URL adds
REPLACED, REPLACED_ESCAPED = "\N{REPLACEMENT CHARACTER}", "\\ufffd"
"""What a gateway that gives a body as text puts in place of bytes that are not UTF-8; and as JSON may write it."""
JSON = "application/json"
JSON_LENGTH = "inference-header-content-length"
"""How many bytes of a body are its JSON; the rest is binary. Without it all of them are."""
_IN_PARTS = frozenset({"content-encoding", JSON_LENGTH})
"""Headers of a body that is not text as a whole."""
V2 = "/v2"
"""Below it the API speaks the Open Inference Protocol."""


class MalformedBodyError(Exception):
    """The body is not JSON."""


class MediaTypeError(Exception):
    """The body's media type or encoding is none that the operation takes."""


class TooLargeError(Exception):
    """The body has too many bytes."""


class MethodNotAllowedError(Exception):
    """The path is known, but takes other methods.

    Parameters
    ----------
    given
        The method asked for.
    allowed
        What the path takes.
    """

    def __init__(self, given: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"got {given}; allowed: {', '.join(allowed)}")
        self.allowed = allowed


class InvalidParametersError(Exception):
    """Query parameters are wrong.

    Parameters
    ----------
    errors
        Name to what is wrong, what was given and what is allowed; at least one.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {detail}" for name, detail in errors.items()))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller sent.

    Parameters
    ----------
    id
        Names the request in answers and logs.
    path
        As sent.
    model
        The model that the path names; None when it names none.
    content_type
        As sent.
    body
        The bytes.
    method
        Upper case.
    route
        Key of the API's route that matched; see `relearn.api.operations`.
    parameters
        What the path's template names.
    query
        Query parameters; one that was sent twice has its values joined by commas.
    headers
        Lower-case name to value.
    caller
        Who the gateway says it is, for people; empty when it does not say.
    principal
        Names whose request it is among all that the gateway lets in: no two who sign, and no two tokens' subjects, have
        the same. What is kept for one of them is kept under it. Empty when the gateway does not say.
    """

    id: str
    path: str
    model: str | None
    content_type: str
    body: bytes
    method: str = ""
    route: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    caller: str = ""
    principal: str = ""

    @property
    def media(self) -> str:
        """The media type without its parameters, lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Read the body as JSON; NaN and Infinity are none.

        Raises
        ------
        MediaTypeError, TooLargeError, MalformedBodyError
            Each says what was given and what is allowed.
        """
        if self.media != JSON:
            raise MediaTypeError(f"got content type {shown(self.content_type)}; allowed: {JSON}")
        if len(self.body) > MAX_BODY_BYTES:
            raise TooLargeError(f"got {len(self.body)} bytes; allowed: {MAX_BODY_BYTES}")
        return read_json(self.body)


def refuse_encoding(request: Request) -> None:
    """Refuse a body in another encoding than UTF-8, the only one of JSON (RFC 8259, 8.1), whichever operation it is for.

    Raises
    ------
    MediaTypeError
        Its media type says another.
    MalformedBodyError
        It is JSON by its media type, and its bytes are not UTF-8. Of what is packed, or has binary behind its JSON, who
        takes it apart says that.
    """
    if not request.body or request.route == operations.DEFAULT:
        return
    if (charset := media_types.charset(request.content_type)) != media_types.UTF_8:
        raise MediaTypeError(
            f"got charset {shown(charset)}; allowed: {media_types.UTF_8}, the encoding of JSON"
        )
    if request.media != JSON or not _IN_PARTS.isdisjoint(request.headers):
        return
    try:
        request.body.decode()
    except UnicodeDecodeError as error:
        found = request.body[error.start]
        raise MalformedBodyError(
            f"the body is not UTF-8: byte 0x{found:02x} at offset {error.start}; allowed: UTF-8"
        ) from error


def read_json(body: bytes, *, finite: bool = True) -> Any:
    """Read a body as JSON that has one meaning; NaN and Infinity are none, unless ``finite`` is false.

    Raises
    ------
    MalformedBodyError
        It is not.
    """
    try:
        return strict_json.loads(body, "the body", MAX_BODY_BYTES, finite=finite, rounded=True)
    except ArchiveError as error:
        raise MalformedBodyError(str(error)) from error


def parse_event(event: Mapping[str, Any]) -> Request:
    """Read an event.

    Raises
    ------
    MalformedBodyError
        Its body cannot be decoded.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedBodyError("the body cannot be decoded") from error
    if REPLACED in text and not event.get("isBase64Encoded"):
        raise MalformedBodyError(
            f"the body is not UTF-8, or holds the character U+FFFD, which stands for bytes that are not; allowed: UTF-8, "
            f"with {REPLACED_ESCAPED} where that character is meant"
        )
    context = event["requestContext"]
    parameters = event.get("pathParameters") or {}
    return Request(
        id=context["requestId"],
        path=event["rawPath"],
        model=parameters.get("model"),
        content_type=headers.get("content-type", ""),
        body=body,
        method=context["http"]["method"],
        route=event["routeKey"],
        parameters=parameters,
        query=event.get("queryStringParameters") or {},
        headers=headers,
        caller=_caller(context.get("authorizer") or {}),
        principal=_principal(context.get("authorizer") or {}),
    )


def refuse_unknown(request: Request) -> None:
    """Refuse query parameters that the operation does not take; they would have no effect, whatever they were to say.

    Raises
    ------
    InvalidParametersError
        Names each, and what is allowed.
    """
    if not request.query or request.route == operations.DEFAULT or is_v2(request.path):
        return
    operation = operations.BY_KEY.get(request.route)  # a model's own routes are in no table, and take none
    if operation is not None and (operation.query or not operation.strict):
        return  # who reads parameters names the unknown ones with whatever else is wrong
    if wrong := unknown(request.query, ()):
        raise InvalidParametersError(wrong)


def unknown(query: Mapping[str, str], taken: Sequence[str]) -> dict[str, str]:
    """Find the query parameters that are not taken: name to what is allowed; a signature's own are let be."""
    allowed = f"unknown; allowed: {', '.join(taken) or 'none'}"
    names = [name for name in query if name not in taken and not name.startswith(_SIGNATURE)]
    return dict.fromkeys(names[:MAX_ERRORS], allowed)


def _caller(authorizer: Mapping[str, Any]) -> str:
    """Name who asks: the ARN that signed the request, or the subject of the token."""
    told = (authorizer.get("iam") or {}).get("userArn")
    return str(told or ((authorizer.get("jwt") or {}).get("claims") or {}).get("sub") or "")


def _principal(authorizer: Mapping[str, Any]) -> str:
    """Name whose request it is: who signed it, or the issuer and subject of its token.

    All users of a Cognito identity pool share one role and one name of a session, so their identity counts too. A
    token without a subject is told apart by its client, else by all it says but when and under which id.
    """
    if iam := authorizer.get("iam"):
        identity = (iam.get("cognitoIdentity") or {}).get("identityId")
        return json.dumps(["iam", iam.get("userArn"), identity])
    if claims := (authorizer.get("jwt") or {}).get("claims"):
        subject = claims.get("sub") or claims.get("client_id")
        rest = sorted((name, value) for name, value in claims.items() if name not in _CHANGING)
        return json.dumps(["jwt", claims.get("iss"), subject or rest])
    return ""


def is_v2(path: str) -> bool:
    """Tell whether a path is one of the Open Inference Protocol."""
    return path == V2 or path.startswith(V2 + "/")
