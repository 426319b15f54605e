"""S3: hosts of regions, version ids in events, 404 only for callers who may list the bucket, and the least size of a part."""

from __future__ import annotations

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose
import contextvars
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ministack import app
from ministack.core.responses import request_scope
from ministack.services import eventbridge, s3

from local import principals
from local.api_gateway import arrivals, door

if TYPE_CHECKING:
    from collections.abc import Mapping

    Answer = tuple[int, dict[str, str], bytes]

_GLOBAL = "us-east-1"
"""Region that the global host stands for."""
_REDIRECTED = frozenset(
    (
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
        *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"),
        *(
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
        ),
    )
)
"""Regions that were launched before 20 March 2019: S3 redirects to and from them, and answers 400 for all others."""
_NOT_FOUND, _FORBIDDEN = 404, 403
PART_BYTES = 5 * 1024 * 1024
_PART_NUMBER = re.compile(rb"<PartNumber>\s*(\d+)\s*</PartNumber>")
_version: contextvars.ContextVar[str] = contextvars.ContextVar("version", default="")


def redirect_from_hosts_of_other_regions() -> None:
    """Answer a request at the global host, or at that of another region, as S3 does for a bucket that is elsewhere.

    MiniStack serves a bucket at every host. S3 answers without looking at the signature: 307 with the bucket's host for
    a virtual-hosted request at the global host, 301 for others, and 400 where a region is of after 20 March 2019
    (Amazon S3 User Guide, "Virtual hosting of buckets" and "Request redirection and the REST API").
    """
    check = app._handle_post_body_shortcuts

    async def checked(method: str, path: str, headers: Mapping[str, str], *rest: Any) -> Any:
        return _elsewhere(method, path, headers) or await check(method, path, headers, *rest)

    app._handle_post_body_shortcuts = checked


def _elsewhere(method: str, path: str, headers: Mapping[str, str]) -> Answer | None:
    """Return the answer of a host of S3 to a request for a bucket of another region; None for any other request."""
    host = door.OF_S3.fullmatch(headers.get("host", ""))
    if host is None:
        return None
    in_path = path.lstrip("/").partition("/")[0]
    bucket, sent_to = host["bucket"] or unquote(in_path), host["region"] or _GLOBAL
    home = _home(bucket)
    if home in ("", sent_to):
        return None
    resource, region = unquote(path), {"x-amz-bucket-region": home}
    endpoint = {"Endpoint": f"{bucket}.s3.{home}.amazonaws.com", "Bucket": bucket}
    if {home, sent_to} - _REDIRECTED:
        message = f"The {home} location constraint is incompatible for the region specific endpoint this request was sent to."
        status, fields, body = s3._error("IllegalLocationConstraintException", message, 400, resource)
    elif host["bucket"] and host["region"] is None:
        arrived = arrivals.current()
        target = arrived.path + (f"?{arrived.query}" if arrived.query else "")
        region["location"] = f"https://{endpoint['Endpoint']}{target}"
        message = (
            "Please re-send this request to the specified temporary endpoint. "
            "Continue to use the original request endpoint for future requests."
        )
        status, fields, body = s3._error("TemporaryRedirect", message, 307, resource, endpoint, region)
    else:
        message = s3._PERMANENT_REDIRECT_MSG
        status, fields, body = s3._error("PermanentRedirect", message, 301, resource, endpoint, region)
    return status, fields, b"" if method == "HEAD" else body


def _home(bucket: str) -> str:
    """Return the region of a bucket of any account; empty when there is none of this name."""
    owner = s3._bucket_owner_account(bucket)
    if owner is None:
        return ""
    with request_scope(owner, _GLOBAL):
        return s3.bucket_region(bucket) or ""


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


def refuse_small_parts() -> None:
    """Refuse to complete a multipart upload of which a part, but for the last, is smaller than 5 MiB.

    MiniStack joins parts of any size. S3 answers EntityTooSmall (Amazon S3 User Guide, "Amazon S3 multipart upload
    limits"; API reference, CompleteMultipartUpload).
    """
    complete = s3._complete_multipart_upload

    def completed(bucket: str, key: str, body: bytes, query: Any, *rest: Any) -> Any:
        upload = s3._multipart_uploads.get(s3._qp(query, "uploadId"), {})
        named = sorted(int(number) for number in _PART_NUMBER.findall(body))
        sizes = [len(upload["parts"][one]["body"]) for one in named[:-1] if one in upload.get("parts", {})]
        if any(size < PART_BYTES for size in sizes):
            message = "Your proposed upload is smaller than the minimum allowed size"
            return s3._error("EntityTooSmall", message, 400, f"/{bucket}/{key}")
        return complete(bucket, key, body, query, *rest)

    s3._complete_multipart_upload = completed


def _may_list(headers: Mapping[str, str], bucket: str) -> bool:
    try:
        return principals.caller(headers).allowed("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    except PermissionError:
        return True  # presigned URLs are not evaluated here
