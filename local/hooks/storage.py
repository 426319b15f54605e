"""S3's events name the object's version."""

from __future__ import annotations

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose
import contextvars
import json
from typing import Any

from ministack.services import eventbridge, s3

_version: contextvars.ContextVar[str] = contextvars.ContextVar("version", default="")


def name_versions_in_events() -> None:
    """Give an "Object Created" event of a versioned bucket its ``version-id``.

    MiniStack tells it to queues, topics and functions that hear from a bucket directly, but not to
    EventBridge; S3 tells both.
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
