"""Small losses do not add up, on moto: candidates are held against the last surely better version too."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.handlers import open_run, operate
from relearn.api import operations as api
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.runs import Run, RunState, Version
from relearn.lifecycle.uploads import UploadState
from relearn.naming import s3_keys
from tests.support import gateway
from tests.support.models import FLOWERS_CSV
from tests.support.world import LambdaContext, World


def opened(world: World) -> tuple[dict[str, str], dict[str, Any]]:
    """Open the run that waits; return its hyperparameters, and its channels by name."""
    run_id = world.latest().run_id
    context = open_run.handler({"model": "flowers", "run_id": run_id}, LambdaContext())
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in context["input_data_config"]
    }
    return context["hyperparameters"], channels


def upload(world: World) -> None:
    world.send(FLOWERS_CSV, f"incoming/flowers/{len(world.ledger.uploads('flowers'))}.csv")


def promoted(world: World, **lies: Any) -> Version:
    """Let an upload make a version that serves; return it."""
    world.lies = lies
    upload(world)
    run = world.run()
    assert run.state is RunState.PROMOTED
    return version(world, run.version)


def version(world: World, number: int) -> Version:
    found = world.ledger.version("flowers", number)
    assert found is not None
    return found


def compared(world: World, difference: float, reference: int = 0) -> dict[str, Any]:
    """Report a candidate that is surely this much better than the champion, and as good as a reference."""
    sure = Comparison(difference, difference - 0.001, difference + 0.001, 0.001, 0.002, 0.95, 400)
    champion = world.ledger.route("flowers").champion
    figures = {"metrics": {"f1_macro": 0.9 - difference}, "comparison": sure.as_dict()}
    told = {"champion": {"version": champion, **figures}}
    return told | ({"reference": {"version": reference, **figures}} if reference else {})


def change(action: str, number: int) -> None:
    body = {"action": action, "version": number, "why": "to see"}
    answer = operate.handler(gateway.event(api.CHANGE_ROUTE, body, model="flowers"), LambdaContext())
    assert gateway.answered(answer)[0] == 200


@pytest.fixture
def two(world: World) -> World:
    """A stage whose champion, version 2, showed no lead over version 1, its reference."""
    assert promoted(world).reference_version == 1
    assert promoted(world).reference_version == 1
    return world


def test_the_job_gets_the_reference_beside_the_champion(two: World) -> None:
    upload(two)
    told, channels = opened(two)
    first, second = version(two, 1), version(two, 2)
    assert (told["champion_version"], told["reference_version"]) == ("2", "1")
    assert told["reference_sha256"] == first.artifact_sha256
    assert (channels["champion"], channels["reference"]) == (second.artifact, first.artifact)


def test_a_champion_that_is_its_own_reference_is_compared_with_once(world: World) -> None:
    promoted(world)
    upload(world)
    told, channels = opened(world)
    assert "reference_version" not in told
    assert set(channels) == {"train", "champion"}


def test_a_reference_whose_artifact_is_gone_is_named_without_a_channel(two: World) -> None:
    bucket, key = s3_keys.parse_uri(version(two, 1).artifact)
    two.s3.delete_object(Bucket=bucket, Key=key)
    upload(two)
    told, channels = opened(two)
    assert told["reference_version"] == "1"
    assert "reference_sha256" not in told
    assert set(channels) == {"train", "champion"}


def test_a_run_says_that_the_reference_could_not_be_compared_with_and_the_champion_takes_its_place(
    two: World,
) -> None:
    bucket, key = s3_keys.parse_uri(version(two, 1).artifact)
    two.s3.delete_object(Bucket=bucket, Key=key)
    third = promoted(two)
    assert third.reference_version == 2
    assert two.latest().reason.endswith("; version 1 cannot be compared: its artifact is gone")


def test_decay_against_the_reference_is_rejected_with_the_reason(two: World) -> None:
    two.lies = compared(two, -0.005) | {"reference": compared(two, -0.03, reference=1)["reference"]}
    upload(two)
    run: Run = two.run()
    assert run.state is RunState.REJECTED
    assert run.reason == (
        "f1_macro 0.9000 against 0.9300 of version 1, the last that was surely better than the one before it, on "
        "400 rows held out: worse by at least 0.029 (95% sure), and behind by more than 0.01: small losses have added up; "
        "which upload is to blame is not known; its new uploads stay and join the next run, unless a person excludes them"
    )
    assert two.ledger.route("flowers").champion == 2


@pytest.mark.parametrize(("blamed", "state"), [(False, UploadState.ACCEPTED), (True, UploadState.FAILED)])
def test_decay_against_the_reference_fails_no_upload_that_is_not_to_blame(
    two: World, state: UploadState, *, blamed: bool
) -> None:
    upload(two)
    new = [one.upload_id for one in two.ledger.uploads("flowers") if one.state is UploadState.ACCEPTED]
    trial = {
        "uploads": new,
        "without": 0.93,
        "given": 0.9,
        "high": -0.01,
        "rows": 400,
        "blamed": blamed,
    }
    two.lies = compared(two, -0.005) | {
        "reference": compared(two, -0.03, reference=1)["reference"],
        "blame": {"trials": [trial], "recipe": False, "fits": 2, "stopped": ""},
    }
    assert two.run().state is RunState.REJECTED
    assert {one.state for one in two.ledger.uploads("flowers") if one.upload_id in new} == {state}


def test_what_is_surely_better_is_the_next_reference(two: World) -> None:
    assert promoted(two, **compared(two, 0.02, reference=1)).reference_version == 3


def test_a_rollback_returns_to_the_reference_of_the_version_that_serves_again(two: World) -> None:
    assert promoted(two, **compared(two, 0.02, reference=1)).reference_version == 3
    change("rollback", 2)
    upload(two)
    told, _ = opened(two)
    assert (told["champion_version"], told["reference_version"]) == ("2", "1")


def test_a_version_that_a_person_promotes_is_its_own_reference(two: World) -> None:
    change("rollback", 1)
    change("promote", 2)
    assert version(two, 2).reference_version == 2
    upload(two)
    told, _ = opened(two)
    assert "reference_version" not in told


def test_a_version_of_an_earlier_release_is_its_own_reference(two: World) -> None:
    two.ledger.change_version(version(two, 2), reference_version=0)
    upload(two)
    told, _ = opened(two)
    assert "reference_version" not in told
