"""Feedback over moto: what becomes of each row, what is stored of it, and what a request that breaks off leaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from lambdas import wiring
from lambdas.aws.dynamo import exactly_once
from lambdas.aws.dynamo.exactly_once import Line
from lambdas.aws.s3.storage import Storage
from lambdas.handlers import feedback
from lambdas.runtime.config import Config
from relearn.api import operations as api
from relearn.naming import ledger_keys
from relearn.records import predictions
from relearn.records.predictions import CLAIM_SECONDS, Record, Truth
from tests.support import gateway
from tests.support.turns import DiedError
from tests.support.world import LAKE, LambdaContext, World


class Desk:
    """A stage with some predictions, and who gives feedback on them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.made = 0

    def record(self, rows: int = 2, *, model: str = "flowers", days_ago: float = 0) -> str:
        """Make and record a prediction, as the queue's consumer does; give its record's id."""
        self.made += 1
        at = self.world.clock() - timedelta(days=days_ago)
        record = Record(
            id=predictions.record_id(at, str(self.made)),
            model=model,
            version=7,
            at=at.isoformat(timespec="milliseconds"),
            request_id="r",
            latency_ms=5.0,
            inputs=[{"row": row} for row in range(rows)],
            outputs=[{"label": "rose"}] * rows,
        )
        index = {"rows": rows, "version": 7, ledger_keys.EXPIRES_AT: predictions.expires_at(at)}
        pk = predictions.partition(model, record.id)
        line = Line(pk, predictions.RECORD, predictions.line(record), index)
        wiring.once(Config.from_env()).place([line], predictions.predictions_folder(model, at))
        return record.id

    def send(self, body: Any, model: str = "flowers") -> tuple[int, dict[str, str], Any]:
        asked = gateway.event(api.GIVE_FEEDBACK, body, model=model)
        return gateway.answered(feedback.handler(asked, LambdaContext()))

    def give(self, *rows: tuple[str, Any], model: str = "flowers") -> Any:
        given = [{"prediction": name, "truth": truth} for name, truth in rows]
        status, _, answer = self.send({"feedback": given}, model)
        assert status == 200, answer
        assert [result["prediction"] for result in answer["results"]] == [name for name, _ in rows]
        counted = Counter(result["state"] for result in answer["results"])
        assert {state: count for state, count in answer["counts"].items() if count} == counted
        return answer

    def states(self, *rows: tuple[str, Any], model: str = "flowers") -> str:
        return " ".join(result["state"] for result in self.give(*rows, model=model)["results"])

    def detail(self, *rows: tuple[str, Any]) -> str:
        """Give what is said of the last row."""
        return str(self.give(*rows)["results"][-1]["detail"])

    def lines(self, prefix: str) -> list[bytes]:
        bodies = [
            self.world.s3.get_object(Bucket=LAKE, Key=key)["Body"].read() for key in self.world.lake(prefix)
        ]
        return [line for body in bodies for line in body.splitlines()]

    def truths(self) -> list[Truth]:
        return list(predictions.read_truths(self.lines("truth/")))

    def records(self) -> Iterable[Record]:
        return predictions.read_records(self.lines("predictions/"))


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_truths_are_stored_as_lines_of_one_object_on_the_day_of_the_prediction(desk: Desk) -> None:
    record = desk.record(2, days_ago=3)
    answer = desk.give((f"{record}-1", "tulip"), (f"{record}-0", "rose"))
    assert answer["model"] == "flowers"
    assert [(r["state"], r["detail"]) for r in answer["results"]] == [("accepted", "stored")] * 2
    assert answer["counts"] == {"accepted": 2, "duplicate": 0, "conflict": 0, "unknown": 0, "late": 0}
    (key,) = desk.world.lake("truth/")
    assert key.startswith("truth/flowers/dt=2026-05-01/20260501t100000-")
    first, second = desk.truths()
    assert (first.prediction, first.truth) == (f"{record}-1", "tulip")
    assert (second.prediction, second.truth) == (f"{record}-0", "rose")
    assert (first.model, first.version) == ("flowers", 7)
    assert first.at == second.at
    assert datetime.fromisoformat(first.at) > datetime.fromisoformat("2026-05-04T10:00:00+00:00")


def test_the_same_truth_again_is_a_duplicate_and_another_a_conflict_and_the_first_stands(desk: Desk) -> None:
    name = f"{desk.record()}-0"
    assert desk.states((name, "rose")) == "accepted"
    assert desk.states((name, "rose"), (name, "tulip")) == "duplicate conflict"
    at = desk.truths()[0].at
    assert desk.detail((name, "rose")) == f"the same was given before, at {at}"
    assert desk.detail((name, "tulip")) == f"'rose' was given before, at {at}, and stands"
    assert [truth.truth for truth in desk.truths()] == ["rose"]


