"""What the sweep finds and repairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambdas.handlers import sweep
from relearn.lifecycle import uploads
from relearn.lifecycle.runs import RunState, VersionState
from relearn.lifecycle.uploads import UploadState
from relearn.naming import resources
from tests.support.models import FLOWERS_CSV, flowers_csv
from tests.support.world import FUNCTIONS, MACHINE, LambdaContext, World

EVENTS = Path(__file__).parent.parent / "events"


def run_sweep(world: World) -> int:
    """Sweep, and let ingest take what the sweep sent; give how many messages there were."""
    sweep.handler({"source": "aws.scheduler"}, LambdaContext())
    url = world.sqs.get_queue_url(QueueName="ingest")["QueueUrl"]
    taken = 0
    while messages := world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages"):
        taken += 1
        assert world.ingest(json.loads(messages[0]["Body"])) == []
        world.sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    return taken


def test_an_upload_whose_event_was_lost_is_taken_as_if_it_had_come(today: World) -> None:
    today.put("incoming/flowers/data.csv", FLOWERS_CSV)
    today.clock.pass_seconds(200)
    assert run_sweep(today) == 1
    assert today.states_of() == ["ACCEPTED"]
    assert len(today.executions()) == 1


def test_an_upload_that_ingest_never_took_is_known_and_sent_with_growing_pauses_too(today: World) -> None:
    today.put("incoming/flowers/data.csv", FLOWERS_CSV)
    sent = []
    for _ in range(24):  # two hours of sweeps, one in five minutes, while nobody reads the queue
        today.clock.pass_seconds(300)
        sent.append(sweep.handler({"source": "aws.scheduler"}, LambdaContext())["sent"])
    assert [5 * (minute + 1) for minute, one in enumerate(sent) if one] == [5, 25, 65, 105]
    assert (today.upload().state, today.upload().sends) == (UploadState.RECEIVED, 3)
    assert today.upload().reason.startswith("its event did not come")


def test_an_upload_whose_deliveries_were_all_throttled_is_sent_again_and_they_count_for_nothing(
    today: World,
) -> None:
    """Source: "Handling errors for an SQS event source in Lambda": a throttled message returns to the queue unseen."""
    today.put("incoming/flowers/data.csv", FLOWERS_CSV)
    url = today.sqs.get_queue_url(QueueName="ingest")["QueueUrl"]
    for _ in range(uploads.MAX_CHECKS + 1):
        today.clock.pass_seconds(uploads.LONGEST_PAUSE.total_seconds() + 1)
        assert sweep.handler({"source": "aws.scheduler"}, LambdaContext())["sent"] == 1
        (message,) = today.sqs.receive_message(QueueUrl=url)["Messages"]
        # Buried, after five deliveries that no function saw.
        today.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert (today.upload().state, today.upload().checks, today.upload().silent) == (
        UploadState.RECEIVED,
        0,
        0,
    )
    today.clock.pass_seconds(uploads.LONGEST_PAUSE.total_seconds() + 1)
    assert run_sweep(today) == 1
    assert (today.upload().state, today.upload().checks) == (UploadState.ACCEPTED, 1)


def test_a_lost_upload_for_a_model_that_does_not_exist_is_quarantined_too(today: World) -> None:
    today.put("incoming/trees/data.csv", FLOWERS_CSV)
    today.clock.pass_seconds(200)
    run_sweep(today)
    assert today.states_of("trees") == ["QUARANTINED"]


def test_what_the_ledger_knows_is_not_sent_again(today: World) -> None:
    today.send(FLOWERS_CSV)
    today.send(b"", "incoming/flowers/empty.csv")
    today.clock.pass_seconds(10_000)
    assert run_sweep(today) == 0


def test_an_upload_that_stays_undecided_is_sent_again_with_growing_pauses_and_each_time_counted(
    today: World,
) -> None:
    event = today.put("incoming/flowers/data.csv", FLOWERS_CSV)
    today.s3.delete_bucket(Bucket="lake-bucket")
    assert today.ingest(event) == ["message-0"]
    sent = []
    for _ in range(24):  # two hours of sweeps, one in five minutes
        today.clock.pass_seconds(300)
        sent.append(sweep.handler({"source": "aws.scheduler"}, LambdaContext())["sent"])
    assert [5 * (minute + 1) for minute, one in enumerate(sent) if one] == [20, 60, 100]
    assert today.upload().sends == 3


@pytest.mark.parametrize("name", ["", "_SUCCESS", "out/.part-0.csv.crc", "a.csv.part"])
def test_what_is_no_data_is_never_sent(today: World, name: str) -> None:
    today.put(f"incoming/flowers/{name}", b"")
    today.clock.pass_seconds(200)
    assert run_sweep(today) == 0


def test_a_lost_version_is_newer_than_the_version_before_it_and_older_than_the_one_after(
    today: World,
) -> None:
    first = today.put("incoming/flowers/a.csv", FLOWERS_CSV)
    today.put("incoming/flowers/a.csv", flowers_csv("8,4,tulip"))
    today.put("incoming/flowers/a.csv", flowers_csv("7,4,tulip"))
    last = today.put("incoming/flowers/a.csv", flowers_csv("6,4,tulip"))
    today.ingest(first)
    today.ingest(last)
    today.clock.pass_seconds(200)
    assert run_sweep(today) == 2
    order = sorted(today.ledger.uploads("flowers"), key=lambda upload: upload.sequencer.ljust(40, "0"))
    assert order[0].version_id == first["detail"]["object"]["version-id"]
    assert order[-1].version_id == last["detail"]["object"]["version-id"]
    today.run()
    states = {upload.version_id: upload.state for upload in today.ledger.uploads("flowers")}
    assert states.pop(order[-1].version_id) is UploadState.TRAINED
    assert set(states.values()) == {UploadState.SUPERSEDED}


def test_a_lost_first_version_is_older_than_one_whose_event_came(today: World) -> None:
    today.put("incoming/flowers/a.csv", FLOWERS_CSV)
    second = today.put("incoming/flowers/a.csv", flowers_csv("8,4,tulip"))
    second["detail"]["object"]["sequencer"] = "0062E99A88DC407460"  # as S3 writes them
    today.ingest(second)
    today.clock.pass_seconds(200)
    assert run_sweep(today) == 1
    today.run()
    states = {upload.version_id: upload.state for upload in today.ledger.uploads("flowers")}
    assert states.pop(second["detail"]["object"]["version-id"]) is UploadState.TRAINED
    assert list(states.values()) == [UploadState.SUPERSEDED]


def test_an_event_that_comes_after_the_sweep_took_its_upload_changes_nothing(today: World) -> None:
    late = today.put("incoming/flowers/data.csv", FLOWERS_CSV)
    today.clock.pass_seconds(200)
    run_sweep(today)
    taken = today.upload()
    assert today.ingest(late) == []
    assert today.upload() == taken
    assert len(today.executions()) == 1


def test_uploads_that_wait_without_a_run_get_one(today: World) -> None:
    today.send(FLOWERS_CSV)
    today.run(broken="train")
    today.clock.pass_seconds(60)
    run_sweep(today)
    assert len(today.executions()) == 2
    assert today.run().state is RunState.PROMOTED


def test_a_lock_whose_execution_never_started_is_helped_to_start(today: World) -> None:
    event = today.put("incoming/flowers/data.csv", FLOWERS_CSV)
    machine = today.states.describe_state_machine(stateMachineArn=MACHINE)
    today.states.delete_state_machine(stateMachineArn=MACHINE)
    today.ingest(event)
    today.states.create_state_machine(
        name=machine["name"], definition=machine["definition"], roleArn=machine["roleArn"]
    )
    run_sweep(today)
    assert today.executions() == []
    today.clock.pass_seconds(200)
    run_sweep(today)
    lock = today.ledger.lock("flowers")
    assert lock is not None
    assert today.executions() == [lock.run_id]
    assert today.run().state is RunState.PROMOTED


def test_a_lock_taken_without_a_record_of_the_run_is_helped_to_start(today: World) -> None:
    today.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    today.run()
    today.ledger.take_lock("flowers", "20991231t235959-abcdef")
    today.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    assert today.executions()[-1] == "20991231t235959-abcdef"
    assert today.run().state is RunState.PROMOTED


def test_a_run_that_goes_is_left_alone(today: World) -> None:
    today.send(FLOWERS_CSV)
    lock = today.ledger.lock("flowers")
    today.clock.pass_seconds(10_000)
    run_sweep(today)
    assert today.ledger.lock("flowers") == lock
    assert today.latest().state is RunState.DEBOUNCING


def test_a_run_whose_execution_died_is_failed_and_its_uploads_wait_for_the_next(today: World) -> None:
    today.send(FLOWERS_CSV)
    first = today.executions()[0]
    today.stop(first)
    run_sweep(today)
    assert today.ledger.run("flowers", first).state is RunState.FAILED
    assert today.ledger.run("flowers", first).reason == "the execution ABORTED"  # moto keeps no cause
    assert today.ledger.lock("flowers") is None
    assert today.upload().attempts == 1


def test_the_event_of_an_execution_that_died_fails_its_run_at_once(world: World) -> None:
    world.send(FLOWERS_CSV)
    run_id = world.executions()[0]
    sweep.handler(ended(run_id), LambdaContext())
    run = world.ledger.run("flowers", run_id)
    assert (run.state, run.reason) == (RunState.FAILED, "the execution TIMED_OUT")
    assert world.ledger.lock("flowers") is None


def test_the_event_of_a_run_that_closed_properly_changes_nothing(world: World) -> None:
    world.send(FLOWERS_CSV)
    run = world.run(broken="train")
    world.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    lock = world.ledger.lock("flowers")
    for _ in range(2):
        sweep.handler(ended(run.run_id), LambdaContext())
    assert world.ledger.lock("flowers") == lock
    assert sorted(upload.attempts for upload in world.ledger.uploads("flowers")) == [0, 1]


def test_a_candidate_of_a_run_that_died_loses_its_endpoint(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    world.run()
    world.send(FLOWERS_CSV, "incoming/flowers/b.csv")
    run_id = world.latest().run_id
    monkeypatch.setitem(FUNCTIONS, "smoke", _dies)
    with pytest.raises(KeyboardInterrupt):
        world.run()
    sweep.handler(ended(run_id), LambdaContext())
    version = world.ledger.version("flowers", 2)
    assert version is not None
    assert version.state is VersionState.FAILED
    assert list(world.sagemaker.endpoints) == [resources.endpoint("test", "flowers", 1)]


def test_a_model_in_trouble_keeps_no_other_waiting_and_is_heard_of(today: World) -> None:
    today.put("incoming/prices/data.csv", b"area,price\n50,100\n")
    today.ledger.take_lock("flowers", "not a valid name" * 20)
    today.clock.pass_seconds(200)
    with pytest.raises(ExceptionGroup, match="some models"):
        run_sweep(today)
    url = today.sqs.get_queue_url(QueueName="ingest")["QueueUrl"]
    assert len(today.sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def _dies(_event: Any, _context: Any) -> None:
    """The execution goes, without its Catch, while the endpoint is tried."""
    raise KeyboardInterrupt


def ended(run_id: str) -> Any:
    """The event that Step Functions sends when an execution has timed out."""
    return json.loads((EVENTS / "execution_status.json").read_text().replace("RUN", run_id))


def test_an_upload_that_is_tried_again_has_as_long_as_a_new_one(today: World) -> None:
    today.send(b"")
    today.clock.pass_seconds(3600)
    today.ledger.retry_upload(today.upload())
    today.clock.pass_seconds(600)
    assert run_sweep(today) == 0
    today.clock.pass_seconds(700)
    assert run_sweep(today) == 1
