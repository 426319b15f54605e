from __future__ import annotations

from infra.parts import shadow
from lambdas.serving import version_client
from tests.infra.synthesis import Resource, Synthesised, text

HOUR, DAY = 3600, 86_400


def queue(stage: Synthesised, name: str) -> Resource:
    queues = stage.resources("AWS::SQS::Queue", "Serving").items()
    (found,) = (q["Properties"] for k, q in queues if k.startswith(f"Trials{name}"))
    properties: Resource = found
    return properties


def test_a_copy_of_a_request_is_soon_forgotten_for_it_has_private_columns(dev: Synthesised) -> None:
    assert queue(dev, "Queue")["MessageRetentionPeriod"] == HOUR
    assert queue(dev, "DeadLetters")["MessageRetentionPeriod"] == DAY
    for name in ("Queue", "DeadLetters"):
        assert queue(dev, name)["SqsManagedSseEnabled"] is True


def test_a_copy_that_can_not_be_counted_is_set_aside(dev: Synthesised) -> None:
    redrive = queue(dev, "Queue")["RedrivePolicy"]
    assert "TrialsDeadLetters" in text(redrive["deadLetterTargetArn"])
    assert redrive["maxReceiveCount"] == 5


def test_copies_are_read_a_few_at_a_time_and_fail_alone(dev: Synthesised) -> None:
    mappings = dev.resources("AWS::Lambda::EventSourceMapping", "Serving").items()
    (found,) = (m["Properties"] for k, m in mappings if k.startswith("Trials"))
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert "TrialsQueue" in text(found["EventSourceArn"])


def test_candidates_that_never_answer_do_not_outlast_the_function(dev: Synthesised) -> None:
    rounds = -(-shadow.BATCH_SIZE // version_client.AT_ONCE)
    timeout = dev.function("trial")["Timeout"]
    assert rounds * version_client.MODEL_SECONDS < timeout
    assert queue(dev, "Queue")["VisibilityTimeout"] >= 6 * timeout


def test_predict_is_told_where_copies_go(dev: Synthesised) -> None:
    told = dev.function("predict")["Environment"]["Variables"]
    assert "TrialsQueue" in text(told["TRIALS_QUEUE_URL"])
