"""Parses an event of the HTTP API (payload format 2.0) into a request; raises an error when it is invalid."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from relearn.api import media_types, operations, strict_json
from relearn.errors import ArchiveError
from relearn.spec.columns import shown
from relearn.spec.fields import MAX_ERRORS

MAX_BODY_BYTES = 4_000_000
"""Largest body, in bytes: the limit of a serverless endpoint."""
_CHANGING = frozenset({"iat", "nbf", "exp", "jti", "auth_time"})
"""Claims that differ between tokens of the same subject."""
_SIGNATURE = "X-Amz-"  # prefix of a presigned URL's parameters
REPLACED, REPLACED_ESCAPED = "\N{REPLACEMENT CHARACTER}", "\\ufffd"
"""What a gateway that passes bodies as text writes in place of bytes that are not UTF-8, plain and escaped in JSON."""
JSON = "application/json"
JSON_LENGTH = "inference-header-content-length"
"""Header with the number of bytes of the body that are JSON; the rest is binary. Absent: all are JSON."""
_IN_PARTS = frozenset({"content-encoding", JSON_LENGTH})
"""Headers of a body that is compressed, or has binary data after its JSON."""
V2 = "/v2"
"""Path prefix of the Open Inference Protocol."""
IDEMPOTENCY_KEY = "idempotency-key"
STICKY_KEY = "x-relearn-key"
_LONGEST_IDEMPOTENCY_KEY, _LONGEST_STICKY_KEY = 255, 256
# The draft's form is a quoted string of RFC 9651; most clients send the bare form. That one excludes the
# comma, which may be two headers joined by a proxy.
_FORMS = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"|([!#-+\--~]+)')
_STICKY = re.compile(rf"[!-~]{{1,{_LONGEST_STICKY_KEY}}}")


class MalformedBodyError(Exception):
    """The body is not valid JSON, or cannot be decoded."""


class MediaTypeError(Exception):
    """The operation does not accept the body's media type or encoding."""


class TooLargeError(Exception):
    """The body is too large."""


class InvalidKeyError(Exception):
    """The value of the header ``Idempotency-Key`` is not a valid key."""


class InvalidCallerKeyError(Exception):
    """The value of the header ``X-Relearn-Key`` is not a valid key."""


class MethodNotAllowedError(Exception):
    """The path exists, with other methods.

    Parameters
    ----------
    given
        Method of the request.
    allowed
        Methods of the path.
    """

    def __init__(self, given: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"got {given}; allowed: {', '.join(allowed)}")
        self.allowed = allowed


class InvalidParametersError(Exception):
    """Query parameters are invalid.

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
    """A request to the HTTP API.

    Parameters
    ----------
    id
        Request id, for answers and logs.
    path
        Path, as sent.
    model
        Model in the path; None when the path has none.
    content_type
        Content type, as sent; empty when absent.
    body
        Body, decoded from the event.
    method
        HTTP method, upper case.
    route
        Key of the matching route; see `relearn.api.operations`.
    parameters
        Values of the path template's names.
    query
        Query parameters; the values of a repeated one are joined by commas.
    headers
        Lower-case name to value.
    caller
        Readable name of the caller, from the gateway; empty when it names none.
    principal
        Unique identity of the caller: no two signers and no two tokens' subjects share one. Whatever is
        stored for a caller is stored under it. Empty when the gateway names none.
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
        """Media type without its parameters, lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Return the body parsed as JSON, without NaN and Infinity.

        Raises
        ------
        MediaTypeError
            The media type is not JSON.
        TooLargeError
            The body is larger than `MAX_BODY_BYTES`.
        MalformedBodyError
            The body is not valid JSON.
        """
        if self.media != JSON:
            raise MediaTypeError(f"got content type {shown(self.content_type)}; allowed: {JSON}")
        if len(self.body) > MAX_BODY_BYTES:
            raise TooLargeError(f"got {len(self.body)} bytes; allowed: {MAX_BODY_BYTES}")
        return read_json(self.body)


