from __future__ import annotations

from tests.infra.synthesis import Resource, Synthesised, text


def queue(stage: Synthesised, name: str) -> Resource:
    queues = stage.resources("AWS::SQS::Queue", "Serving").items()
    (found,) = (q["Properties"] for k, q in queues if k.startswith(f"Records{name}"))
    properties: Resource = found
    return properties


def mapping(stage: Synthesised) -> Resource:
    mappings = stage.resources("AWS::Lambda::EventSourceMapping", "Serving").items()
    (found,) = (m["Properties"] for k, m in mappings if k.startswith("Records"))
    properties: Resource = found
    return properties


def test_a_record_that_can_not_be_written_is_kept_for_two_weeks(dev: Synthesised) -> None:
    redrive = queue(dev, "Queue")["RedrivePolicy"]
    assert "RecordsDeadLetters" in text(redrive["deadLetterTargetArn"])
    assert redrive["maxReceiveCount"] == 5
    assert queue(dev, "DeadLetters")["MessageRetentionPeriod"] == 14 * 86_400


def test_records_are_gathered_for_the_stages_window_and_fail_alone(
    dev: Synthesised, laptop: Synthesised
) -> None:
    found = mapping(dev)
    assert found["MaximumBatchingWindowInSeconds"] == 30
    assert mapping(laptop)["MaximumBatchingWindowInSeconds"] == 1
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["BatchSize"] == 1000
    assert "RecordsQueue" in text(found["EventSourceArn"])


def test_a_record_comes_again_only_when_its_writer_is_over(dev: Synthesised) -> None:
    visible_again = queue(dev, "Queue")["VisibilityTimeout"]
    assert visible_again >= 6 * dev.function("record")["Timeout"] + 30


def test_predict_is_told_where_records_go(dev: Synthesised) -> None:
    told = dev.function("predict")["Environment"]["Variables"]
    assert "RecordsQueue" in text(told["RECORDS_QUEUE_URL"])
    assert "Lake" in text(told["LAKE_BUCKET"])
