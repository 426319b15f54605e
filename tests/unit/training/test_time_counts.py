"""Jobs on real rows with a time: what a spec says of time is done, and the report says it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambdas.runs import job_report, judgement
from relearn.lifecycle.blame import Blame
from relearn.spec.model import ModelSpec, Training
from scoring import artifact
from scoring.container import Container
from tests.support import weather
from tests.support.training_kit import packed
from training.data.learnt import Learnt
from training.job import train

DAYS = weather.rows()
WEIGHED = Training(time="at", half_life_days=365, check_labels=False)
TIMED = replace(weather.SPEC, training=WEIGHED)
LATEST = replace(TIMED, training=replace(WEIGHED, evaluate="latest", days=30))
NEIGHBOURS = """
from sklearn.neighbors import KNeighborsRegressor as build
"""


def run(monkeypatch: pytest.MonkeyPatch, base: Path, spec: ModelSpec, *shards: Any, **told: str) -> Container:
    base.mkdir(exist_ok=True)
    weather.install(monkeypatch, base, spec)
    box = weather.job(base, shards, **told)
    assert train.main(box) == 0
    return box


def report_of(box: Container) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((box.output / "report.json").read_text(encoding="utf-8"))
    return found


def test_the_report_has_the_metric_by_month_of_every_row_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = run(monkeypatch, tmp_path, TIMED, DAYS)
    report = report_of(box)
    months = report["time"]["months"]
    assert [one["month"] for one in months] == sorted({str(day["at"])[:7] for day in DAYS})
    assert sum(one["rows"] for one in months) == report["rows"]["holdout"]
    mean = sum(one["rows"] * one["candidate"] for one in months) / report["rows"]["holdout"]
    assert mean == pytest.approx(report["candidate"]["metrics"]["mae"])
    page = (box.output / "report.html").read_text(encoding="utf-8")
    assert "In a fit a row counts half as much as one that is 365 days younger." in page
    assert "mae on the rows held out, by month" in page


def test_versions_are_examined_on_the_newest_days_and_the_report_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = DAYS[:1200], DAYS[1200:]
    random = run(monkeypatch, tmp_path / "random", TIMED, older)
    box = weather.job(tmp_path / "latest", [older, newer], champion_version="1")
    packed(random.model, box.champion)
    weather.install(monkeypatch, tmp_path, LATEST)
    assert train.main(box) == 0
    report = report_of(box)
    latest = report["time"]["latest"]
    assert (latest["from"], latest["to"]) == ("2015-12-01T00:00:00Z", "2015-12-31T00:00:00Z")
    assert (latest["rows"], latest["examined"], report["rows"]["holdout"]) == (30, 30, 30)
    assert report["rows"]["train"] + latest["aside"] + 30 == len(DAYS)
    assert [(one["month"], one["rows"]) for one in report["time"]["months"]] == [("2015-12", 30)]
    assert report["time"]["months"][0]["champion"] == pytest.approx(report["champion"]["metrics"]["mae"])
    page = (box.output / "report.html").read_text(encoding="utf-8")
    assert (
        "Examined: the newest 30 days: after 2015-12-01T00:00:00Z, up to 2015-12-31T00:00:00Z; 30 of 30 rows"
        in page
    )


@pytest.mark.parametrize(("since", "asks"), [(1_345, True), (1_415, False)])
def test_a_person_is_asked_where_the_window_has_moved_on_by_more_than_half_since_the_champion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, since: int, asks: bool
) -> None:
    champion = run(monkeypatch, tmp_path / "champion", LATEST, DAYS[:since])
    box = weather.job(tmp_path / "candidate", [DAYS[:since], DAYS[since:1_430]], champion_version="1")
    packed(champion.model, box.champion)
    weather.install(monkeypatch, tmp_path, LATEST)
    assert train.main(box) == 0
    said = judgement.decide(job_report.parse_report((box.output / "report.json").read_bytes(), {}, 1), LATEST)
    assert (said.verdict, said.asks) == ("promote", asks)
    assert ("that the champion was examined on none is left" in said.reason) is asks


def test_the_report_says_how_many_uploads_are_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(TIMED, training=replace(TIMED.training, keep_days=365))
    box = run(monkeypatch, tmp_path, spec, DAYS[1000:], left_out="3")
    assert report_of(box)["left_out"] == {"uploads": 3, "keep_days": 365}
    page = (box.output / "report.html").read_text(encoding="utf-8")
    assert "3 uploads, older than the 365 days that the spec keeps; the run names them" in page


def test_a_refit_learns_the_newest_rows_too_and_its_twin_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(LATEST, training=replace(LATEST.training, refit=True))
    box = run(monkeypatch, tmp_path, spec, DAYS)
    assert report_of(box)["twin"] is not None
    learnt = Learnt.from_bytes((box.model / artifact.LEARNT).read_bytes())
    assert len(learnt.rows) == report_of(box)["rows"]["train"]
    assert len(learnt.examined) == 30


def test_a_loss_that_no_new_upload_made_fails_none_where_older_rows_are_new_to_the_candidate_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [{**day, "temp_max": 40 - float(day["temp_max"])} for day in DAYS[700:1420]]
    champion = run(monkeypatch, tmp_path / "champion", LATEST, DAYS[:700])
    box = weather.job(
        tmp_path / "candidate", [DAYS[:700], wrong, DAYS[1420:]], champion_version="1", on_trial=f"{2:032}"
    )
    packed(champion.model, box.champion)
    weather.install(monkeypatch, tmp_path, LATEST)
    assert train.main(box) == 0
    blame = Blame.from_report(report_of(box)["blame"])
    assert blame is not None
    assert blame.clears
    assert not blame.blamed


def test_a_job_whose_estimator_takes_no_weights_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather.install(monkeypatch, tmp_path, TIMED, NEIGHBOURS)
    box = weather.job(tmp_path, [DAYS[:200]])
    assert train.main(box) == 1
    said = (box.root / "output/failure").read_text(encoding="utf-8")
    assert said.startswith("the estimator of weather, KNeighborsRegressor, takes no sample_weight")
