"""View of a version for callers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from relearn.lifecycle.approval import Approval
from relearn.lifecycle.runs import Version


def brief(version: Version) -> dict[str, Any]:
    """Return a version as callers see it."""
    return {
        "version": version.version,
        "state": version.state,
        "reason": version.reason,
        "run_id": version.run_id,
        "metrics": version.metrics,
        "approval": None if version.approval is None else _approval(version.approval),
        "created_at": version.created_at or None,
    }


def _approval(found: Approval) -> dict[str, Any]:
    return {**asdict(found), "at": found.at or None}
