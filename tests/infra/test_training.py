from __future__ import annotations

import json
from datetime import timedelta

import pytest

from lambdas.maintenance.lost_uploads import EVENT_LATE
from relearn.lifecycle.uploads import MAX_SILENT
from tests.infra.synthesis import Synthesised, text


def test_an_upload_reaches_the_queue_and_only_by_its_rule(dev: Synthesised) -> None:
    rules = dev.resources("AWS::Events::Rule", "Training")
    ((rule_id, rule),) = ((k, r["Properties"]) for k, r in rules.items() if "Uploaded" in k)
    assert rule["EventPattern"]["source"] == ["aws.s3"]
    assert rule["EventPattern"]["detail-type"] == ["Object Created"]
    assert rule["EventPattern"]["detail"]["object"] == {"key": [{"prefix": "incoming/"}]}
    assert "Uploads" in text(rule["EventPattern"]["detail"]["bucket"]["name"][0])
    (target,) = rule["Targets"]
    queue_id = target["Arn"]["Fn::GetAtt"][0]
    (policy,) = (p for p in dev.properties("AWS::SQS::QueuePolicy") if p["Queues"] == [{"Ref": queue_id}])
    (allowed,) = (s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")
    assert allowed["Action"] == "sqs:SendMessage"
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule_id, "Arn"]}}}


def test_an_upload_that_fails_five_times_waits_in_the_dead_letter_queue(dev: Synthesised) -> None:
    found = dev.resources("AWS::SQS::Queue", "Training")
    queues = {name: queue for name, queue in found.items() if name.startswith("Ingest")}
    ((main_id, main),) = (
        (k, q["Properties"]) for k, q in queues.items() if "RedrivePolicy" in q["Properties"]
    )
    (dead_id,) = set(queues) - {main_id}
    assert main["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead_id, "Arn"]},
        "maxReceiveCount": 5,
    }
    assert queues[dead_id]["Properties"]["MessageRetentionPeriod"] == 14 * 86_400


def test_every_queue_is_encrypted(dev: Synthesised) -> None:
    assert all(q["SqsManagedSseEnabled"] is True for q in dev.properties("AWS::SQS::Queue"))


def test_every_queue_refuses_requests_without_tls(dev: Synthesised) -> None:
    policies = dev.properties("AWS::SQS::QueuePolicy")
    assert len(policies) == len(dev.resources("AWS::SQS::Queue"))
    for policy in policies:
        denied = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        assert [s["Condition"] for s in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]


@pytest.mark.parametrize("stage", ["dev", "laptop"])
def test_a_message_is_hidden_for_as_long_as_its_upload_may_take(
    stage: str, request: pytest.FixtureRequest
) -> None:
    synthesised: Synthesised = request.getfixturevalue(stage)
    queues = synthesised.properties("AWS::SQS::Queue", "Training")
    (queue,) = (q for q in queues if "RedrivePolicy" in q)
    assert queue["VisibilityTimeout"] == synthesised.function("ingest")["Timeout"] + 30


def test_uploads_are_taken_one_by_one_and_five_at_once(dev: Synthesised) -> None:
    (mapping,) = dev.properties("AWS::Lambda::EventSourceMapping", "Training")
    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_sweep_runs_on_a_schedule_and_when_a_run_dies(dev: Synthesised) -> None:
    rules = {k: r["Properties"] for k, r in dev.resources("AWS::Events::Rule").items() if "Sweep" in k}
    targets = {text(t["Arn"]) for rule in rules.values() for t in rule["Targets"]}
    assert len(targets) == 1
    (schedule,) = (r["ScheduleExpression"] for r in rules.values() if "ScheduleExpression" in r)
    assert schedule == "rate(5 minutes)"
    (pattern,) = (r["EventPattern"] for r in rules.values() if "EventPattern" in r)
    assert pattern["source"] == ["aws.states"]
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    (machine,) = pattern["detail"]["stateMachineArn"]
    assert text(machine).endswith(":stateMachine:relearn-dev-retrain")


