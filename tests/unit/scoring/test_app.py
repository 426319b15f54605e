from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relearn.errors import ArtifactError
from relearn.spec.model import Number
from relearn.traffic import timing
from scoring import artifact
from scoring.app import FAILS, MAX_BODY, NO_ANSWER, App
from scoring.scorer import Scorer, Scores
from training import catalog

Headers = Sequence[tuple[bytes, bytes]]
JSON: Headers = ((b"content-type", b"application/json"),)
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


class Answer:
    """What the application sent."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        start, self._end = messages
        self.status: int = start["status"]
        self.headers = dict(start["headers"])
        self.body: bytes = self._end["body"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(app: App, method: str, path: str, *parts: bytes, headers: Headers = JSON) -> Answer:
    """Send one request, its body in ``parts``, as an ASGI server would."""
    waiting = list(parts or [b""])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(app(scope, receive, send))
    return Answer(sent)


def invoke(app: App, body: object, headers: Headers = JSON) -> Answer:
    return ask(app, "POST", "/invocations", json.dumps(body).encode(), headers=headers)


def test_an_answer_names_the_time_that_it_took_and_whether_it_is_the_first_of_the_process(
    folder: Path,
) -> None:
    app = App(artifact.load(folder), 3)
    given = [invoke(app, {"instances": [FLOWER]}).headers[timing.HEADER.encode()].decode() for _ in range(2)]
    first, second = (timing.parse(one) for one in given)
    assert first is not None
    assert second is not None
    assert (first.started, second.started) == (True, False)
    assert 0 < second.milliseconds < 60_000
    assert timing.HEADER.encode() not in ask(app, "GET", "/ping").headers


def test_a_ping_names_the_model_and_its_version(app: App) -> None:
    answer = ask(app, "GET", "/ping")
    assert (answer.status, answer.json) == (200, {"model": "iris", "version": 3})


def test_an_answer_names_label_and_probabilities_in_the_order_of_the_spec(app: App) -> None:
    answer = invoke(app, {"instances": [FLOWER, {**FLOWER, "petal_length": 6, "petal_width": 2.5}]})
    assert answer.status == 200
    assert (answer.json["model"], answer.json["version"]) == ("iris", 3)
    assert [one["label"] for one in answer.json["predictions"]] == ["setosa", "virginica"]
    for one in answer.json["predictions"]:
        assert list(one["probabilities"]) == ["setosa", "versicolor", "virginica"]
        assert sum(one["probabilities"].values()) == pytest.approx(1)


def test_the_version_is_null_when_it_was_not_told(folder: Path) -> None:
    assert invoke(App(artifact.load(folder), None), {"instances": [FLOWER]}).json["version"] is None


def test_a_body_may_come_in_parts(app: App) -> None:
    body = json.dumps({"instances": [FLOWER]}).encode()
    answer = ask(app, "POST", "/invocations", body[:10], body[10:20], body[20:])
    assert answer.status == 200


@pytest.mark.parametrize(
    "given", [b"application/json; charset=utf-8", b"Application/JSON", b"application/json;x"]
)
def test_json_may_carry_parameters(app: App, given: bytes) -> None:
    assert invoke(app, {"instances": [FLOWER]}, headers=((b"content-type", given),)).status == 200


def test_a_request_without_a_content_type_is_taken_as_json(app: App) -> None:
    assert invoke(app, {"instances": [FLOWER]}, headers=()).status == 200


def test_another_content_type_is_refused(app: App) -> None:
    answer = invoke(app, {"instances": [FLOWER]}, headers=((b"content-type", b"text/csv"),))
    assert (answer.status, answer.json) == (
        415,
        {"error": "content type 'text/csv'; allowed: application/json, application/jsonlines"},
    )


def test_a_wrong_value_is_named_by_its_pointer(app: App) -> None:
    answer = invoke(app, {"instances": [FLOWER, {**FLOWER, "petal_width": "wide"}]})
    assert answer.status == 400
    assert answer.json["errors"] == [
        {"pointer": "/instances/1/petal_width", "detail": "got 'wide'; allowed: a finite number"}
    ]


def test_what_is_no_json_is_refused(app: App) -> None:
    answer = ask(app, "POST", "/invocations", b"\x80\x04N.")
    assert answer.status == 400
    assert answer.json["errors"][0]["detail"].startswith("the body is not ")


@pytest.mark.parametrize("parts", [(b" " * (MAX_BODY + 1),), (b" " * MAX_BODY, b" " * 9, b" " * 9)])
def test_a_body_that_is_too_long_is_refused(app: App, parts: tuple[bytes, ...]) -> None:
    assert ask(app, "POST", "/invocations", *parts).status == 413


def test_another_path_is_not_found(app: App) -> None:
    assert ask(app, "GET", "/models").status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("GET", "/invocations", b"POST"), ("PUT", "/ping", b"GET, HEAD")]
)
def test_another_method_is_refused_and_told_which_are_right(
    app: App, method: str, path: str, allowed: bytes
) -> None:
    answer = ask(app, method, path)
    assert (answer.status, answer.headers[b"allow"]) == (405, allowed)


class Broken(App):
    """An application whose model gives what it is told to."""

    def __init__(self, folder: Path, gives: Scores | Exception) -> None:
        super().__init__(artifact.load(folder), 3)
        self._scorer = Stub(gives)  # type: ignore[assignment]


class Stub:
    """Stands where a scorer stands."""

    def __init__(self, gives: Scores | Exception) -> None:
        self._gives = gives

    def rows(self, _rows: object) -> Scores:
        if isinstance(self._gives, Exception):
            raise self._gives
        return self._gives


def test_a_model_that_fails_is_a_500_whose_detail_stays_in_the_log(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = invoke(Broken(folder, ArtifactError("secret detail")), {"instances": [FLOWER]})
    assert (answer.status, answer.json) == (500, {"error": "the model failed to answer; its log says why"})
    assert "Traceback" in capsys.readouterr().err


class Picky(App):
    """An application whose model fails at wide petals."""

    def __init__(self, folder: Path, failure: Exception) -> None:
        super().__init__(artifact.load(folder), 3)
        self._scorer = Fussy(self._scorer, failure)  # type: ignore[assignment]


class Fussy:
    """Stands where a scorer stands, fails at some rows, and counts how often it is asked."""

    def __init__(self, scorer: Scorer, failure: Exception, most: int = 1000) -> None:
        self._real, self._failure, self.most, self.asked = scorer, failure, most, 0

    def rows(self, rows: Any) -> Scores:
        self.asked += 1
        if any(row[3] > 9 for row in rows) or len(rows) > self.most:
            raise self._failure
        return self._real.rows(rows)


WIDE = {**FLOWER, "petal_width": 9.5}


@pytest.mark.parametrize("bad", [{0}, {3}, {1, 2}, {0, 1, 2, 4}, {97}])
def test_rows_at_which_the_model_fails_are_named_when_it_answers_others(folder: Path, bad: set[int]) -> None:
    count = max(5, *bad) + 1
    picky = Picky(folder, ArtifactError("secret detail"))
    answer = invoke(picky, {"instances": [WIDE if at in bad else FLOWER for at in range(count)]})
    assert answer.status == 422
    assert [one["pointer"] for one in answer.json["errors"]] == [f"/instances/{at}" for at in sorted(bad)]
    assert {one["detail"] for one in answer.json["errors"]} == {FAILS}


def test_one_bad_row_of_many_is_found_without_asking_for_each(folder: Path) -> None:
    picky = Picky(folder, ArtifactError("x"))
    invoke(picky, {"instances": [WIDE, *[FLOWER] * 999]})
    assert picky._scorer.asked < 30  # type: ignore[attr-defined]


def test_a_row_alone_is_to_blame_once_the_model_has_answered_another(folder: Path) -> None:
    picky = Picky(folder, ArtifactError("x"))
    assert invoke(picky, {"instances": [WIDE]}).status == 500
    assert invoke(picky, {"instances": [FLOWER]}).status == 200
    assert invoke(picky, {"instances": [WIDE]}).status == 422


def test_rows_that_are_too_many_at_once_are_answered_in_parts(folder: Path) -> None:
    body = {"instances": [{**FLOWER, "petal_length": 1.0 + at, "petal_width": at / 3} for at in range(7)]}
    picky = Picky(folder, ArtifactError("x"))
    picky._scorer.most = 2  # type: ignore[attr-defined]
    found, whole = invoke(picky, body), invoke(Picky(folder, ArtifactError("x")), body)
    assert (found.status, whole.status) == (200, 200)
    labels = [[one["label"] for one in answer.json["predictions"]] for answer in (found, whole)]
    assert labels[0] == labels[1]
    assert len(set(labels[0])) > 1


def test_memory_that_is_used_up_is_no_rows_fault(folder: Path) -> None:
    picky = Picky(folder, MemoryError())
    assert invoke(picky, {"instances": [FLOWER]}).status == 200
    assert invoke(picky, {"instances": [FLOWER, WIDE]}).status == 500


@pytest.mark.parametrize("figures", [[np.nan, 0.5, 0.5], [np.inf, -np.inf, 0]])
def test_an_answer_that_is_not_finite_is_no_answer_to_that_instance(
    folder: Path, figures: list[float]
) -> None:
    gives = Scores(np.array(["setosa"] * 2, dtype=object), np.array([[1, 0, 0], figures], np.float32))
    answer = invoke(Broken(folder, gives), {"instances": [FLOWER] * 2})
    assert answer.status == 422
    assert answer.json["errors"] == [{"pointer": "/instances/1", "detail": NO_ANSWER}]


UNBOUNDED = replace(catalog.get("iris"), columns=tuple(Number(name) for name in FLOWER))


def test_a_number_out_of_reach_is_not_answered_and_named(folder: Path) -> None:
    app = App(replace(artifact.load(folder), spec=UNBOUNDED, reach=1e9), 3)
    assert invoke(app, {"instances": [{**FLOWER, "petal_width": 1e9}]}).status == 200
    answer = invoke(app, {"instances": [FLOWER, {**FLOWER, "petal_width": -1.1e9}]})
    assert answer.status == 422
    assert answer.json["errors"] == [
        {"pointer": "/instances/1/petal_width", "detail": "got -1100000000.0; allowed: at least -1000000000"}
    ]


def test_what_breaks_the_spec_is_a_bad_request_also_where_another_number_is_out_of_reach(
    folder: Path,
) -> None:
    app = App(replace(artifact.load(folder), spec=UNBOUNDED, reach=1e9), 3)
    answer = invoke(app, {"instances": [{**FLOWER, "petal_width": 1e30, "sepal_width": "wide"}]})
    assert answer.status == 400
    assert [one["pointer"] for one in answer.json["errors"]] == ["/instances/0/sepal_width"]
