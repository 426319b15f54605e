"""A deployment while a run is under way: what the old code wrote down for the run, the new code goes on with."""

from __future__ import annotations

from typing import Any

import pytest

from relearn.lifecycle.runs import RunState
from tests.support.models import FLOWERS_CSV
from tests.support.world import FUNCTIONS, TRAIN, World

CARRIED: dict[str, tuple[str, ...]] = {
    "hyperparameters": ("model", "run_id", "snapshot", "depth", "champion_version"),
    "data": ("verdict", "reason", "tables"),
    "training": ("artifact",),
    "judgement": ("verdict", "reason"),
    "registration": ("version", "package_arn", "approval", "wait_seconds"),
    "endpoint": ("name", "status"),
    "smoke": ("predictions",),
    "published": ("rows", "status"),
    "rollout": ("phase", "index", "steps", "revision", "until", "weight", "wait_seconds", "limits"),
    "promotion": ("champion", "previous", "revision"),
}
"""What a run carries from step to step, as of the first release. New code may add to it and must do without what it adds."""
OPENED = ("model", "run_id", "proceed", "champion_version", "job_name")


def as_released(context: dict[str, Any]) -> None:
    """Take out of a run's state what a later version of the code put there."""
    for name in [name for name in context if name not in (*OPENED, *CARRIED)]:
        del context[name]
    for name, kept in CARRIED.items():
        if isinstance(context.get(name), dict):
            context[name] = {key: value for key, value in context[name].items() if key in kept}


@pytest.mark.parametrize("version", [1, 2])
def test_a_run_that_the_first_release_opened_goes_all_its_way(world: World, version: int) -> None:
    for number in range(1, version):
        world.send(FLOWERS_CSV, f"incoming/flowers/{number}.csv")
        assert world.run().version == number
    world.send(FLOWERS_CSV)
    lock = world.ledger.lock("flowers")
    assert lock is not None
    context: dict[str, Any] = {"model": "flowers", "run_id": lock.run_id}
    world.walk(context, before=dict.fromkeys((*FUNCTIONS, TRAIN), lambda: as_released(context)))
    run = world.ledger.run("flowers", lock.run_id)
    assert (run.state, run.version) == (RunState.PROMOTED, version)
    assert set(CARRIED) <= set(context)
