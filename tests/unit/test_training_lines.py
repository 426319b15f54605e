"""JSON Lines in the server: what batch transform sends, and what it gets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import InvalidLinesError
from tests.unit.strategies import instances
from tests.unit.test_training_app import FLOWER, ask
from tests.unit.training_kit import MIXED, iris_rows, job
from training import artifact, train
from training.app import MAX_BODY, App
from training.reading import Reader

LINES = ((b"content-type", b"application/jsonlines"), (b"accept", b"application/jsonlines"))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    box = job(tmp_path_factory.mktemp("ml"), iris_rows())
    assert train.main(box) == 0
    return App(artifact.read(box.model), 3)


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


def test_an_error_names_the_line_and_the_value_and_is_json(app: App) -> None:
    body = lines(FLOWER, {**FLOWER, "petal_width": "wide"}) + b"nonsense\n"
    answer = ask(app, "POST", "/invocations", body, headers=LINES)
    assert (answer.status, answer.headers[b"content-type"]) == (400, b"application/json")
    first, second = answer.json["errors"]
    assert (first["line"], first["pointer"]) == (2, "/petal_width")
    assert first["detail"] == "got 'wide'; allowed: a finite number"
    assert (second["line"], second["pointer"]) == (3, "")


@pytest.mark.parametrize("body", [b"", b"\n", lines(FLOWER) + b"\n" + lines(FLOWER), lines(FLOWER)[:-1] * 2])
def test_a_line_is_one_instance_no_less_and_no_more(app: App, body: bytes) -> None:
    assert ask(app, "POST", "/invocations", body, headers=LINES).status == 400


@given(st.lists(instances(MIXED), min_size=1, max_size=4))
def test_lines_are_read_as_json_is(rows: list[dict[str, Any]]) -> None:
    reader = Reader(MIXED)
    as_json = reader.read(json.dumps({"instances": rows}).encode())
    assert reader.read_lines(lines(*rows)) == as_json


def test_a_date_time_that_is_none_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidLinesError, match=r"line 2: /at: "):
        Reader(MIXED).read_lines(lines({"who": "a"}, {"who": "b", "at": "yesterday"}))


def test_other_content_types_are_told_both_that_are_allowed(app: App) -> None:
    answer = ask(app, "POST", "/invocations", b"a,b", headers=((b"content-type", b"text/csv"),))
    assert answer.status == 415
    assert "application/json, application/jsonlines" in answer.json["error"]