def test_within_a_request_the_first_truth_of_a_prediction_stands(desk: Desk) -> None:
    name = f"{desk.record()}-0"
    assert desk.states((name, "tulip"), (name, "rose"), (name, "tulip")) == "accepted conflict duplicate"
    assert [truth.truth for truth in desk.truths()] == ["tulip"]


@pytest.mark.parametrize(
    ("first", "again", "expected"),
    [
        (3, 3.0, "duplicate"),
        (3.0, 3, "duplicate"),
        (0.1, 0.1, "duplicate"),
        (0.1, 0.2, "conflict"),
        (-0.0, 0, "duplicate"),
        (1e-200, 1e-200, "duplicate"),
        (3.4028234663852886e38, 340282346638528859811704183484516925440, "duplicate"),
    ],
)
def test_numbers_are_the_same_when_they_are_equal(
    desk: Desk, first: float, again: float, expected: str
) -> None:
    name = f"{desk.record(model='prices')}-0"
    assert desk.states((name, first), model="prices") == "accepted"
    assert desk.states((name, again), model="prices") == expected
    assert [truth.truth for truth in desk.truths()] == [first]


def test_a_prediction_that_was_not_made_is_unknown(desk: Desk) -> None:
    record = desk.record(2)
    elsewhere = desk.record(2, model="prices")
    old = predictions.record_id(desk.world.clock() - timedelta(hours=1), "nobody")
    rows = ["nonsense", "", f"{record}-2", f"{elsewhere}-0", f"{old}-0", f"{record}-00"]
    assert desk.states(*((row, "rose") for row in rows)) == " ".join(["unknown"] * len(rows))
    assert desk.detail(("nonsense", "rose")) == "this is no id of a prediction"
    assert desk.detail((f"{record}-2", "rose")) == "the request had 2 rows, counted from 0"
    assert desk.detail((f"{old}-0", "rose")) == "the model made no such prediction"
    assert desk.truths() == []


def test_a_prediction_of_a_moment_ago_may_not_be_recorded_yet(desk: Desk) -> None:
    now = predictions.record_id(desk.world.clock(), "under way")
    said = desk.detail((f"{now}-0", "rose"))
    assert said == "no such prediction yet; if it was just made, send this again in a minute"


def test_a_truth_may_come_for_ninety_days(desk: Desk) -> None:
    young, old = desk.record(days_ago=89.99), desk.record(days_ago=90.01)
    assert desk.states((f"{young}-0", "rose"), (f"{old}-0", "rose")) == "accepted late"
    assert desk.detail((f"{old}-0", "rose")) == "the prediction is older than 90 days"
    assert [truth.prediction for truth in desk.truths()] == [f"{young}-0"]


def test_the_index_of_a_truth_expires_with_that_of_its_prediction(desk: Desk) -> None:
    record = desk.record(days_ago=10)
    desk.give((f"{record}-0", "rose"))
    pk = predictions.partition("flowers", record)
    keys = [(pk, predictions.RECORD), (pk, predictions.truth_sort(0))]
    found = wiring.table(Config.from_env()).get_many(keys)
    assert [found[key][ledger_keys.EXPIRES_AT] for key in keys] == [
        predictions.expires_at(desk.world.clock() - timedelta(days=10))
    ] * 2


def test_predictions_of_many_days_are_taken_in_one_request(desk: Desk) -> None:
    records = [desk.record(1, days_ago=days) for days in (0, 1, 1, 5)]
    assert desk.states(*((f"{record}-0", "rose") for record in records)) == " ".join(["accepted"] * 4)
    days = [key.split("/")[2] for key in desk.world.lake("truth/")]
    assert days == ["dt=2026-04-29", "dt=2026-05-03", "dt=2026-05-04"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ({}, ["/feedback"]),
        ({"feedback": []}, ["/feedback"]),
        ({"feedback": "x", "more": 1}, ["/more", "/feedback"]),
        ({"feedback": [{"prediction": "x", "truth": "rose"}] * 1001}, ["/feedback"]),
        ({"feedback": [1, {}]}, ["/feedback/0", "/feedback/1/prediction", "/feedback/1/truth"]),
        (
            {"feedback": [{"prediction": 5, "truth": "lily", "a/b": 0}, {"prediction": "x" * 101, "truth": None}]},
            [
                "/feedback/0/prediction",
                "/feedback/0/truth",
                "/feedback/0/a~1b",
                "/feedback/1/prediction",
                "/feedback/1/truth",
            ],
        ),
    ],
)  # fmt: skip
def test_a_wrong_body_is_told_with_a_pointer_for_every_wrong_field(
    desk: Desk, body: Any, pointers: list[str]
) -> None:
    status, _, problem = desk.send(body)
    assert (status, problem["type"]) == (422, "urn:relearn:problem:invalid-feedback")
    assert [error["pointer"] for error in problem["errors"]] == pointers


