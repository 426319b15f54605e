"""JSON Lines in the server: what batch transform sends, and what it gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import ArtifactError, InvalidLinesError
from scoring import artifact
from scoring.app import FAILS, MAX_BODY, NO_ANSWER, App
from scoring.reading import Reader
from scoring.scorer import Scorer, Scores
from tests.support.strategies import instances
from tests.support.training_kit import MIXED
from tests.unit.scoring.test_app import FLOWER, ask

LINES = ((b"content-type", b"application/jsonlines"), (b"accept", b"application/jsonlines"))


def lines(*items: object) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def test_each_line_gets_its_prediction_the_one_that_json_gives(app: App) -> None:
    rows = [FLOWER, {**FLOWER, "petal_length": 5.0}, {**FLOWER, "petal_width": 2.0}]
    given_json = ask(app, "POST", "/invocations", json.dumps({"instances": rows}).encode())
    answer = ask(app, "POST", "/invocations", lines(*rows), headers=LINES)
    assert (answer.status, answer.headers[b"content-type"]) == (200, b"application/jsonlines")
    assert answer.body.endswith(b"\n")
    assert [json.loads(line) for line in answer.body.splitlines()] == given_json.json["predictions"]


def test_the_last_line_may_lack_its_end_and_lines_may_end_in_both_ways(app: App) -> None:
    body = lines(FLOWER, FLOWER).rstrip().replace(b"\n", b"\r\n")
    assert len(ask(app, "POST", "/invocations", body, headers=LINES).body.splitlines()) == 2


def test_there_is_no_limit_to_the_lines_but_the_bodys(app: App) -> None:
    answer = ask(app, "POST", "/invocations", lines(*[FLOWER] * 3000), headers=LINES)
    assert len(answer.body.splitlines()) == 3000
    assert ask(app, "POST", "/invocations", b" " * (MAX_BODY + 1), headers=LINES).status == 413


def test_a_line_without_a_prediction_says_why_and_costs_no_other_line_its_own(app: App) -> None:
    body = (
        lines(FLOWER, {**FLOWER, "petal_width": "wide"})
        + b"nonsense\n\n"
        + lines(FLOWER)[:-1] * 2
        + b"\n"
        + lines(FLOWER)
    )
    answer = ask(app, "POST", "/invocations", body, headers=LINES)
    assert (answer.status, answer.headers[b"content-type"]) == (200, b"application/jsonlines")
    first, second, third, fourth, fifth, last = [json.loads(line) for line in answer.body.splitlines()]
    assert first == last
    assert first["label"] == "setosa"
    assert second["errors"] == [{"pointer": "/petal_width", "detail": "got 'wide'; allowed: a finite number"}]
    assert third["errors"][0]["detail"].startswith("the line is not JSON: got ")
    assert fourth["errors"][0]["detail"].startswith("got an empty line")
    assert fifth["errors"][0]["detail"].startswith("the line is not JSON: got ")


class Picky(App):
    """An application whose model answers no flower with a wide petal: not finite, or not at all."""

    def __init__(self, artifact_: artifact.Artifact, *, fails: bool) -> None:
        super().__init__(artifact_, 3)
        self._scorer = Wide(self._scorer, fails=fails)  # type: ignore[assignment]


class Wide:
    """Stands where a scorer stands."""

    def __init__(self, scorer: Scorer, *, fails: bool) -> None:
        self._real, self._fails = scorer, fails

    def rows(self, rows: Any) -> Scores:
        scores = self._real.rows(rows)
        assert scores.probabilities is not None
        wide = [row[3] > 9 for row in rows]
        if self._fails and any(wide):
            raise ArtifactError("broken")
        return scores._replace(probabilities=np.where(np.array(wide)[:, None], np.nan, scores.probabilities))


@pytest.mark.parametrize(("fails", "detail"), [(False, NO_ANSWER), (True, FAILS)])
def test_a_line_that_the_model_does_not_answer_costs_no_other_line_its_prediction(
    folder: Path, *, fails: bool, detail: str
) -> None:
    picky = Picky(artifact.load(folder), fails=fails)
    answer = ask(
        picky, "POST", "/invocations", lines(FLOWER, {**FLOWER, "petal_width": 10}, FLOWER), headers=LINES
    )
    first, second, third = [json.loads(line) for line in answer.body.splitlines()]
    assert second == {"errors": [{"pointer": "", "detail": detail}]}
    assert (first["label"], third["label"]) == ("setosa", "setosa")


@pytest.mark.parametrize("body", [b"\n", lines(FLOWER) + b"\n" + lines(FLOWER), lines(FLOWER)[:-1] * 2])
def test_a_line_is_answered_by_a_line_whatever_it_is(app: App, body: bytes) -> None:
    answer = ask(app, "POST", "/invocations", body, headers=LINES)
    assert (answer.status, answer.body.count(b"\n")) == (200, body.count(b"\n") or 1)


@given(st.lists(instances(MIXED), min_size=1, max_size=4))
def test_lines_are_read_as_json_is(rows: list[dict[str, Any]]) -> None:
    reader = Reader(MIXED)
    as_json = reader.parse(json.dumps({"instances": rows}).encode())
    assert reader.read_lines(lines(*rows)) == as_json


def test_a_date_time_that_is_none_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidLinesError, match=r"line 2: /at: "):
        Reader(MIXED).read_lines(lines({"who": "a"}, {"who": "b", "at": "yesterday"}))


def test_other_content_types_are_told_both_that_are_allowed(app: App) -> None:
    answer = ask(app, "POST", "/invocations", b"a,b", headers=((b"content-type", b"text/csv"),))
    assert answer.status == 415
    assert "application/json, application/jsonlines" in answer.json["error"]
