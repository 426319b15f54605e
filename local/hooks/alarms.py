"""IAM authorization of DescribeAlarms."""

from __future__ import annotations

from typing import Any

from ministack.core import iam_actions

_LOOKS = "DescribeAlarms"


def authorise_looks_on_all_alarms() -> None:
    """Authorize DescribeAlarms on ``alarm:*``, as AWS does.

    MiniStack uses ``*``, which no ARN in a policy covers.
    """
    extract = iam_actions.extract_resource_arn

    def with_alarms(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        if service == "monitoring" and _looks(path, headers, body):
            region, account = rest[-2:]
            return f"arn:aws:cloudwatch:{region}:{account}:alarm:*"
        found: str = extract(service, method, path, headers, body, *rest)
        return found

    iam_actions.extract_resource_arn = with_alarms


def _looks(path: str, headers: Any, body: bytes) -> bool:
    """Whether a request is DescribeAlarms, in any of CloudWatch's wire protocols."""
    target = headers.get("x-amz-target", "") or headers.get("X-Amz-Target", "")
    return (
        path.endswith(f"/operation/{_LOOKS}")
        or target.endswith(f".{_LOOKS}")
        or f"Action={_LOOKS}&".encode() in body
    )