def test_a_missing_field_says_what_is_allowed(desk: Desk) -> None:
    _, _, problem = desk.send({"feedback": [{}]})
    assert [error["detail"] for error in problem["errors"]] == [
        "missing; allowed: the id of a prediction, a string of at most 100 characters",
        "missing; allowed: one of rose, tulip",
    ]


def test_of_a_request_with_a_wrong_row_nothing_is_stored(desk: Desk) -> None:
    record = desk.record()
    rows = [{"prediction": f"{record}-0", "truth": "rose"}, {"prediction": f"{record}-1", "truth": "lily"}]
    assert desk.send({"feedback": rows})[0] == 422
    assert desk.truths() == []
    assert desk.states((f"{record}-0", "tulip")) == "accepted"


def test_at_most_a_hundred_errors_are_listed(desk: Desk) -> None:
    _, _, problem = desk.send({"feedback": [{"prediction": 1, "truth": 1}] * 900})
    assert len(problem["errors"]) == 100


def test_an_unknown_model_is_not_found(desk: Desk) -> None:
    status, _, problem = desk.send({"feedback": []}, "lilies")
    assert (status, problem["type"]) == (404, "urn:relearn:problem:not-found")


def test_a_request_that_dies_before_its_object_is_stored_when_it_is_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = desk.record(2)
    rows = [(f"{record}-0", "rose"), (f"{record}-1", "tulip")]

    def die(*_: Any) -> None:
        raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "write", die)
        with pytest.raises(DiedError):
            desk.give(*rows)
    with monkeypatch.context() as patch:
        patch.setattr(exactly_once, "PAUSES", ())
        body = {"feedback": [{"prediction": name, "truth": truth} for name, truth in rows]}
        status, headers, problem = desk.send(body)
    assert (status, problem["type"]) == (503, "urn:relearn:problem:feedback-busy")
    assert int(headers["retry-after"]) > 0
    desk.world.clock.pass_seconds(CLAIM_SECONDS)
    assert desk.states(*rows) == "accepted accepted"
    assert sorted(truth.truth for truth in desk.truths()) == ["rose", "tulip"]


def test_a_full_request_is_one_object(desk: Desk) -> None:
    record = desk.record(1000)
    answer = desk.give(*((f"{record}-{row}", "rose") for row in range(1000)))
    assert answer["counts"]["accepted"] == 1000
    assert len(desk.world.lake("truth/")) == 1
    assert len(desk.truths()) == 1000


def test_what_is_sent_in_any_order_and_more_than_once_is_read_back_exactly(desk: Desk) -> None:
    random = Random(7)
    names = [f"{record}-{row}" for record in [desk.record(5) for _ in range(6)] for row in range(5)]
    unheard = {name for name in names if random.random() < 0.2}
    right = {name: random.choice(("rose", "tulip")) for name in names if name not in unheard}
    sent = [*right.items(), *random.sample(sorted(right.items()), 12), ("nonsense", "rose")]
    random.shuffle(sent)
    counts: Counter[str] = Counter()
    while sent:
        batch, sent = sent[:7], sent[7:]
        counts.update(desk.give(*batch)["counts"])
    assert counts == {"accepted": len(right), "duplicate": 12, "unknown": 1, "conflict": 0, "late": 0}
    outcomes = list(predictions.join(desk.records(), desk.truths()))
    assert sorted(outcome.prediction for outcome in outcomes) == sorted(names)
    told = {outcome.prediction: outcome.truth.truth for outcome in outcomes if outcome.truth}
    assert told == right


def test_rows_are_counted_by_what_became_of_them(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{desk.record()}-0"
    capsys.readouterr()
    desk.give((name, "rose"), (name, "rose"), ("x", "rose"), (name, "rose"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [(line["model"], line["state"], line["Feedback"]) for line in lines] == [
        ("flowers", "accepted", 1),
        ("flowers", "duplicate", 2),
        ("flowers", "unknown", 1),
    ]
