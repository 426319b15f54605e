"""The adapters by themselves: what the loop's tests do not reach."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from lambdas.aws import clients
from lambdas.aws.executions import Executions
from lambdas.aws.notify import MESSAGE_BYTES, Notifier
from lambdas.aws.s3.storage import Storage
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.aws.sagemaker.registry import Entry, Registry
from lambdas.aws.sagemaker.scaling import Scaling
from relearn.errors import ConflictError, DataError, NotFoundError
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.spec.hosting import Serverless
from relearn.traffic.route import Route
from relearn.traffic.route_changes import Restore, RestoreState
from tests.support.fake_sagemaker import ACCOUNT, REGION
from tests.support.world import LAKE, MACHINE, MOVED, STAGE, UPLOADS, World

RESTORE = Restore(version=1, what="rolled back", who="a test", why="to see what happens")
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:notifications"

# storage


@pytest.fixture
def storage(world: World) -> Storage:
    del world
    return Storage(clients.s3())


def test_a_download_is_of_one_version_exactly(world: World, storage: Storage, tmp_path: Path) -> None:
    first = world.put("incoming/flowers/a.csv", b"first")["detail"]["object"]["version-id"]
    world.put("incoming/flowers/a.csv", b"second")
    storage.download(UPLOADS, "incoming/flowers/a.csv", first, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_download_of_what_is_gone_is_not_found(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"of incoming/flowers/a.csv no longer exists"):
        storage.download(UPLOADS, "incoming/flowers/a.csv", "null", tmp_path / "file")


def test_an_object_written_once_is_never_changed(world: World, storage: Storage) -> None:
    assert storage.write_once(LAKE, "key", io.BytesIO(b"first")) is True
    assert storage.write_once(LAKE, "key", io.BytesIO(b"second")) is False
    assert world.s3.get_object(Bucket=LAKE, Key="key")["Body"].read() == b"first"


def test_more_bytes_than_allowed_are_not_read(storage: Storage) -> None:
    storage.write(LAKE, "key", b"12345", "text/plain")
    assert storage.read(LAKE, "key", 5) == b"12345"
    with pytest.raises(DataError, match="key has 5 bytes; allowed: 4") as caught:
        storage.read(LAKE, "key", 4)
    assert caught.value.code == "too_large"


def test_reading_what_is_not_there_says_so(storage: Storage) -> None:
    with pytest.raises(DataError, match="key is not in the bucket") as caught:
        storage.read(LAKE, "key", 4)
    assert caught.value.code == "missing"


def test_a_copy_of_what_is_gone_is_no_error(storage: Storage) -> None:
    assert storage.copy_version(UPLOADS, "incoming/x", "null", (LAKE, "copy")) is False


def test_every_version_is_listed_the_newest_of_a_key_first(world: World, storage: Storage) -> None:
    for number in range(3):
        world.put("incoming/flowers/a.csv", b"x" * number)
    world.s3.delete_object(Bucket=UPLOADS, Key="incoming/flowers/a.csv")
    found = list(storage.versions(UPLOADS, "incoming/"))
    assert [version.size_bytes for version in found] == [2, 1, 0]


# endpoints and registry


def version(world: World, number: int = 1) -> Version:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/relearn-test-flowers/{number}"
    world.sagemaker.packages[arn] = {}
    return Version(model="flowers", version=number, run_id="r", package_arn=arn)


def endpoints(world: World) -> Endpoints:
    return Endpoints(clients.sagemaker(), STAGE, Scaling(clients.scaling()), world.clock.pass_seconds)


def ensure(world: World, found: Version) -> str:

    return endpoints(world).ensure(Serverless(), found, "arn:aws:iam::123456789012:role/endpoint").status


def test_what_is_left_of_a_deployment_that_broke_off_is_used(world: World) -> None:
    found = version(world)
    ensure(world, found)
    world.sagemaker.endpoints.clear()
    assert ensure(world, found) == "InService"
    del world.sagemaker.configs["relearn-test-flowers-v1"]
    world.sagemaker.endpoints.clear()
    assert ensure(world, found) == "InService"


def test_a_refusal_that_is_not_for_being_there_already_is_an_error(world: World) -> None:
    found = version(world)
    world.sagemaker.packages.clear()
    with pytest.raises(clients.sagemaker().exceptions.ClientError, match="Could not find model package"):
        ensure(world, found)


def test_an_endpoint_is_gone_before_its_config_and_model_are_removed(world: World) -> None:
    world.sagemaker.deleting = 5
    ensure(world, version(world))
    endpoints(world).remove("relearn-test-flowers-v1")
    calls = [call for call in world.sagemaker.calls if call.startswith("Delete")]
    assert calls == ["DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel"]
    assert (world.sagemaker.endpoints, world.sagemaker.configs, world.sagemaker.models) == ({}, {}, {})


def test_removing_what_is_not_there_is_no_error(world: World) -> None:
    endpoints(world).remove("relearn-test-flowers-v1")


def test_an_endpoint_that_will_not_go_is_a_conflict_in_time(world: World) -> None:
    world.sagemaker.deleting = 10_000
    ensure(world, version(world))
    started = world.clock.now
    with pytest.raises(ConflictError, match="relearn-test-flowers-v1 is still Deleting after 10 s"):
        endpoints(world).remove("relearn-test-flowers-v1", wait_seconds=10)
    assert (world.clock.now - started).total_seconds() == pytest.approx(10, abs=0.1)


def entry(run: str) -> Entry:
    return Entry(
        model="flowers",
        title="Flowers",
        run_id=run,
        image="image",
        artifact="s3://artifacts/model.tar.gz",
        report="s3://lake/report.json",
        reason="better",
        lineage={},
    )


def test_the_first_version_of_a_model_creates_its_group_and_later_ones_use_it(world: World) -> None:
    registry = Registry(clients.sagemaker(), STAGE)
    assert [registry.register(entry(run))[0] for run in ("first", "second")] == [1, 2]
    assert world.sagemaker.groups == {
        "relearn-test-flowers": {
            "ModelPackageGroupDescription": "Flowers",
            "Tags": [
                {"Key": "relearn:stage", "Value": "test"},
                {"Key": "relearn:model", "Value": "flowers"},
            ],
        }
    }


@pytest.mark.usefixtures("world")
def test_a_group_that_has_packages_is_not_removed() -> None:
    registry = Registry(clients.sagemaker(), STAGE)
    registry.register(entry("first"))
    with pytest.raises(clients.sagemaker().exceptions.ClientError, match="ConflictException"):
        registry.remove_group("flowers")
    assert list(registry.models()) == ["flowers"]
    registry.remove_group("prices")  # there is none


def test_packages_are_listed_and_removed_by_group(world: World) -> None:
    version(world, 1)
    version(world, 2)
    registry = Registry(clients.sagemaker(), STAGE)
    for arn in list(registry.packages("flowers")):
        registry.remove(arn)
    assert world.sagemaker.packages == {}
    assert list(registry.packages("prices")) == []


# executions and notifications


def test_an_execution_of_one_name_is_started_once(world: World) -> None:
    executions = Executions(clients.stepfunctions(), MACHINE)
    for _ in range(2):
        executions.start("r1", {"run_id": "r1"})
    executions.start("r1", {"run_id": "other"})
    assert world.executions() == ["r1"]


def test_an_execution_is_running_ended_or_not_there(world: World) -> None:
    executions = Executions(clients.stepfunctions(), MACHINE)
    assert executions.ended("r1") is None
    executions.start("r1", {})
    assert executions.ended("r1") == ""
    world.stop("r1")
    assert executions.ended("r1") == "the execution ABORTED"


def test_a_notification_fits_what_sns_takes(world: World) -> None:
    notifier = Notifier(clients.sns(), TOPIC, STAGE)
    notifier.tell("quarantined", "flowers", "upload größe\n日本.csv " + "x" * 200, "why\x1b[2J")
    (told,) = world.notifications()
    assert told["Subject"].isascii()
    assert len(told["Subject"]) == 100
    assert "\n" not in told["Subject"]
    assert "größe\\n日本.csv" in told["Message"]
    assert told["Message"].endswith("\n\nwhy\\x1b[2J\n")
    values = {name: value["Value"] for name, value in told["MessageAttributes"].items()}
    assert values == {"stage": "test", "model": "flowers", "kind": "quarantined"}


def test_a_reason_of_any_length_is_told_cut_and_says_so(world: World) -> None:
    for letter in ("a", "日", "😀", "\x1b"):
        Notifier(clients.sns(), TOPIC, STAGE).tell("failed", "flowers", "run", letter * 300_000)
    told = [one["Message"] for one in world.notifications()]
    assert len(told) == 4
    assert all(len(message.encode()) <= MESSAGE_BYTES for message in told)
    assert all("[cut; it has" in message for message in told)


def test_a_notification_that_can_not_be_sent_stops_nothing_and_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    del world
    Notifier(clients.sns(), TOPIC + "-missing", STAGE).tell("failed", "flowers", "run", "why")
    assert "a notification could not be sent" in caplog.text


# the ledger's own rules


def upload() -> Upload:
    return Upload(
        upload_id="u",
        model="flowers",
        table="main",
        key="k",
        version_id="v",
        sequencer="1",
        size_bytes=1,
        received_at="2026-05-04T10:00:00.000+00:00",
    )


def test_of_two_decisions_about_an_upload_one_wins(world: World) -> None:
    ledger = world.ledger
    received = ledger.receive(upload())
    ledger.move_upload(received, UploadState.ACCEPTED)
    with pytest.raises(ConflictError):
        ledger.move_upload(received, UploadState.QUARANTINED, "late")
    assert ledger.move_upload(received, UploadState.ACCEPTED).state is UploadState.ACCEPTED


def test_a_run_that_failed_is_counted_once_for_each_upload(world: World) -> None:
    ledger = world.ledger
    accepted = ledger.move_upload(ledger.receive(upload()), UploadState.ACCEPTED)
    for run_id in ("r1", "r1", "r2"):
        now = ledger.upload("flowers", "u")
        assert now is not None
        ledger.count_failed_run(now, run_id, "broke")
    ledger.count_failed_run(accepted, "r2", "broke")
    assert world.upload().attempts == 2


def test_a_route_moves_only_with_a_version_that_may_serve(world: World) -> None:
    ledger = world.ledger
    run = ledger.create_run(Run(run_id="r", model="flowers", state=RunState.JUDGING))
    ledger.register(run, Version(model="flowers", version=1, state=VersionState.FAILED))
    steps = {1: (VersionState.REGISTERED, VersionState.LIVE)}
    with pytest.raises(ConflictError):
        ledger.write_route("flowers", Route(), Route(1, 0, 1), steps, MOVED)
    assert ledger.route("flowers") == Route()


def test_a_version_is_registered_with_its_run_or_not_at_all(world: World) -> None:
    ledger = world.ledger
    run = ledger.create_run(Run(run_id="r", model="flowers", state=RunState.JUDGING))
    ledger.move_run(run, RunState.FAILED, "gone meanwhile")
    with pytest.raises(ConflictError):
        ledger.register(run, Version(model="flowers", version=1))
    assert ledger.version("flowers", 1) is None


def test_versions_are_listed_in_order(world: World) -> None:
    ledger = world.ledger
    for number in (10, 9, 1):
        run = ledger.create_run(Run(run_id=f"r{number}", model="flowers", state=RunState.JUDGING))
        ledger.register(run, Version(model="flowers", version=number))
    assert [found.version for found in ledger.versions("flowers")] == [1, 9, 10]


def test_a_lock_is_freed_by_its_holder_only(world: World) -> None:
    ledger = world.ledger
    assert ledger.take_lock("flowers", "r1").run_id == "r1"
    assert ledger.take_lock("flowers", "r2").run_id == "r1"
    ledger.release_lock("flowers", "r2")
    assert ledger.take_lock("flowers", "r2").run_id == "r1"
    ledger.release_lock("flowers", "r1")
    assert ledger.take_lock("flowers", "r2").run_id == "r2"


def test_a_restore_is_ended_by_the_one_who_began_it_only(world: World) -> None:
    run = world.ledger.create_run(Run(run_id="run-1", model="flowers", state=RunState.JUDGING))
    version = Version(model="flowers", version=1)
    world.ledger.register(run, version)
    first = world.ledger.begin_restore(version, RESTORE, None)
    world.ledger.end_restore("flowers", first, RestoreState.FAILED)
    world.clock.pass_seconds(1)
    second = world.ledger.begin_restore(version, RESTORE, world.ledger.restore("flowers"))
    world.ledger.end_restore("flowers", first, RestoreState.DONE)
    assert world.ledger.restore("flowers") == second


def test_an_upload_is_taken_up_again_only_from_the_end_that_was_read(world: World) -> None:
    world.send(b"")
    read = world.upload()
    world.ledger.retry_upload(read)
    world.clock.pass_seconds(1)
    world.ledger.move_upload(world.upload(), UploadState.QUARANTINED, "still wrong")
    with pytest.raises(ConflictError):
        world.ledger.retry_upload(read)
    assert len(world.upload().earlier) == 1
