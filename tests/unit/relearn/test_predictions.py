"""Ids and keys of predictions, their lines, and how truths are joined to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.records import predictions
from relearn.records.predictions import PredictionId, Record, Truth

AT = datetime(2026, 5, 4, 10, 0, 7, tzinfo=UTC)
TIMES = st.integers(1_500_000_000, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def record(seed: str, rows: int = 2) -> Record:
    name = predictions.record_id(AT, seed)
    inputs = [{"length": float(row)} for row in range(rows)]
    outputs = [{"label": f"{seed}{row}"} for row in range(rows)]
    return Record(name, "flowers", 3, AT.isoformat(timespec="milliseconds"), "r-1", 12.5, inputs, outputs)


def truth(prediction: str, value: str | float) -> Truth:
    return Truth(prediction, "flowers", 3, value, AT.isoformat(timespec="milliseconds"))


@given(TIMES, st.text(), st.integers(0, 9999))
def test_the_id_of_a_prediction_says_its_record_its_row_and_when(at: datetime, seed: str, row: int) -> None:
    record = predictions.record_id(at, seed)
    assert len(record) == 28
    found = predictions.parse_prediction_id(predictions.prediction_id(record, row))
    assert found == PredictionId(record, row, at)


def test_ids_sort_by_time_and_are_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    assert predictions.record_id(AT.astimezone(east), "x") == predictions.record_id(AT, "x")
    later = predictions.record_id(AT + timedelta(seconds=1), "a")
    assert predictions.record_id(AT, "x") < later


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20260504t100007-0123456789ab",
        "20260504t100007-0123456789ab-",
        "20260504t100007-0123456789ab-01",
        "20260504t100007-0123456789ab-10000",
        "20260504t100007-0123456789ab--1",
        "20260504t100007-0123456789AB-1",
        "20261304t100007-0123456789ab-1",
        "20260504t100007-0123456789ab-1\n",
        "20260504t10000\N{FULLWIDTH DIGIT SEVEN}-0123456789ab-1",
        " 20260504t100007-0123456789ab-1",
    ],
)
def test_what_is_no_id_of_a_prediction_is_none(text: str) -> None:
    assert predictions.parse_prediction_id(text) is None


@given(st.text(alphabet="0123456789abcdeft-", max_size=36))
def test_any_text_is_an_id_or_none(text: str) -> None:
    found = predictions.parse_prediction_id(text)
    assert found is None or predictions.prediction_id(found.record, found.row) == text


def test_folders_are_by_model_and_day_in_utc() -> None:
    late = datetime(2026, 5, 4, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    assert predictions.predictions_folder("flowers", late) == "predictions/flowers/dt=2026-05-05/"
    assert predictions.truth_folder("flowers", AT) == "truth/flowers/dt=2026-05-04/"


def test_an_object_is_named_by_its_newest_record() -> None:
    old, new = (predictions.record_id(AT + timedelta(hours=hours), "x") for hours in (0, 1))
    keys = [predictions.partition("flowers", record) for record in (new, old)]
    assert predictions.object_name(keys, "token") == "20260504t110007-token.jsonl"


def test_the_index_knows_a_prediction_longer_than_its_truth_may_come() -> None:
    assert predictions.expires_at(AT) > (AT + timedelta(days=predictions.FEEDBACK_DAYS)).timestamp()


def test_lines_are_read_back_as_they_were() -> None:
    records = [record("a"), record("ü\n", rows=1)]
    truths = [truth(f"{records[0].id}-0", "tulip"), truth(f"{records[0].id}-1", 0.1)]
    record_lines = [predictions.line(what) for what in records]
    truth_lines = [predictions.line(what) for what in truths]
    assert not any(b"\n" in line for line in record_lines + truth_lines)
    assert list(predictions.read_records(record_lines)) == records
    assert list(predictions.read_truths(truth_lines)) == truths


def test_a_record_whose_outputs_are_not_those_of_its_inputs_is_no_record() -> None:
    broken = replace(record("a", rows=3), outputs=record("a", rows=3).outputs[:2])
    with pytest.raises(ValueError, match="shorter"):
        list(predictions.join([broken], []))


@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 2))), st.randoms(use_true_random=False))
def test_every_prediction_is_joined_to_its_own_truth_and_to_no_other(
    given: set[tuple[int, int]], random: Random
) -> None:
    records = [record(str(number), rows=3) for number in range(3)]  # nobody predicted number 3
    truths = [
        truth(predictions.prediction_id(predictions.record_id(AT, str(number)), row), f"{number}{row}")
        for number, row in given
    ]
    random.shuffle(truths)
    outcomes = list(predictions.join(records, truths))
    assert [outcome.output["label"] for outcome in outcomes] == [
        f"{n}{r}" for n in range(3) for r in range(3)
    ]
    told = {outcome.output["label"]: outcome.truth.truth for outcome in outcomes if outcome.truth}
    assert told == {f"{number}{row}": f"{number}{row}" for number, row in given if number < 3}
    for outcome in outcomes:
        assert outcome.truth is None or outcome.truth.prediction == outcome.prediction