def refuse_encoding(request: Request) -> None:
    """Raise if the body has another encoding than UTF-8, the only one of JSON (RFC 8259, 8.1).

    Raises
    ------
    MediaTypeError
        The media type names another charset.
    MalformedBodyError
        A JSON body is not UTF-8. A compressed body, or one with binary data after its JSON, is checked where
        it is unpacked.
    """
    if not request.body or request.route == operations.DEFAULT:
        return
    # most callers send no parameters, and every prediction passes here
    if (
        ";" in request.content_type
        and (charset := media_types.charset(request.content_type)) != media_types.UTF_8
    ):
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
    """Parse a body as JSON with one meaning; NaN and Infinity are refused unless ``finite`` is False.

    Raises
    ------
    MalformedBodyError
        The body is not valid JSON.
    """
    try:
        return strict_json.loads(body, "the body", MAX_BODY_BYTES, finite=finite, rounded=True)
    except ArchiveError as error:
        raise MalformedBodyError(str(error)) from error


def parse_event(event: Mapping[str, Any]) -> Request:
    """Parse an event.

    Raises
    ------
    MalformedBodyError
        The body cannot be decoded.
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
    caller, principal = _identity(context.get("authorizer") or {})
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
        caller=caller,
        principal=principal,
    )


def refuse_unknown(request: Request) -> None:
    """Raise if the request has query parameters that the operation does not know; they would have no effect.

    Raises
    ------
    InvalidParametersError
        Lists each unknown parameter and what is allowed.
    """
    if not request.query or request.route == operations.DEFAULT or is_v2(request.path):
        return
    operation = operations.BY_KEY.get(request.route)  # a model's own routes have no entry, and no parameters
    if operation is not None and (operation.query or not operation.strict):
        return  # reported by the operation, with all other wrong parameters
    if wrong := unknown(request.query, ()):
        raise InvalidParametersError(wrong)


def unknown(query: Mapping[str, str], taken: Sequence[str]) -> dict[str, str]:
    """Return the unknown query parameters, name to what is allowed; those of a presigned URL are ignored."""
    allowed = f"unknown; allowed: {', '.join(taken) or 'none'}"
    names = [name for name in query if name not in taken and not name.startswith(_SIGNATURE)]
    return dict.fromkeys(names[:MAX_ERRORS], allowed)


def _identity(authorizer: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name of the caller and its unique identity; both empty where nobody signed in.

    The name is the ARN that signed the request, or the subject of its token. The identity is the ARN, or issuer and
    subject of the token.

    All users of a Cognito identity pool share one role and session name, so their identity id is included. A
    token without a subject is identified by its client, else by all claims but those that change with each
    token.
    """
    if iam := authorizer.get("iam"):
        identity = (iam.get("cognitoIdentity") or {}).get("identityId")
        return str(iam.get("userArn") or ""), json.dumps(["iam", iam.get("userArn"), identity])
    if claims := (authorizer.get("jwt") or {}).get("claims"):
        subject = claims.get("sub") or claims.get("client_id")
        rest = sorted((name, value) for name, value in claims.items() if name not in _CHANGING)
        return str(claims.get("sub") or ""), json.dumps(["jwt", claims.get("iss"), subject or rest])
    return "", ""


def is_v2(path: str) -> bool:
    """Return whether a path is one of the Open Inference Protocol."""
    return path == V2 or path.startswith(V2 + "/")


def read_idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Return the idempotency key of a request; None when it has none.

    Parameters
    ----------
    headers
        Lower-case name to value.

    Raises
    ------
    InvalidKeyError
        The value is not 1 to 255 visible ASCII characters, bare or in double quotes.
    """
    if (given := headers.get(IDEMPOTENCY_KEY)) is None:
        return None
    found = _FORMS.fullmatch(given.strip())
    key = (re.sub(r"\\(.)", r"\1", found[1]) if found[1] else found[2]) if found else ""
    if not 1 <= len(key) <= _LONGEST_IDEMPOTENCY_KEY:
        allowed = f"1 to {_LONGEST_IDEMPOTENCY_KEY} visible ASCII characters, bare or in double quotes"
        raise InvalidKeyError(f"got Idempotency-Key {shown(given)}; allowed: {allowed}")
    return key


def read_sticky_key(headers: Mapping[str, str]) -> str | None:
    """Return the sticky key of a request; None when it has none. One version answers all requests with the same key.

    Parameters
    ----------
    headers
        Lower-case name to value.

    Raises
    ------
    InvalidCallerKeyError
        The value is not 1 to 256 visible ASCII characters.
    """
    if (given := headers.get(STICKY_KEY)) is None:
        return None
    if not _STICKY.fullmatch(key := given.strip()):
        raise InvalidCallerKeyError(
            f"got X-Relearn-Key {shown(given)}; allowed: 1 to {_LONGEST_STICKY_KEY} visible ASCII characters"
        )
    return key
