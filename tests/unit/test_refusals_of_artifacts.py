"""Refusals that nothing of ours causes any more, each with what would: artifacts and reports of another hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lambdas import report
from relearn import snapshots
from relearn.errors import ArtifactError, DataError
from relearn.tables import MAIN
from relearn.uploads import Upload, UploadState
from tests.unit.test_relearn_ranking import SONGS
from tests.unit.training_kit import NUMBERS, numbers_table
from training import artifact, encode, scorer
from training.fit import Code, fit


def upload(number: int) -> Upload:
    return Upload(
        upload_id=f"u{number}", model="iris", table=MAIN, key=f"incoming/iris/{number}.csv", version_id="v",
        sequencer="", size_bytes=1, received_at="2026-05-04T10:00:00.000+00:00", state=UploadState.ACCEPTED,
    )  # fmt: skip


def test_a_snapshot_of_more_uploads_than_a_run_can_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MAX_SHARDS", 2)
    with pytest.raises(DataError, match="3 uploads; allowed: 2; upload fewer, larger files") as raised:
        snapshots.select([upload(number) for number in range(3)], (MAIN,))
    assert raised.value.code == "too_many_uploads"


def test_a_zone_that_no_rules_know_is_refused_by_the_server() -> None:
    with pytest.raises(ArtifactError, match="no time zone 'Mars/Base'; allowed: the IANA name"):
        encode._offsets("Mars/Base", np.zeros(1, dtype=np.int64))


@pytest.mark.parametrize("told", ["0", "-1", "many", "9" * 9, "\u0661"])
def test_a_graph_that_takes_no_number_of_rows_at_once_is_refused(told: str) -> None:
    with pytest.raises(ArtifactError, match=r"in the model's metadata is .*; allowed: 1 to"):
        scorer._rows_at_once({scorer.ROWS_AT_ONCE: told})


def test_an_archive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"none\.tar\.gz can not be read: "):
        artifact.read_tar(tmp_path / "none.tar.gz")


def test_a_file_of_an_artifact_that_is_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifact, "MAX_BYTES", 3)
    (tmp_path / artifact.ONNX).write_bytes(b"1234")
    with pytest.raises(ArtifactError, match=f"{artifact.ONNX} has 4 bytes; allowed: 3"):
        artifact.read(tmp_path)


class Silent:
    """An estimator that names no probabilities."""

    classes_: tuple[str, ...] = ("no", "yes")

    def fit(self, *_: Any) -> Silent:
        return self

    def set_params(self, **_: Any) -> Silent:
        return self


class Narrow(Silent):
    """An estimator that knows one class."""

    classes_ = ("no",)

    def predict_proba(self, _: Any) -> None: ...


@pytest.mark.parametrize(
    ("build", "words"),
    [(Silent, "has no predict_proba; answers name probabilities"), (Narrow, r"knows \['no'\]")],
)
def test_an_estimator_that_can_not_answer_for_every_class_is_refused(
    build: Callable[..., Any], words: str
) -> None:
    with pytest.raises(ArtifactError, match=words):
        fit(NUMBERS, Code(build, None, None), {}, numbers_table(20))


@pytest.mark.parametrize("told", [{"metrics": 1}, {"metric": []}])
def test_what_a_report_says_of_the_simplest_method_is_as_agreed(told: Any) -> None:
    with pytest.raises(DataError, match="what the report says of the simplest method is not as agreed"):
        report.naive(told, NUMBERS)


def test_a_report_on_a_ranking_compares_it_with_what_is_popular() -> None:
    with pytest.raises(DataError, match="does not compare the candidate with what is popular"):
        report.naive(None, SONGS)
