from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from relearn.errors import ArtifactError, ConfigError
from relearn.spec.model import Category, DateTime, Id, Metric, ModelSpec, Number
from relearn.spec.model import Table as DataTable
from scoring import artifact
from scoring.encode import Array
from scoring.scorer import Scores
from tests.support.ranking_kit import SPEC as RANKING
from tests.support.training_kit import NUMBERS, numbers_archive, numbers_table
from training.data import views
from training.data.dataset import Table
from training.data.learnt import Learner, Learnt
from training.fitting.ranking.evaluation_set import ranking_of
from training.job import champion

HOLDOUT = numbers_table(200, seed=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make the archive of a champion trained for `NUMBERS`."""
    return numbers_archive(tmp_path)


def candidate(rows: Table = HOLDOUT, *, wrong: int = 0) -> Scores:
    """Answers that are right but for the first rows."""
    labels = rows.target.copy()
    labels[:wrong] = np.where(labels[:wrong] == "yes", "no", "yes")
    return Scores(labels, None)


def measure(spec: ModelSpec, path: Path, version: int | None, rows: Table, mine: Scores) -> champion.Rival:
    found = champion.read(path, version)
    if found is None:
        return champion.measure(spec, found, version, rows, mine)
    everything = np.ones(len(rows), bool)
    learner = Learner(found.spec, Learnt())
    view = views.of(spec, learner, 0, dict(rows.columns), everything, rows.columns)
    return champion.measure(spec, found, version, rows, mine, classes=spec.classes, view=view)


def incompatible(spec: ModelSpec, path: Path, holdout: Table) -> str:
    found = measure(spec, path, 3, holdout, candidate())
    assert found.measured is None
    assert found.incompatible is not None
    assert found.incompatible["version"] == 3
    return str(found.incompatible["reason"])


def test_there_is_none_before_the_first_model(tmp_path: Path) -> None:
    found = measure(NUMBERS, tmp_path / "model.tar.gz", None, HOLDOUT, candidate())
    assert (found.measured, found.incompatible) == (None, None)
    assert found.words("accuracy") == "none yet"


def test_it_is_measured_on_the_rows_of_the_candidate(path: Path) -> None:
    found = measure(NUMBERS, path, 3, HOLDOUT, candidate()).measured
    assert found is not None
    assert found["version"] == 3
    assert sum(map(sum, found["confusion"]["matrix"])) == len(HOLDOUT)
    assert 0.5 < found["metrics"]["accuracy"] < 1


def test_it_is_told_at_how_many_rows_the_candidate_is_better_and_worse(path: Path) -> None:
    found = measure(NUMBERS, path, 3, HOLDOUT, candidate(wrong=5)).measured
    assert found is not None
    matrix = found["confusion"]["matrix"]
    mistakes = len(HOLDOUT) - sum(row[at] for at, row in enumerate(matrix))
    assert found["duel"]["better"] - found["duel"]["worse"] == mistakes - 5
    assert 0 < found["duel"]["worse"] <= 5


def test_one_that_is_what_was_judged_is_taken(path: Path) -> None:
    champion.require(path, 3, hashlib.sha256(path.read_bytes()).hexdigest())
    champion.require(path, 3, "")  # of before digests were kept
    champion.require(path.with_name("none"), None, "")


def test_one_whose_description_was_changed_with_all_its_parts_in_agreement_is_not_compared_with(
    path: Path,
) -> None:
    judged = hashlib.sha256(path.read_bytes()).hexdigest()
    model = path.parent / "model"
    meta = json.loads((model / artifact.META).read_text(encoding="utf-8"))
    meta["inputs"][0]["columns"].reverse()
    artifact.write(model, (model / artifact.ONNX).read_bytes(), meta)
    with tarfile.open(path, "w:gz") as tar:
        tar.add(model, arcname=".")
    assert artifact.read_tar(path).spec == NUMBERS
    with pytest.raises(ArtifactError, match="the champion, version 3, was changed since it was judged"):
        champion.require(path, 3, judged)


def test_a_column_added_since_does_not_matter_to_it(path: Path) -> None:
    spec = replace(NUMBERS, columns=(Number("new", optional=True), *NUMBERS.columns))
    rows = Table({"new": np.ones(len(HOLDOUT), np.float32), **HOLDOUT.columns}, HOLDOUT.target)
    assert (
        measure(spec, path, 3, rows, candidate()).measured
        == measure(NUMBERS, path, 3, HOLDOUT, candidate()).measured
    )


def test_it_can_not_be_compared_when_a_column_it_takes_is_gone(path: Path) -> None:
    spec = replace(NUMBERS, columns=NUMBERS.columns[:2])
    assert incompatible(spec, path, HOLDOUT) == "it needs c, which the spec no longer has"


def test_it_can_not_be_compared_when_it_knows_one_of_the_classes(path: Path) -> None:
    spec = replace(NUMBERS, target=Category("outcome", values=("no", "maybe")))
    told = "it knows the classes no, yes, and can answer 0 rows held out"
    assert incompatible(spec, path, HOLDOUT) == told


def test_it_can_not_be_compared_when_something_else_is_predicted(path: Path) -> None:
    spec = replace(NUMBERS, target=Number("y"), metric=Metric("rmse", maximum=1.0))
    assert incompatible(spec, path, HOLDOUT) == "it predicts outcome (classification) of numbers"


def test_a_recommender_can_not_be_compared_when_lists_have_another_length() -> None:
    shorter = replace(RANKING, target=replace(ranking_of(RANKING), k=2))
    assert champion.unfit(RANKING, RANKING) is None
    assert champion.unfit(shorter, RANKING) == "it recommends 2 items, where 3 are asked for"


def test_a_recommender_answers_without_an_item_that_requests_no_longer_name() -> None:
    target = replace(ranking_of(RANKING), similar_to=None)
    given = asked(RANKING, replace(RANKING, target=target, columns=RANKING.columns[:1]))
    assert {name: list(values) for name, values in given.items()} == {"guest": ["ann"], "like": [""]}


def test_a_recommender_can_not_be_compared_when_visitors_have_another_name() -> None:
    tables = (DataTable("seen", columns=(Id("who"), Id("film"), DateTime("at")), time="at"),)
    columns = (Id("who", optional=True), *RANKING.columns[1:])
    with pytest.raises(champion.CannotAnswerError, match="it knows visitors by guest, and they are who now"):
        asked(RANKING, replace(RANKING, columns=columns, entity="who", tables=tables))


def asked(old: ModelSpec, new: ModelSpec) -> Mapping[str, Array]:
    """Return what a recommender is asked about one visitor of another spec."""
    found = Mock(classes=())
    found.spec = old
    visitors = {column.name: np.array(["ann"], dtype=object) for column in new.columns}
    champion._asked(found, new, Mock(columns=visitors))
    (given,) = found.scorer().columns.call_args.args
    return dict(given)


def test_one_that_was_tampered_with_fails_the_job(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for each in sorted((path.parent / "model").iterdir()):
            content = each.read_bytes() + (b"\0" if each.name == artifact.ONNX else b"")
            info = tarfile.TarInfo(each.name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    with pytest.raises(ArtifactError, match="SHA-256"):
        measure(NUMBERS, path, 3, HOLDOUT, candidate())


def test_a_version_without_an_artifact_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="channel absent"):
        measure(NUMBERS, tmp_path / "model.tar.gz", 3, HOLDOUT, candidate())


def test_an_artifact_without_a_version_is_a_mistake(path: Path) -> None:
    with pytest.raises(ConfigError, match="channel present"):
        measure(NUMBERS, path, None, HOLDOUT, candidate())
