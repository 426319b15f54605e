"""A step of a rollout is judged only while its candidate is one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from unittest.mock import create_autospec

import pytest

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.rollout.watch import Look, RolloutWatch
from relearn.lifecycle.runs import Version, VersionState
from relearn.traffic.route import Route

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.fixture
def ledger() -> Any:
    return create_autospec(Ledger, instance=True)


@pytest.fixture
def watch(ledger: Any) -> RolloutWatch:
    """The watch of a stage on which nothing else may be used: these verdicts need no probe and no count."""
    unused = cast("Any", None)
    return RolloutWatch(
        ledger=ledger,
        counts=unused,
        storage=unused,
        alarms=unused,
        notifier=unused,
        prober=unused,
        catalog=unused,
        stage="dev",
        lake="lake",
        clock=lambda: NOW,
    )


def verdict(watch: RolloutWatch) -> dict[str, Any]:
    return dict(watch.watch("flowers", "r", 2, Look(cast("Any", {}), None, lambda: 60.0)))


def test_a_candidate_that_a_person_promoted_meanwhile_passes(watch: RolloutWatch, ledger: Any) -> None:
    ledger.version.return_value = Version(model="flowers", version=2, state=VersionState.LIVE)
    ledger.route.return_value = Route(champion=2)
    assert verdict(watch) == {"verdict": "pass", "reason": "version 2 serves already"}


def test_a_candidate_that_was_withdrawn_before_is_a_breach_with_its_reason(
    watch: RolloutWatch, ledger: Any
) -> None:
    ledger.version.return_value = Version(
        model="flowers", version=2, state=VersionState.FAILED, reason="canary: 9 % errors"
    )
    assert verdict(watch) == {"verdict": "breach", "reason": "canary: 9 % errors"}
