"""An answer gets its ids, and a record of it is sent that holds nothing private."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import call, create_autospec

import pytest

from lambdas.aws.fast.prediction_queue import PredictionQueue
from lambdas.serving.prediction_records import LOOKED_UP, RECORD, PredictionRecords
from lambdas.serving.request_context import RequestContext
from relearn.records import predictions
from relearn.spec.model import Number, Text
from tests.support.clocks import Clock
from tests.support.models import FLOWERS, PRICES

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
ROSE = {"length": 3.0, "width": 1.0}
OUTPUTS = [{"label": "rose"}, {"label": "tulip"}]


@pytest.fixture
def clock() -> Clock:
    return Clock(5.0)


@pytest.fixture
def context(clock: Clock) -> RequestContext:
    return RequestContext(28.0, clock=clock)


@pytest.fixture
def queue() -> Any:
    return create_autospec(PredictionQueue, instance=True)


@pytest.fixture
def records(queue: Any) -> PredictionRecords:
    return PredictionRecords(queue, lambda: NOW)


def answered(
    records: PredictionRecords, context: RequestContext, looked_up: dict[str, Any] | None = None
) -> dict[str, Any]:
    return records.answer("flowers", 3, OUTPUTS, "req", context, looked_up=looked_up or {})


def test_every_prediction_gets_an_id_of_the_record_and_its_row(
    records: PredictionRecords, context: RequestContext
) -> None:
    found = answered(records, context)
    record = found[RECORD]["id"]
    assert (found["model"], found["version"]) == ("flowers", 3)
    assert found["predictions"] == [
        {"id": predictions.prediction_id(record, 0), "label": "rose"},
        {"id": predictions.prediction_id(record, 1), "label": "tulip"},
    ]


def test_no_two_answers_of_one_moment_share_a_record(
    records: PredictionRecords, context: RequestContext
) -> None:
    first, second = (answered(records, context)[RECORD]["id"] for _ in range(2))
    assert first != second
    parsed = predictions.parse_prediction_id(predictions.prediction_id(first, 0))
    assert parsed is not None
    assert parsed.at == NOW


def test_a_record_says_when_and_how_long(
    records: PredictionRecords, context: RequestContext, clock: Clock
) -> None:
    clock.now += 0.0125
    told = answered(records, context)[RECORD]
    del told["id"]
    assert told == {"at": "2026-05-04T10:00:00.000+00:00", "request_id": "req", "latency_ms": 12.5}


def test_what_was_looked_up_is_kept_for_the_record(
    records: PredictionRecords, context: RequestContext
) -> None:
    looked_up = {"0": {"width": 1.0}}
    assert answered(records, context, looked_up)[RECORD][LOOKED_UP] == looked_up


def test_a_caller_gets_nothing_of_the_record(records: PredictionRecords, context: RequestContext) -> None:
    given = answered(records, context)
    found = records.note(FLOWERS, [ROSE, ROSE], given, context)
    assert found is given
    assert set(found) == {"model", "version", "predictions"}


def test_the_record_holds_question_and_answer_with_what_was_looked_up(
    records: PredictionRecords, queue: Any, context: RequestContext, clock: Clock
) -> None:
    given = answered(records, context, {"1": {"width": 4.0}})
    record = given[RECORD]["id"]
    records.note(FLOWERS, [ROSE, {"length": 9.0}], given, context)
    clock.now += 1.0
    records.send(context)
    expected = {
        "id": record,
        "at": "2026-05-04T10:00:00.000+00:00",
        "request_id": "req",
        "latency_ms": 0.0,
        "model": "flowers",
        "version": 3,
        "inputs": [ROSE, {"length": 9.0, "width": 4.0}],
        "outputs": OUTPUTS,
    }
    assert queue.send.mock_calls == [call(expected, 27.0)]
    assert (context.lost, context.milliseconds("record")) == (False, 0.0)


def test_where_nothing_was_looked_up_the_record_holds_what_was_asked(
    records: PredictionRecords, context: RequestContext
) -> None:
    records.note(FLOWERS, [ROSE, ROSE], answered(records, context), context)
    assert context.record is not None
    assert context.record()["inputs"] == [ROSE, ROSE]


def test_the_record_leaves_private_columns_out_whole(
    records: PredictionRecords, context: RequestContext
) -> None:
    spec = replace(PRICES, columns=(Number("area"), Text("owner", optional=True, private=True)))
    given = records.answer("prices", 3, [{"value": 1.0}], "req", context, looked_up={"0": {"owner": "ann"}})
    records.note(spec, [{"area": 50.0, "owner": "bob"}], given, context)
    assert context.record is not None
    found = context.record()
    assert found["inputs"] == [{"area": 50.0}]
    assert "ann" not in str(found)


def test_an_answer_of_before_records_were_kept_has_none(
    records: PredictionRecords, queue: Any, context: RequestContext
) -> None:
    old = {"model": "flowers", "version": 3, "predictions": []}
    assert records.note(FLOWERS, [], dict(old), context) == old
    records.send(context)
    queue.send.assert_not_called()


def test_a_record_that_can_not_be_sent_is_counted_and_the_answer_stands(
    records: PredictionRecords, queue: Any, context: RequestContext, caplog: pytest.LogCaptureFixture
) -> None:
    queue.send.side_effect = OSError("no network")
    records.note(FLOWERS, [ROSE, ROSE], answered(records, context), context)
    records.send(context)
    assert context.lost
    assert caplog.messages == ["the record of an answer is lost"]
    assert caplog.records[0].exc_info
