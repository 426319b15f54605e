"""What becomes of an uploaded object, and that the same event twice is the same upload."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from lambdas import wiring
from lambdas.aws.queue import IngestQueue
from lambdas.runtime.config import Config
from preparation import Outcome, Refusal
from relearn.lifecycle import retries, turns, uploads
from relearn.lifecycle.uploads import MAX_CHECKS, MAX_SILENT, UploadState
from relearn.naming import ids
from tests.support.models import FLOWERS, FLOWERS_CSV
from tests.support.world import LAKE, MACHINE, UPLOADS, World

EVENTS = Path(__file__).parent.parent / "events"


def test_an_accepted_upload_is_a_shard_with_its_profile_a_record_and_a_run(world: World) -> None:
    world.send(FLOWERS_CSV)
    upload = world.upload()
    assert (upload.state, upload.rows_accepted, upload.rows_rejected) == (UploadState.ACCEPTED, 20, 0)
    assert world.lake() == [
        f"datasets/flowers/main/{upload.upload_id}.parquet",
        f"profiles/flowers/main/{upload.upload_id}.json",
    ]
    (name,) = world.executions()
    assert world.execution_input(name) == {"model": "flowers", "run_id": name, "debounce_seconds": 5}


def test_the_debounce_window_can_be_set_for_the_whole_stage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBOUNCE_SECONDS", "0")
    world.send(FLOWERS_CSV)
    assert world.execution_input(world.executions()[0])["debounce_seconds"] == 0


def test_a_file_with_too_many_bad_rows_is_quarantined_with_its_rows_and_reason(world: World) -> None:
    body = b"length,width,kind\n" + b"abc,1,rose\n" * 5
    world.send(body)
    upload = world.upload()
    assert upload.state is UploadState.QUARANTINED
    prefix = f"quarantine/flowers/{upload.upload_id}/"
    assert world.lake() == [f"{prefix}object", f"{prefix}reason.json", f"{prefix}rows.jsonl"]
    assert world.s3.get_object(Bucket=LAKE, Key=f"{prefix}object")["Body"].read() == body
    reason = world.read_json(LAKE, f"{prefix}reason.json")
    assert (reason["code"], reason["rows_rejected"], reason["key"]) == ("bad_row_rate", 5, upload.key)
    assert upload.reason == f"bad_row_rate: {reason['detail']}"
    assert world.executions() == []


@pytest.mark.parametrize("letter", ["k", "é", "日", "😀"])
def test_the_longest_key_that_s3_takes_is_decided_whatever_its_letters(world: World, letter: str) -> None:
    room = 1024 - len(b"incoming/flowers/.csv")
    key = f"incoming/flowers/{letter * (room // len(letter.encode()))}.csv"
    world.send(b"a,b\n1,2\n", key)
    upload = world.upload()
    assert (upload.key, upload.state) == (key, UploadState.QUARANTINED)
    (told,) = world.notifications()
    assert key in told["Message"]


def test_a_file_whose_names_are_megabytes_is_decided_with_a_reason_that_fits(world: World) -> None:
    line = json.dumps({f"{number}{'k' * 9000}": 1 for number in range(10)}) + "\n"
    world.send(line.encode(), "incoming/flowers/data.jsonl")
    assert world.upload().state is UploadState.QUARANTINED
    assert len(world.upload().reason.encode()) < 4200


def test_a_trouble_of_any_length_is_written_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("日" * 500_000)

    monkeypatch.setattr("lambdas.uploads.ingestion.prepare", broken)
    assert world.ingest(world.put("incoming/flowers/data.csv", FLOWERS_CSV)) == ["message-0"]
    assert world.upload().reason.startswith("not decided yet, it is tried again: RuntimeError: 日日")


def test_a_quarantine_is_told(world: World) -> None:
    world.send(b"")
    (told,) = world.notifications()
    assert told["MessageAttributes"]["kind"]["Value"] == "quarantined"
    assert told["Subject"] == "[test] flowers: upload data.csv quarantined"
    assert "incoming/flowers/data.csv" in told["Message"]


def test_an_upload_larger_than_the_spec_allows_is_refused_without_reading_it(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    event["detail"]["object"]["size"] = 100_001
    world.ingest(event)
    assert world.upload().reason == "too_large: 100001 bytes; allowed: at most 100000"


def test_an_upload_for_a_model_that_does_not_exist_is_quarantined_and_names_those_that_do(
    world: World,
) -> None:
    world.send(FLOWERS_CSV, "incoming/trees/data.csv")
    upload = world.upload("trees")
    assert upload.state is UploadState.QUARANTINED
    assert upload.reason == "unknown_model: 'trees'; there are: flowers, prices"
    assert f"quarantine/trees/{upload.upload_id}/object" in world.lake()


@pytest.mark.parametrize(
    "key",
    [
        "incoming/flowers/",
        "other/flowers/a.csv",
        "incoming/a.csv",
        "incoming/flowers/out/_temporary/0/part-0.csv",
    ],
)
def test_what_is_no_upload_is_ignored(world: World, key: str) -> None:
    world.send(b"" if key.endswith("/") else FLOWERS_CSV, key)
    assert world.ledger.uploads("flowers") == []
    assert world.executions() == []


def test_a_folder_that_spark_wrote_is_one_upload_and_nobody_is_told_of_its_notes(world: World) -> None:
    for name, body in {"_SUCCESS": b"", ".part-0.csv.crc": b"crc", "part-0.csv": FLOWERS_CSV}.items():
        world.send(body, f"incoming/flowers/out/{name}")
    assert [upload.key for upload in world.ledger.uploads("flowers")] == ["incoming/flowers/out/part-0.csv"]
    assert world.notifications() == []


def test_an_event_of_another_bucket_is_ignored(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    event["detail"]["bucket"]["name"] = "somebody-elses"
    assert world.ingest(event) == []
    assert world.ledger.uploads("flowers") == []


@pytest.mark.parametrize(
    "name", ["with space.csv", "a+b.csv", "100%.csv", "%2B.csv", "größe.csv", "日本/データ.csv"]
)
def test_keys_are_taken_as_they_are(world: World, name: str) -> None:
    world.send(FLOWERS_CSV, f"incoming/flowers/{name}")
    upload = world.upload()
    assert (upload.key, upload.state) == (f"incoming/flowers/{name}", UploadState.ACCEPTED)


def test_the_same_event_again_changes_nothing(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    for _ in range(3):
        assert world.ingest(event, event) == []
    assert len(world.lake()) == 2
    assert len(world.executions()) == 1
    assert world.states_of() == ["ACCEPTED"]


def test_the_same_event_again_after_the_upload_was_trained_starts_nothing(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    world.ingest(event)
    world.run()
    world.ingest(event)
    assert len(world.executions()) == 1
    assert world.states_of() == ["TRAINED"]


def test_two_deliveries_at_the_same_time_have_one_effect(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    world.send(b"", "incoming/flowers/warm-up.csv")
    with ThreadPoolExecutor(2) as pool:
        failures = [failed for answer in pool.map(world.ingest, [event] * 2) for failed in answer]
    if failures:  # the queue delivers again what lost a race for the same object
        world.ingest(event)
    assert sorted(world.states_of()) == ["ACCEPTED", "QUARANTINED"]
    assert len(world.lake("datasets/")) == 1
    assert len(world.executions()) == 1


def test_an_object_overwritten_before_it_was_read_is_read_as_its_event_says(world: World) -> None:
    first = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    second = world.put("incoming/flowers/data.csv", b"")
    world.ingest(first)
    assert world.states_of() == ["ACCEPTED"]
    world.ingest(second)
    assert sorted(world.states_of()) == ["ACCEPTED", "QUARANTINED"]


def test_an_object_deleted_before_it_was_read_is_failed_and_says_so(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    version = event["detail"]["object"]["version-id"]
    world.s3.delete_object(Bucket=UPLOADS, Key="incoming/flowers/data.csv", VersionId=version)
    assert world.ingest(event) == []
    upload = world.upload()
    assert upload.state is UploadState.FAILED
    assert upload.reason.startswith("object version gone: ")


def test_an_object_hidden_by_a_delete_marker_is_read_all_the_same(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    world.s3.delete_object(Bucket=UPLOADS, Key="incoming/flowers/data.csv")
    world.ingest(event)
    assert world.states_of() == ["ACCEPTED"]


def test_a_message_that_fails_is_reported_alone(world: World) -> None:
    good = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    assert world.ingest({"detail": {}}, good) == ["message-0"]
    assert world.states_of() == ["ACCEPTED"]


def test_an_upload_whose_message_failed_half_way_is_taken_by_the_next_delivery(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    world.s3.delete_bucket(Bucket=LAKE)
    assert world.ingest(event) == ["message-0"]
    assert world.states_of() == ["RECEIVED"]
    world.s3.create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert world.ingest(event) == []
    assert world.states_of() == ["ACCEPTED"]


def test_an_upload_accepted_without_a_run_gets_one_with_the_next_delivery(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    machine = world.states.describe_state_machine(stateMachineArn=MACHINE)
    world.states.delete_state_machine(stateMachineArn=MACHINE)
    assert world.ingest(event) == ["message-0"]
    assert world.states_of() == ["ACCEPTED"]
    world.states.create_state_machine(
        name=machine["name"], definition=machine["definition"], roleArn=machine["roleArn"]
    )
    assert world.ingest(event) == []
    lock = world.ledger.lock("flowers")
    assert lock is not None
    assert world.executions() == [lock.run_id]


def killed(*_: object, **__: object) -> None:
    """End a check as Lambda ends a function whose time or memory is used up: nothing that is caught."""
    raise BaseExceptionGroup("killed", [SystemExit()])


def test_a_check_is_counted_before_it_does_any_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.uploads.ingestion.prepare", killed)
    with pytest.raises(BaseExceptionGroup):
        world.send(FLOWERS_CSV)
    assert (world.upload().state, world.upload().checks) == (UploadState.RECEIVED, 1)


def test_an_upload_whose_checks_are_killed_again_and_again_is_given_up_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    with monkeypatch.context() as during:
        during.setattr("lambdas.uploads.ingestion.prepare", killed)
        for _ in range(MAX_SILENT):
            with pytest.raises(BaseExceptionGroup):
                world.ingest(event)
            world.clock.pass_seconds(world.ingest_seconds + 30)
        assert world.ingest(event) == []
    upload = world.upload()
    assert upload.state is UploadState.FAILED
    assert "4 checks of it were cut off without a word" in upload.reason
    assert f"relearn retry {upload.upload_id[:12]}" in upload.reason
    assert [told["MessageAttributes"]["kind"]["Value"] for told in world.notifications()] == ["failed"]


def test_deliveries_at_the_same_time_count_as_one_check(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    with monkeypatch.context() as during:
        during.setattr("lambdas.uploads.ingestion.prepare", killed)
        with pytest.raises(BaseExceptionGroup):
            world.ingest(event)
        for _ in range(MAX_SILENT + 1):
            assert world.ingest(event) == []
    assert (world.upload().state, world.upload().checks) == (UploadState.RECEIVED, 1)
    world.clock.pass_seconds(world.ingest_seconds)
    assert world.ingest(event) == []
    assert (world.upload().state, world.upload().silent) == (UploadState.ACCEPTED, 1)


def test_an_upload_that_cannot_be_decided_is_given_up_in_the_end_and_a_retry_begins_anew(
    world: World,
) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    world.s3.delete_bucket(Bucket=LAKE)
    for _ in range(MAX_CHECKS):
        assert world.ingest(event) == ["message-0"]
    assert world.ingest(event) == []
    upload = world.upload()
    assert upload.state is UploadState.FAILED
    assert f"{MAX_CHECKS} checks of it came to no decision" in upload.reason
    assert "NoSuchBucket" in upload.reason
    world.s3.create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert world.ingest(retries.message("flowers", [upload])) == []
    assert (world.upload().state, world.upload().checks) == (UploadState.ACCEPTED, 1)


def test_a_check_that_has_no_time_left_is_a_reason_and_not_a_killed_function(world: World) -> None:
    world.ingest_seconds = 1e-4
    world.send(FLOWERS_CSV)
    assert world.upload().state is UploadState.QUARANTINED
    assert world.upload().reason.startswith("too_large: ")
    assert "s that a check has here; split the file" in world.upload().reason


def test_a_check_has_most_of_the_functions_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def check(*_: object, seconds: float, **__: object) -> Outcome:
        given.append(seconds)
        return Outcome(0, 0, Refusal("too_slow", "its check took longer"), None, None)

    monkeypatch.setattr("lambdas.uploads.ingestion.prepare", check)
    world.ingest_seconds = 900
    world.send(FLOWERS_CSV)
    assert given == [765]
    assert world.upload().reason == "too_slow: its check took longer"


def test_temporary_files_are_gone_afterwards(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    world.send(b"", "incoming/flowers/b.csv")
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["object_created.json", "object_created_multipart.json"])
def test_events_shaped_like_those_of_aws_are_understood(world: World, name: str) -> None:
    message = json.loads((EVENTS / name).read_text())
    found = message["detail"]["object"]
    version = world.s3.put_object(Bucket=UPLOADS, Key=found["key"], Body=FLOWERS_CSV)["VersionId"]
    message["detail"]["bucket"]["name"], found["version-id"] = UPLOADS, version
    assert world.ingest(message) == []
    upload = world.upload()
    assert (upload.key, upload.sequencer) == (found["key"], found["sequencer"])
    assert upload.upload_id == ids.upload_id(UPLOADS, found["key"], version)
    assert quote_plus(found["key"]) != found["key"]


def test_an_upload_as_large_as_the_spec_allows_is_read(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    event["detail"]["object"]["size"] = FLOWERS.ingest.max_bytes
    world.ingest(event)
    assert world.states_of() == ["ACCEPTED"]


@pytest.mark.parametrize(("size", "copied"), [(5 * 1024**3, True), (5 * 1024**3 + 1, False)])
def test_what_s3_does_not_copy_in_one_call_is_refused_without_a_copy(
    world: World, size: int, *, copied: bool
) -> None:
    """CopyObject takes 5 GB at most ("Copying, moving, and renaming objects", Amazon S3's user guide)."""
    event = world.put("incoming/flowers/data.csv", b"x")
    event["detail"]["object"]["size"] = size
    assert world.ingest(event) == []
    assert world.states_of() == ["QUARANTINED"]
    kept = [key.rpartition("/")[2] for key in world.lake("quarantine/")]
    assert ("object" in kept) == copied


def sent_messages(world: World) -> list[Any]:
    """Take the messages that wait in the ingest queue, delayed ones when the delay is over."""
    url = world.sqs.get_queue_url(QueueName="ingest")["QueueUrl"]
    found = []
    while messages := world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages"):
        found.append(json.loads(messages[0]["Body"]))
        world.sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    return found


def delays(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give how long messages to ingest are delayed, as they are sent; they come at once, for the world's clock is another."""
    asked: list[int] = []
    send = IngestQueue.send

    def at_once(queue: IngestQueue, event: dict[str, Any], seconds: int = 0) -> None:
        asked.append(seconds)
        send(queue, event)

    monkeypatch.setattr(IngestQueue, "send", at_once)
    del world
    return asked


def hold_turns(world: World, model: str = "flowers", seconds: float = 900) -> None:
    """Let checks of other uploads of a model take all its turns, as slow files do."""
    until = world.clock.now + timedelta(seconds=seconds)
    for number in range(turns.OF_ONE_MODEL):
        assert wiring.turns(Config.from_env()).take(model, f"slow-{number}", until) == ""


def test_an_upload_beyond_its_models_turns_is_put_off_says_why_and_comes_again_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = delays(world, monkeypatch)
    hold_turns(world)
    world.send(FLOWERS_CSV)
    upload = world.upload()
    assert (upload.state, upload.checks) == (UploadState.RECEIVED, 0)
    assert upload.reason.startswith("not checked yet: 3 checks of flowers are under way")
    (message,) = sent_messages(world)
    assert asked == [5]
    for number in range(turns.OF_ONE_MODEL):
        wiring.turns(Config.from_env()).give_back("flowers", f"slow-{number}", 1.0)
    world.clock.pass_seconds(5)
    assert world.ingest(message) == []
    assert (world.upload().state, world.upload().reason) == (UploadState.ACCEPTED, "")


def test_slow_files_of_one_model_put_off_no_upload_of_another(world: World) -> None:
    hold_turns(world)
    world.send(b"area,price\n" + b"1,2\n3,5\n" * 10, "incoming/prices/data.csv")
    assert world.upload("prices").state is not UploadState.RECEIVED
    assert sent_messages(world) == []


def test_made_up_models_share_the_turns_of_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    delays(world, monkeypatch)
    hold_turns(world, turns.UNKNOWN)
    world.send(FLOWERS_CSV, "incoming/trees/data.csv")
    assert world.states_of("trees") == ["RECEIVED"]
    world.send(FLOWERS_CSV)
    assert world.states_of() == ["ACCEPTED"]


def test_an_upload_that_stays_put_off_comes_at_growing_pauses_and_is_then_left_to_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = delays(world, monkeypatch)
    hold_turns(world, seconds=100_000)
    world.send(FLOWERS_CSV)
    while messages := sent_messages(world):
        world.clock.pass_seconds(asked[-1])
        assert world.ingest(*messages) == []
    assert asked == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900]
    assert "the sweep sends it again" in world.upload().reason
    assert uploads.due_again(world.upload(), world.clock.now + uploads.LONGEST_PAUSE + timedelta(seconds=1))
    assert world.upload().checks == 0


def test_an_upload_that_is_put_off_has_one_message_however_often_it_is_delivered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays(world, monkeypatch)
    hold_turns(world)
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    for _ in range(3):
        assert world.ingest(event) == []
    assert len(sent_messages(world)) == 1


def test_a_check_gives_its_turn_back_however_it_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as during:
        during.setattr("lambdas.uploads.ingestion.prepare", lambda *_, **__: 1 / 0)
        for number in range(turns.AT_ONCE):
            event = world.put(f"incoming/flowers/{number}.csv", FLOWERS_CSV)
            assert world.ingest(event) == ["message-0"]
    world.send(FLOWERS_CSV)
    assert sent_messages(world) == []


def test_the_turn_of_a_check_that_was_killed_ends_with_the_time_it_had(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as during:
        during.setattr("lambdas.uploads.ingestion.prepare", killed)
        for number in range(turns.OF_ONE_MODEL):
            with pytest.raises(BaseExceptionGroup):
                world.send(FLOWERS_CSV, f"incoming/flowers/{number}.csv")
    event = world.put("incoming/flowers/good.csv", FLOWERS_CSV)
    for expected in ("RECEIVED", "ACCEPTED"):
        assert world.ingest(event) == []
        assert world.states_of()[-1] == expected
        world.clock.pass_seconds(world.ingest_seconds)


def test_of_many_that_take_a_models_last_turn_at_once_one_gets_it(world: World) -> None:
    until = world.clock.now + timedelta(seconds=900)
    taking = wiring.turns(Config.from_env())
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda number: taking.take("flowers", str(number), until), range(8)))
    assert got.count("") == turns.OF_ONE_MODEL


def test_an_upload_whose_check_was_cut_off_leaves_the_last_place_to_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking = wiring.turns(Config.from_env())
    event = world.put("incoming/flowers/slow.csv", FLOWERS_CSV)
    with monkeypatch.context() as during:
        during.setattr("lambdas.uploads.ingestion.prepare", killed)
        with pytest.raises(BaseExceptionGroup):
            world.ingest(event)
    world.clock.pass_seconds(2 * turns.REMEMBERED.total_seconds())
    until = world.clock.now + timedelta(seconds=900)
    for number in range(turns.AT_ONCE - 1):
        assert taking.take(f"other-{number}", "0", until) == ""
    world.ingest(event)
    assert "kept, for checks that were quick so far" in world.upload().reason
    world.send(FLOWERS_CSV, "incoming/flowers/quick.csv")
    assert sorted(world.states_of()) == ["ACCEPTED", "RECEIVED"]
