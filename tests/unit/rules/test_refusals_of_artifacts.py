"""Refusals that nothing of ours causes any more, each with what would: artifacts, features and reports of another hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lambdas.runs import job_report
from relearn.data import snapshots
from relearn.errors import ArtifactError, DataError
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.spec import codec
from relearn.spec.tables import MAIN
from scoring import artifact, encode, scorer, tokens
from scoring.app import App
from scoring.artifact import Artifact
from scoring.scorer import Input, Scorer
from tests.support.ranking_kit import K, small
from tests.support.ranking_kit import of as drawn
from tests.support.training_kit import NUMBERS, REGRESSION, numbers_table
from tests.unit.rules.test_ranking import SONGS
from tests.unit.training.test_features import SPEC as SHOP
from training.features import given
from training.fitting.fit import Code, fit
from training.fitting.ranking import agreement
from training.fitting.ranking.agreement import Pair
from training.job import recorded


def upload(number: int) -> Upload:
    return Upload(
        upload_id=f"u{number}", model="iris", table=MAIN, key=f"incoming/iris/{number}.csv", version_id="v",
        sequencer="", size_bytes=1, received_at="2026-05-04T10:00:00.000+00:00", state=UploadState.ACCEPTED,
    )  # fmt: skip


def test_a_snapshot_of_more_uploads_than_a_run_can_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MAX_SHARDS", 2)
    with pytest.raises(DataError, match="3 uploads; allowed: 2; upload fewer, larger files") as raised:
        snapshots.select([upload(number) for number in range(3)], (MAIN,), datetime(2026, 5, 4, tzinfo=UTC))
    assert raised.value.code == "too_many_uploads"


def test_a_zone_that_no_rules_know_is_refused_by_the_server() -> None:
    with pytest.raises(ArtifactError, match="no time zone 'Mars/Base'; allowed: the IANA name"):
        encode._offsets("Mars/Base", np.zeros(1, dtype=np.int64))


@pytest.mark.parametrize("told", ["0", "-1", "many", "9" * 9, "\u0661"])
def test_a_graph_that_takes_no_number_of_rows_at_once_is_refused(told: str) -> None:
    with pytest.raises(ArtifactError, match=r"in the model's metadata is .*; allowed: 1 to"):
        scorer._rows_at_once({scorer.ROWS_AT_ONCE: told})


def test_an_archive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"none\.tar\.gz cannot be read: "):
        artifact.read_tar(tmp_path / "none.tar.gz")


def test_a_file_of_an_artifact_that_is_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifact, "MAX_BYTES", 3)
    (tmp_path / artifact.ONNX).write_bytes(b"1234")
    with pytest.raises(ArtifactError, match=f"{artifact.ONNX} has 4 bytes; allowed: 3"):
        artifact.load(tmp_path)


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
    [
        (Silent, "has no predict_proba; answers name probabilities"),
        (Narrow, r"the estimator of numbers knows \['no'\]"),
    ],
)
def test_an_estimator_that_can_not_answer_for_every_class_is_refused(
    build: Callable[..., Any], words: str
) -> None:
    with pytest.raises(ArtifactError, match=words):
        fit(NUMBERS, Code(build, None, None), {}, numbers_table(20))


@pytest.mark.parametrize("told", [{"metrics": 1}, {"metric": []}])
def test_what_a_report_says_of_the_simplest_method_is_as_agreed(told: Any) -> None:
    with pytest.raises(DataError, match="what the report says of the simplest method is not as agreed"):
        job_report.naive(told, NUMBERS)


def test_a_report_on_a_ranking_compares_it_with_what_is_popular() -> None:
    with pytest.raises(DataError, match="does not compare the candidate with what is popular"):
        job_report.naive(None, SONGS)


@pytest.mark.parametrize("folder", [given.TRAINING, "elsewhere"])
def test_features_that_spark_did_not_leave_are_refused(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / given.STATISTICS).write_text(json.dumps({"tables": {}, "fingerprints": []}))
    with pytest.raises(DataError, match="Spark left no training features of shop"):
        given.take(SHOP, tmp_path, tmp_path, None)


def test_a_graph_that_knows_other_items_as_popular_is_refused() -> None:
    model = small(films=9)
    turned = replace(model.known, matrix=model.known.matrix[:, ::-1].tocsr())
    assert list(turned.by_popularity()[:K]) != list(model.known.by_popularity()[:K])
    pair = Pair(None, drawn(turned, model.factors).scorer, model.known, "guest", "like", K)
    with pytest.raises(ArtifactError, match="does not answer nobody with what is popular; it is not served"):
        agreement.cover(pair, 256)


def of_pairs() -> Artifact:
    """Make a regression, the sum of a row, that answers two rows and fails at one, which has no second axis then."""
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 3])
    sums = helper.make_tensor_value_info("sums", TensorProto.FLOAT, None)
    second = numpy_helper.from_array(np.array([1], np.int64), "second")
    nodes = [
        helper.make_node("Squeeze", ["rows"], ["squeezed"]),
        helper.make_node("ReduceSum", ["squeezed", "second"], ["sums"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "sums", [rows], [sums], [second])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content = model.SerializeToString()
    meta = {
        "format": artifact.FORMAT, "onnx_sha256": artifact.sha256(content), "spec": codec.to_dict(REGRESSION),
        "spec_digest": codec.digest(REGRESSION), "classes": [],
        "inputs": [Input("rows", "float32", ("a", "b", "c")).as_dict()],
    }  # fmt: skip
    return artifact.make(content, meta)


def test_a_model_that_fails_at_a_row_that_was_held_out_is_refused_without_the_values(tmp_path: Path) -> None:
    made, row = of_pairs(), {"a": 41.5, "b": 42.5, "c": 43.5}
    assert App(made, None).answer(json.dumps({"instances": [row, row]}).encode())["predictions"]
    with pytest.raises(ArtifactError) as raised:
        recorded.write(tmp_path, made, [row, row])
    told = "the model fails at held-out row 1 of the 2 that it is asked, which has a, b, c; the job's log has the traceback"
    assert str(raised.value) == told


def test_a_graph_that_takes_more_than_tokens_is_refused() -> None:
    content = of_pairs().onnx
    inputs = [Input("texts", tokens.TYPE, ("a",)), Input("rows", "float32", ("b", "c"))]
    with pytest.raises(ArtifactError, match="the model takes texts and other inputs; allowed: texts alone"):
        Scorer(content, REGRESSION, inputs)
