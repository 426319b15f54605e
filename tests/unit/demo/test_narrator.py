"""What the demo waits for, and what it prints of predictions of every kind."""

from __future__ import annotations

import io
import json
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from demo import narrator as module
from demo.console import Console
from demo.errors import StoryError
from demo.narrator import Narrator, text_of
from demo.stage import Stage
from relearn_client import Classification, NotFoundError, Prediction, RankedItem, Ranking, Regression
from relearn_client.errors import Problem
from tests.unit.demo.table import table

ITEMS = tuple(RankedItem(name, 1.0) for name in ("tea", "cup", "pot", "tin"))


class Api:
    """An API that answers each question with the next of the answers it was given for it; the last one stays."""

    def __init__(self, **answers: list[Any]) -> None:
        self._answers = answers

    def __getattr__(self, call: str) -> Any:
        def answer(*_: object) -> Any:
            answers = self._answers[call]
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(found, Exception):
                raise found
            return found

        return answer


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_SECONDS", 0)


def telling(api: Api, *items: dict[str, str]) -> Narrator:
    stage = SimpleNamespace(api=api, dynamodb=table(*items), ledger="ledger")
    return Narrator(cast("Stage", stage), Console())


def test_the_first_version_of_each_model_is_told_once_it_serves(capsys: pytest.CaptureFixture[str]) -> None:
    waits, serves = SimpleNamespace(state="waiting"), SimpleNamespace(state="live", version=1)
    telling(Api(model=[waits, waits, serves])).first_versions(["iris", "churn"])
    assert sorted(line.split("s ", 1)[1] for line in capsys.readouterr().out.splitlines()) == [
        "churn: version 1 serves",
        "iris: version 1 serves",
    ]


def test_a_run_that_fails_ends_the_waiting_with_its_reason() -> None:
    run = {"pk": "MODEL#iris", "sk": "RUN#1", "state": "FAILED", "reason": "out of memory"}
    waits = SimpleNamespace(state="waiting")
    with pytest.raises(StoryError, match=r"the first version of iris: .*FAILED: out of memory"):
        telling(Api(model=[waits]), run).first_versions(["iris"])


def test_a_story_ends_when_nothing_changes_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1)
    with pytest.raises(StoryError, match=r"nothing changed for .* waiting for the first version of iris"):
        telling(Api(model=[SimpleNamespace(state="waiting")])).first_versions(["iris"])


def test_uploads_are_trained_on_when_the_run_that_used_them_has_ended() -> None:
    unknown = NotFoundError(Problem(404))
    accepted = SimpleNamespace(state="ACCEPTED", run_id=None)
    trained = SimpleNamespace(state="TRAINED", run_id="run")
    runs = [SimpleNamespace(ended_at=None), SimpleNamespace(ended_at="now"), AssertionError("asked again")]
    telling(Api(upload=[unknown, accepted, trained], run=runs)).trained("churn", ["upload"])


def test_a_version_that_nobody_made_has_no_run() -> None:
    with pytest.raises(StoryError, match="model iris has no version 2"):
        telling(Api(versions=[[SimpleNamespace(version=1, run_id="run")]])).run_of("iris", 2)


@pytest.mark.parametrize(
    ("prediction", "text"),
    [
        (Classification("setosa", {"setosa": 0.99771, "versicolor": 0.00229}, "1"), "setosa (0.998)"),
        (Regression(152.133, "1"), "152.1"),
        (Ranking(ITEMS, "history", "1"), "tea > cup > pot"),
        (Ranking((), "popularity", "1"), "no items"),
    ],
)
def test_a_prediction_is_told_in_a_few_words(prediction: Prediction, text: str) -> None:
    assert text_of(prediction) == text


def test_a_comparison_tells_the_reason_both_values_and_how_sure_the_lead_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    comparison = {"difference": 5.2, "low": 1.7, "high": 8.7, "error": 2.1, "smallest": 5.0}
    report = {
        "metric": "rmse",
        "champion": {"version": 1, "comparison": comparison | {"confidence": 0.95, "rows": 105}},
    }
    run = SimpleNamespace(
        run_id="r2", reason="as the judge said", metrics={"rmse": 48.6}, champion_metrics={"rmse": 53.8}
    )
    narrator = telling(Api(versions=[[SimpleNamespace(version=2, run_id="r2")]], run=[run]))
    asked: list[dict[str, str]] = []

    def get_object(**named: str) -> dict[str, Any]:
        asked.append(named)
        return {"Body": io.BytesIO(json.dumps(report).encode())}

    narrator.stage.s3, narrator.stage.lake = SimpleNamespace(get_object=get_object), "lake"  # type: ignore[misc]
    narrator.compare("diabetes", 2)
    told = capsys.readouterr().out
    assert asked == [{"Bucket": "lake", "Key": "reports/diabetes/r2/report.json"}]
    assert "as the judge said" in told
    assert re.search(r"rmse +version 1: +53\.8000 +version 2: +48\.6000", told)
    assert "this is hardly luck: on 105 rows" in told
