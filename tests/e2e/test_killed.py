"""Processes of the cloud are killed while uploads come: nothing is lost, every story in the ledger has its end.

Killed are the training jobs, the endpoints' servers and the workers of every Lambda function, at random times. What was killed too often for its own tries is brought to its end by what a person has: `relearn replay-dlq`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.e2e import clouds
from tests.e2e.client import ENDS, Item, Stage, csv_bytes, rows
from tests.e2e.killing import KINDS, Killer
from tests.e2e.proxied import options
from tests.infra.synthesis import synthesise

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.long]

MODEL = "iris"
MORE = Path(__file__).parents[2] / "examples" / "iris" / "more_measurements.csv"
SEED = 20260504
UPLOADS = 20
FINAL = {"TRAINED", "SUPERSEDED", "QUARANTINED", "FAILED"}
GIVEN_UP = "3 runs with it failed"
REDELIVERED_SECONDS = 10
REST_SECONDS = 600.0


@pytest.fixture(scope="module")
def cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stage, int]]:
    """A laptop cloud of its own, whose first iris model serves, and its process id."""
    if request.config.getoption("--target") != "local":
        pytest.skip("nobody can kill the processes of an account")
    folder = tmp_path_factory.mktemp("killed")
    synthesise(folder / "cdk.out", "local", [MODEL])
    running = clouds.start_cloud(folder, folder / "cdk.out")
    try:
        stage = clouds.local_stage(folder / "info.json")
        stage.wait("the first iris model", lambda: stage.live_version(MODEL))
        stage.client("sqs").set_queue_attributes(
            QueueUrl=stage.queue_of("ingest"), Attributes={"VisibilityTimeout": str(REDELIVERED_SECONDS)}
        )
        yield stage, running.pid
    finally:
        clouds.stop_cloud(running)


@pytest.fixture(scope="module")
def versions(cloud: tuple[Stage, int], tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Version ids of the uploads that came while processes were killed, and of each its number; all is at rest."""
    stage, pid = cloud
    killer = Killer(pid, SEED)
    sent = {}
    with killer.at_work():
        for number in range(UPLOADS):
            sent[stage.put(MODEL, f"upload-{number}.csv", content(number))] = number
            time.sleep(1)
        stage.wait("a process of each kind killed", lambda: set(killer.killed) == set(KINDS))
    relearn(
        stage, tmp_path_factory.mktemp("person"), "replay-dlq", "ingest", until=lambda: at_rest(stage, sent)
    )
    return sent


def relearn(stage: Stage, folder: Path, *arguments: str, until: Callable[[], bool]) -> None:
    """Let a person repeat a command until something is so."""
    command = [*options(stage, folder), *arguments]
    end = time.monotonic() + REST_SECONDS
    while not until():
        assert time.monotonic() < end, f"not so in time, though {arguments} was repeated"
        ran = CliRunner().invoke(app, command)
        assert ran.exit_code == 0, ran.stderr
        time.sleep(2)


def content(number: int) -> bytes:
    """A part of the larger collection of flowers, no two alike; every fifth is wrong."""
    if number % 5 == 4:
        return b"sepal_length,sepal_width\n5.1,3.5\n"
    return csv_bytes(list(itertools.islice(rows(MORE), number, None, 2)))


def at_rest(stage: Stage, sent: dict[str, int]) -> bool:
    """Tell whether every upload has its end and no run is under way."""
    ended = {one["version_id"] for one in stage.items(MODEL, "UPLOAD#") if one["state"] in FINAL}
    return ended >= set(sent) and stage.at_rest(MODEL)


@pytest.fixture
def found(cloud: tuple[Stage, int], versions: dict[str, int]) -> list[Item]:
    """The records of the uploads."""
    stage, _ = cloud
    return [one for one in stage.items(MODEL, "UPLOAD#") if one["version_id"] in versions]


def test_no_upload_is_lost_and_none_is_there_twice(versions: dict[str, int], found: list[Item]) -> None:
    assert sorted(one["version_id"] for one in found) == sorted(versions)


def test_each_upload_ended_once_and_says_why(found: list[Item]) -> None:
    for one in found:
        assert one["state"] in FINAL
        assert len(FINAL & set(one["times"])) == 1
        assert "RECEIVED" in one["times"]
        assert one["reason"] or one["run_id"], one


def test_the_wrong_files_are_quarantined_and_only_those(versions: dict[str, int], found: list[Item]) -> None:
    wrong = {number for number in versions.values() if number % 5 == 4}
    assert {versions[one["version_id"]] for one in found if one["state"] == "QUARANTINED"} == wrong


def test_what_was_trained_on_was_trained_on_by_a_run_that_was_promoted(
    cloud: tuple[Stage, int], found: list[Item]
) -> None:
    runs = {run["run_id"]: run for run in cloud[0].items(MODEL, "RUN#")}
    for one in found:
        if one["state"] == "TRAINED":
            assert runs[one["run_id"]]["state"] == "PROMOTED"


@pytest.mark.usefixtures("versions")
def test_every_run_ended_and_one_that_failed_says_why(cloud: tuple[Stage, int]) -> None:
    for run in cloud[0].items(MODEL, "RUN#"):
        assert run["state"] in ENDS
        assert run["reason"] or run["state"] in {"PROMOTED", "EMPTY"}, run


@pytest.mark.usefixtures("versions")
def test_a_model_serves_and_it_is_the_one_that_the_route_names(cloud: tuple[Stage, int]) -> None:
    stage, _ = cloud
    (route,) = (one for one in stage.items(MODEL, "ROUTE") if one["sk"] == "ROUTE")
    answer = stage.wait("an answer", lambda: _answer(stage))
    assert answer["version"] == int(route["champion"])
    (version,) = (one for one in stage.items(MODEL, "VERSION#") if one["version"] == route["champion"])
    assert version["state"] == "LIVE"


def _answer(stage: Stage) -> Any:
    """Ask; None while a server that was killed is being replaced."""
    status, _, answer = stage.http(f"/v1/models/{MODEL}/predict", {"instances": stage.sample(MODEL)})
    assert status in {200, 500, 502, 503, 504}, answer
    return answer if status == 200 else None


@pytest.mark.usefixtures("versions")
def test_what_the_kills_failed_is_tried_again_and_ends_on_its_merits(
    cloud: tuple[Stage, int], tmp_path: Path
) -> None:
    stage, _ = cloud

    def given_up() -> list[Item]:
        return [one for one in stage.items(MODEL, "UPLOAD#") if one["reason"].startswith(GIVEN_UP)]

    for one in given_up():
        ran = CliRunner().invoke(app, [*options(stage, tmp_path), "retry", one["upload_id"]])
        assert ran.exit_code == 0, ran.stderr
    stage.wait("all at rest", lambda: stage.at_rest(MODEL) and not waiting(stage))
    assert given_up() == []


def waiting(stage: Stage) -> list[Item]:
    """Uploads that have not ended."""
    return [one for one in stage.items(MODEL, "UPLOAD#") if one["state"] not in FINAL]
