"""Feedback: truths sent a thousand at a time, and what became of each."""

from __future__ import annotations

import math
from typing import Any

import pytest

from relearn_client import Feedback, FeedbackResult, NotJsonError, RefusedError
from stub_api import Ask, Asked, Reply, StubApi


def accepted(asked: Asked) -> Reply:
    rows = asked.json["feedback"]
    results = [{"prediction": row["prediction"], "state": "accepted", "detail": "kept"} for row in rows]
    return Reply(body={"model": "iris", "results": results, "counts": {"accepted": len(rows)}})


def test_truths_are_sent_as_the_api_takes_them(api: StubApi, ask: Ask) -> None:
    api.turns = [accepted]
    truths = {"p-0": "setosa", "p-1": 3.5, "p-2": True}
    answer = ask(lambda client: client.feedback("iris", truths.items()))
    assert answer.results[0] == FeedbackResult("p-0", "accepted", "kept")
    assert answer.counts == {"accepted": 3}
    assert (api.asked[0].method, api.asked[0].path) == ("POST", "/v1/models/iris/feedback")
    assert api.asked[0].json == {
        "feedback": [{"prediction": name, "truth": truth} for name, truth in truths.items()]
    }


def test_more_than_a_thousand_are_sent_in_order_by_thousands(api: StubApi, ask: Ask) -> None:
    api.turns = [accepted] * 3
    ids = [f"p-{n}" for n in range(2001)]
    answer = ask(lambda client: client.feedback("iris", ((one, "setosa") for one in ids)))
    assert [len(asked.json["feedback"]) for asked in api.asked] == [1000, 1000, 1]
    assert [result.prediction for result in answer.results] == ids


def test_no_truths_are_no_request(api: StubApi, ask: Ask) -> None:
    assert ask(lambda client: client.feedback("iris", [])) == Feedback("iris", ())
    assert api.asked == []


def test_telling_is_tried_again_because_it_may_arrive_twice(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(503), accepted]
    assert ask(lambda client: client.feedback("iris", [("p-0", "setosa")])).counts == {"accepted": 1}
    assert api.asked[0].body == api.asked[1].body


def test_what_became_of_each_is_counted(api: StubApi, ask: Ask) -> None:
    states = ["accepted", "unknown", "accepted", "duplicate"]
    results = [{"prediction": f"p-{n}", "state": state, "detail": ""} for n, state in enumerate(states)]
    api.turns = [Reply(body={"model": "iris", "results": results, "counts": {}})]
    answer = ask(lambda client: client.feedback("iris", [(f"p-{n}", 1) for n in range(4)]))
    assert answer.counts == {"accepted": 2, "unknown": 1, "duplicate": 1}


@pytest.mark.parametrize("truth", [math.nan, object()])
def test_a_truth_that_is_not_json_stops_all_before_the_first_is_sent(
    api: StubApi, ask: Ask, truth: Any
) -> None:
    with pytest.raises(NotJsonError, match="the truths"):
        ask(lambda client: client.feedback("iris", [("p", 1)] * 1500 + [("p", truth)]))
    assert api.asked == []


def test_a_refusal_ends_it(api: StubApi, ask: Ask) -> None:
    api.turns = [accepted, Reply(403, {"message": "Forbidden"})]
    with pytest.raises(RefusedError):
        ask(lambda client: client.feedback("iris", [("p", 1)] * 3000))
    assert len(api.asked) == 2
