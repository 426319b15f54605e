"""A comparison of few held-out rows is also of training rows that the champion has not learnt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.lifecycle.comparison import Comparison
from relearn.spec.model import ModelSpec, Threshold
from scoring.artifact import Artifact
from scoring.container import Container
from scoring.encode import Array
from tests.support.training_kit import IRIS_SEED, iris_rows, job, packed
from training import catalog
from training.data.dataset import Table
from training.fitting.tasks import Answers
from training.job import cross_validation, train
from training.job.small_fits import SmallFits
from training.models.iris import collect as iris


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Container:
    box = job(tmp_path_factory.mktemp("first"), iris_rows())
    assert train.main(box) == 0
    return box


def second(folder: Path, first: Container) -> Container:
    box = job(folder, iris_rows(IRIS_SEED, iris.MORE), champion_version="1")
    packed(first.model, box.champion)
    return box


def compared(box: Container) -> Comparison:
    assert train.main(box) == 0
    found = Comparison.from_report(report(box)["champion"])
    assert found is not None
    return found


def report(box: Container) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads((box.output / "report.json").read_bytes()))


def changed(monkeypatch: pytest.MonkeyPatch, **training: Any) -> None:
    spec = catalog.get("iris")
    monkeypatch.setattr(catalog, "get", lambda _: replace(spec, training=replace(spec.training, **training)))


def test_rows_that_came_since_the_champion_was_trained_are_compared_beside_those_held_out(
    tmp_path: Path, first: Container
) -> None:
    box = second(tmp_path, first)
    found = compared(box)
    before, now = report(first)["rows"], report(box)["rows"]
    assert found.crossed == now["train"] - before["train"]
    assert found.rows == now["holdout"] + found.crossed


def test_what_was_held_out_before_is_compared_by_itself_as_ever(tmp_path: Path, first: Container) -> None:
    found = compared(second(tmp_path, first))
    assert found.known is not None
    assert (found.known.rows, found.known.crossed) == (report(first)["rows"]["holdout"], None)


def test_more_rows_show_smaller_differences(
    tmp_path: Path, first: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = compared(second(tmp_path / "with", first))
    changed(monkeypatch, cross_validate="never")
    alone = compared(second(tmp_path / "alone", first))
    assert alone.crossed is None
    assert found.smallest < 0.8 * alone.smallest


def test_the_reason_says_how_many_rows_were_held_out_and_how_many_cross_validated(
    tmp_path: Path, first: Container
) -> None:
    box = second(tmp_path, first)
    found = compared(box)
    held = report(box)["rows"]["holdout"]
    asked = (
        f"{held} rows held out, a difference of {found.difference:+.2g} with {found.crossed} cross-validated"
    )
    assert found.asked == asked
    assert asked in (box.output / "report.html").read_text(encoding="utf-8")


def test_no_row_is_answered_by_a_fit_that_learnt_it_and_each_is_answered_once(
    tmp_path: Path, first: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_of: list[tuple[Array, Table]] = []
    answer = SmallFits.answer

    def watched(self: SmallFits, rows: Array, asked: Table) -> Answers | None:
        asked_of.append((rows, asked))
        return answer(self, rows, asked)

    monkeypatch.setattr(SmallFits, "answer", watched)
    changed(monkeypatch, blame_fits=0, check_labels=False)
    found = compared(second(tmp_path, first))
    assert len(asked_of) == cross_validation.FOLDS
    left = np.sum([~rows for rows, _ in asked_of], axis=0)
    assert [len(asked) for _, asked in asked_of] == [int((~rows).sum()) for rows, _ in asked_of]
    assert (left.max(), left.sum()) == (1, found.crossed)


@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=300))
def test_rows_of_a_unit_are_in_one_fold_and_folds_are_of_equal_size(units: list[int]) -> None:
    given_units = np.array(units, dtype=np.uint64)
    folds = cross_validation.folds_of(given_units)
    by_unit = {unit: set(folds[given_units == unit]) for unit in given_units}
    assert {len(found) for found in by_unit.values()} == {1}
    counts = np.bincount([found.pop() for found in by_unit.values()], minlength=cross_validation.FOLDS)
    assert counts.max() - counts.min() <= 1


def test_many_held_out_rows_decide_alone(
    tmp_path: Path, first: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_validation, "MOST_HELD_OUT", 20)
    assert compared(second(tmp_path, first)).crossed is None


def test_a_run_without_new_rows_compares_those_held_out(tmp_path: Path, first: Container) -> None:
    box = job(tmp_path, iris_rows(), champion_version="1")
    packed(first.model, box.champion)
    assert compared(box).crossed is None


@pytest.mark.parametrize("what", ["fails", "lacks a class", "has no time"])
def test_held_out_rows_decide_alone_where_a_fit_is_not_made(
    tmp_path: Path, first: Container, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    answer = SmallFits.answer

    def failing(self: SmallFits, rows: Array, asked: Table) -> Answers | None:
        found = answer(self, rows, asked)
        return None if found is None or what == "fails" else replace(found, classes=found.classes[:2])

    changed(monkeypatch, blame_fits=0, check_labels=False)
    if what == "has no time":
        monkeypatch.setattr(SmallFits, "in_time", property(lambda _: False))
    else:
        monkeypatch.setattr(SmallFits, "answer", failing)
    assert compared(second(tmp_path, first)).crossed is None


def test_a_threshold_that_the_rows_have_chosen_is_not_judged_by_them() -> None:
    spec = catalog.get("churn")
    with_threshold = replace(spec, threshold=Threshold("f1_macro"))
    assert not applies(with_threshold)
    assert applies(spec)


def applies(spec: ModelSpec) -> bool:
    """Return whether cross-validation applies to a few rows of a spec, all of them new to the champion."""
    rows = Table({}, np.array(["yes", "no"] * 50, dtype=object))
    dataset = SimpleNamespace(
        train=rows, holdout=rows, train_unlearnt=np.ones(100, bool), train_unit=np.arange(100)
    )
    return cross_validation.applies(spec, cast(Any, dataset), cast(Artifact, SimpleNamespace(spec=spec)))