def test_the_training_stack_says_where_its_parts_are(dev: Synthesised) -> None:
    outputs = dev.templates["Training"]["Outputs"]
    assert {"RetrainStateMachine", "TrainingImage", "ExperimentRoles"} <= set(outputs)


@pytest.mark.parametrize(
    ("part", "function", "source"),
    [
        ("Training", "ingest", "IngestQueue"),
        ("Training", "scheduled_run", "SchedulesRunFunction"),
        ("Serving", "record", "RecordsQueue"),
        ("Serving", "trial", "TrialsQueue"),
        ("Serving", "batch_event", "BatchesEventsFunction"),
    ],
)
def test_a_stack_says_where_dead_letters_are_and_what_they_were_for(
    dev: Synthesised, part: str, function: str, source: str
) -> None:
    told = json.loads(text(dev.templates[part]["Outputs"][f"{part}DeadLetters"]["Value"]))[function]
    assert "DeadLetters" in told.pop("dead")
    (to,) = told.values()
    assert to.startswith(f"<{source}")


def test_every_queue_of_dead_letters_is_told(dev: Synthesised) -> None:
    told = [
        text(dev.templates[part]["Outputs"][f"{part}DeadLetters"]["Value"])
        for part in ("Training", "Serving")
    ]
    buried = [name for name in dev.resources("AWS::SQS::Queue") if "DeadLetters" in name]
    assert [name for name in buried if f"<{name}>" not in "".join(told)] == []


@pytest.mark.parametrize("stage", ["dev", "prod", "laptop"])
def test_what_an_event_lost_is_repaired_within_fifteen_minutes(
    stage: str, request: pytest.FixtureRequest
) -> None:
    synthesised: Synthesised = request.getfixturevalue(stage)
    between_two_sweeps = timedelta(minutes=synthesised.settings.sweep_minutes)
    assert EVENT_LATE + between_two_sweeps < timedelta(minutes=15)


NEW_ACCOUNT = 10
"""Concurrent executions of Lambda that many new accounts have: "Lambda quotas" in the Lambda Developer Guide."""


@pytest.mark.parametrize("stage", ["dev", "prod", "laptop"])
def test_queues_take_no_more_messages_than_a_new_account_can_run_so_that_none_is_throttled(
    stage: str, request: pytest.FixtureRequest
) -> None:
    # "Configuring scaling behavior for SQS event source mappings": at its maximum concurrency a mapping receives nothing
    synthesised: Synthesised = request.getfixturevalue(stage)
    mappings = synthesised.properties("AWS::Lambda::EventSourceMapping")
    at_once = [mapping["ScalingConfig"]["MaximumConcurrency"] for mapping in mappings]
    assert len(at_once) == 3
    assert sum(at_once) < NEW_ACCOUNT, "the API needs at least one"


def test_no_consumer_of_a_queue_has_less_reserved_than_its_mapping_may_invoke(dev: Synthesised) -> None:
    functions = dev.resources("AWS::Lambda::Function")
    for mapping in dev.properties("AWS::Lambda::EventSourceMapping"):
        consumer = functions[mapping["FunctionName"]["Ref"]]["Properties"]
        reserved = consumer.get("ReservedConcurrentExecutions", NEW_ACCOUNT)
        assert reserved >= mapping["ScalingConfig"]["MaximumConcurrency"]


def test_the_last_delivery_of_an_upload_whose_checks_were_all_cut_off_gives_it_up(dev: Synthesised) -> None:
    (deliveries,) = (
        queue["RedrivePolicy"]["maxReceiveCount"]
        for queue in dev.properties("AWS::SQS::Queue", "Training")
        if "RedrivePolicy" in queue
    )
    assert deliveries == MAX_SILENT + 1


def test_a_message_has_at_least_five_deliveries(dev: Synthesised) -> None:
    # "Creating and configuring an Amazon SQS event source mapping": maxReceiveCount of at least 5, so that a few throttled deliveries bury no message
    counts = [
        queue["RedrivePolicy"]["maxReceiveCount"]
        for queue in dev.properties("AWS::SQS::Queue")
        if "RedrivePolicy" in queue
    ]
    assert len(counts) >= 3
    assert min(counts) >= 5
