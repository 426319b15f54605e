"""S3: version ids in events, and 404 only for callers who may list the bucket."""

from __future__ import annotations

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose
import contextvars
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ministack import app
from ministack.services import eventbridge, s3

from local import principals

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_FOUND, _FORBIDDEN = 404, 403
_version: contextvars.ContextVar[str] = contextvars.ContextVar("version", default="")


def name_versions_in_events() -> None:
    """Add ``version-id`` to the "Object Created" event of a versioned bucket.

    MiniStack adds it to notifications of queues, topics and functions, but not to EventBridge events; S3 adds
    it to both.
    """
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def remembered(*arguments: Any, version_id: str | None = None, **keywords: Any) -> None:
        _version.set(version_id or "")
        fire(*arguments, version_id=version_id, **keywords)

    def named(event: dict[str, Any], view: Any = None) -> None:
        if event.get("Source") == "aws.s3" and _version.get():
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = _version.get()
            event, view = {**event, "Detail": json.dumps(detail)}, None
        dispatch(event, view)

    s3._fire_s3_event, eventbridge._dispatch_event = remembered, named


def hide_missing_objects_from_those_who_may_not_list() -> None:
    """Answer 403 instead of 404 for a missing object when the caller may not list its bucket.

    MiniStack answers 404 to every caller who may read the object. S3 does so only with ``s3:ListBucket``, and
    otherwise answers that access is denied.
    """
    handle = app.SERVICE_HANDLERS["s3"]

    async def hidden(method: str, path: str, headers: Mapping[str, str], body: bytes, query: Any) -> Any:
        answer = await handle(method, path, headers, body, query)
        source = headers.get("x-amz-copy-source", "") if method == "PUT" else path
        bucket, _, key = unquote(source).lstrip("/").partition("/")
        missing = answer[0] == _NOT_FOUND and bool(key) and b"NoSuchBucket" not in (answer[2] or b"")
        if not missing or _may_list(headers, bucket):
            return answer
        status, fields, content = s3._error("AccessDenied", "Access Denied", _FORBIDDEN, f"/{bucket}/{key}")
        return status, fields, b"" if method == "HEAD" else content

    app.SERVICE_HANDLERS["s3"] = hidden


def _may_list(headers: Mapping[str, str], bucket: str) -> bool:
    try:
        return principals.caller(headers).allowed("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    except PermissionError:
        return True  # presigned URLs are not evaluated here
