"""What every model folder must do, those there are and those to come."""

from __future__ import annotations

import http.client
import inspect
import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from preparation import Outcome
from relearn.api.request_schema import check_request
from relearn.lifecycle.power import Power
from relearn.lifecycle.promotion import Naive, decide
from relearn.spec import codec
from relearn.spec.model import ModelSpec
from scoring import artifact
from scoring.encode import from_values, seen, source
from scoring.reading import Reader
from tests.models.conftest import MODELS, VERSION, Trained
from tests.models.rankings import Library
from training import catalog
from training.data import dataset
from training.fitting import choice
from training.fitting.fit import Code, fit, frame
from training.job import probes, snapshot


def test_there_are_models() -> None:
    assert list(catalog.load()) == MODELS


def test_the_spec_survives_being_stored_as_json(spec: ModelSpec) -> None:
    assert codec.from_dict(json.loads(json.dumps(codec.to_dict(spec)))) == spec


def test_the_readme_is_about_the_model(spec: ModelSpec) -> None:
    assert (
        (catalog.folder(spec.name) / "README.md").read_text(encoding="utf-8").startswith(f"# {spec.name}\n")
    )


def test_the_sample_is_a_valid_request(spec: ModelSpec) -> None:
    assert check_request(spec, {"instances": catalog.sample(spec.name)})


def test_the_whole_seed_is_accepted(spec: ModelSpec, prepared: dict[str, Outcome]) -> None:
    assert tuple(prepared) == spec.table_names
    for one in prepared.values():
        assert (one.refusal, one.rows_rejected) == (None, 0)
        assert one.rows_accepted > 0


def test_build_takes_the_declared_hyperparameters_and_gives_a_new_estimator(spec: ModelSpec) -> None:
    build = Code.of(catalog.folder(spec.name)).build
    declared = {parameter.name: parameter.default for parameter in spec.hyperparameters}
    assert set(inspect.signature(build).parameters) == set(declared)
    assert build(**declared) is not build(**declared)


def test_no_feature_sees_the_future(spec: ModelSpec) -> None:
    features = Code.of(catalog.folder(spec.name)).features
    assert (features is not None) == bool(spec.tables)
    if features is not None:
        from training.features.proof import assert_point_in_time  # noqa: PLC0415 - Ibis, for who uses it
        from training.features.testing import rows_of  # noqa: PLC0415

        seeds = {table: rows_of(seed) for table, seed in catalog.seeds(spec).items()}
        assert_point_in_time(spec, features, seeds)


def test_a_model_trained_on_its_seed_meets_the_bound(spec: ModelSpec, trained: Trained) -> None:
    report = trained.report
    naive = Naive.from_report(report["naive"], spec.metric.name)
    assert decide(report["candidate"]["metrics"], None, spec.metric, naive).verdict == "promote"


def test_the_rows_held_out_of_the_seed_show_a_difference_of_some_size(
    spec: ModelSpec, trained: Trained, record_property: Callable[[str, object], None]
) -> None:
    power = Power.from_dict(trained.report["power"])
    assert power is not None
    assert 0 < power.smallest < math.inf
    record_property(
        "told", f"{spec.name}: smallest difference in {spec.metric.name} that shows: {power.words}"
    )


def test_the_log_tells_the_deciding_metric(spec: ModelSpec, trained: Trained) -> None:
    found = re.search(rf"^metric {spec.metric.name}=([0-9.eE+-]+)$", trained.log, flags=re.MULTILINE)
    assert found is not None
    assert float(found[1]) == pytest.approx(trained.meta["metrics"][spec.metric.name], rel=1e-5)


def test_the_artifact_is_three_files_that_belong_together(spec: ModelSpec, trained: Trained) -> None:
    folder = trained.base / "model"
    assert sorted(path.name for path in folder.iterdir()) == ["learnt.json", "model.json", "model.onnx"]
    checked = artifact.load(folder)
    assert checked.spec == spec
    assert checked.meta["spec_digest"] == codec.digest(spec)
    assert checked.meta["onnx_sha256"] == artifact.sha256(trained.onnx)


def test_the_artifact_is_a_graph_and_no_pickle(trained: Trained) -> None:
    onnx.checker.check_model(onnx.load_model_from_string(trained.onnx))
    for path in (trained.base / "model").iterdir():
        assert not path.read_bytes().startswith(b"\x80"), f"{path.name} starts as a pickle does"


def test_the_artifact_describes_every_column_it_was_trained_on(spec: ModelSpec, trained: Trained) -> None:
    described = trained.meta["baseline"]
    assert set(described) == {column.name for column in (*dataset.learnt(spec), spec.target)}
    assert {column["rows"] for column in described.values()} == {trained.meta["dataset"]["rows"]["train"]}


def test_everything_that_a_model_takes_is_an_input_of_the_graph(spec: ModelSpec, trained: Trained) -> None:
    fed = [name for given in trained.meta["inputs"] for name in given["columns"]]
    assert sorted(fed) == sorted(column.name for column in seen(spec.inputs))


def test_onnx_answers_the_holdout_as_the_estimator_does(spec: ModelSpec, trained: Trained) -> None:
    data = data_of(spec, trained)
    evaluation_set = choice.of(spec).make_evaluation_set(spec, data)
    scores = artifact.load(trained.base / "model").scorer().columns(evaluation_set.columns)
    if spec.kind == "ranking":
        library = Library(spec, trained.meta["hyperparameters"], data.train)
        for at, visitor in enumerate(evaluation_set.columns[spec.entity]):
            basis, wanted_items = library.answer({str(spec.entity): visitor})
            assert scores.basis is not None
            assert (scores.basis[at], list(scores.predictions[at])) == (
                basis,
                [item for item, _ in wanted_items],
            )
        return
    estimator, rows = refitted(spec, trained), frame(evaluation_set.columns)
    if spec.kind == "classification":
        assert list(scores.predictions) == list(estimator.predict(rows))
        assert scores.probabilities is not None
        assert np.abs(scores.probabilities - estimator.predict_proba(rows)).max() <= 1e-5
    else:
        wanted = estimator.predict(rows)
        assert np.abs(scores.predictions - wanted).max() <= 1e-5 * data.train.target.std()


def test_the_report_keeps_its_contract(spec: ModelSpec, trained: Trained) -> None:
    report = trained.report
    assert report["format"] == 1
    assert (report["model"], report["kind"], report["metric"]) == (spec.name, spec.kind, spec.metric.name)
    assert report["run_id"] == "20260102t030405-abcdef"
    assert report["snapshot"] == "0" * 64
    for key in ("spec_digest", "onnx_sha256", "libraries"):
        assert report[key] == trained.meta[key]
    assert tuple(report["tables"]) == spec.table_names
    assert (report["features"] is not None) == bool(spec.tables)
    assert report["champion"] is None
    assert report["champion_incompatible"] is None
    assert report["agreement"]["labels_identical"] is True
    asked = report["candidate"].get("visitors", report["rows"]["holdout"])
    assert report["agreement"]["rows"] >= asked > 0
    assert (report["naive"] is not None) == (spec.kind == "ranking")
    assert report["candidate"]["metrics"] == trained.meta["metrics"]
    assert set(report["candidate"]["importance"]) == {column.name for column in seen(spec.features)}


def test_a_version_takes_every_probe_that_the_job_leaves(spec: ModelSpec, trained: Trained) -> None:
    lines = (trained.base / "output" / "data" / probes.FILE).read_bytes()
    count = lines.count(b"\n")
    assert 1 <= count <= probes.ROWS
    assert len(Reader(spec).read_lines(lines)) == count


def test_the_report_says_what_the_target_looked_like(spec: ModelSpec, trained: Trained) -> None:
    assert trained.report["baseline"] == trained.meta["baseline"][spec.target.name]


def test_the_report_of_a_classifier_accounts_for_every_row_held_out(
    spec: ModelSpec, trained: Trained
) -> None:
    if spec.kind != "classification":
        assert "confusion" not in trained.report["candidate"]
        return
    candidate, rows = trained.report["candidate"], trained.report["rows"]["holdout"]
    assert candidate["confusion"]["labels"] == list(spec.classes)
    assert sum(map(sum, candidate["confusion"]["matrix"])) == rows
    assert sum(values["support"] for values in candidate["per_class"].values()) == rows


def test_the_page_stands_alone(trained: Trained) -> None:
    assert trained.page.startswith("<!doctype html>")
    for reference in ("http://", "https://", "<script", "src=", "url(", "@import", "<link"):
        assert reference not in trained.page


def test_training_twice_gives_the_same_bytes_and_the_same_metrics(
    trained: Trained, trained_again: Trained
) -> None:
    assert trained.onnx == trained_again.onnx
    assert trained.report["candidate"] == trained_again.report["candidate"]


def test_the_server_answers_the_sample_as_the_estimator_does(
    spec: ModelSpec, trained: Trained, server: int
) -> None:
    sample = catalog.sample(spec.name)
    answer = ask(server, {"instances": sample})
    assert (answer["model"], answer["version"]) == (spec.name, VERSION)
    if spec.kind == "ranking":
        library = Library(spec, trained.meta["hyperparameters"], data_of(spec, trained).train)
        for row, one in zip(sample, answer["predictions"], strict=True):
            basis, wanted_items = library.answer(row)
            assert (one["basis"], [each["item"] for each in one["items"]]) == (
                basis,
                [n for n, _ in wanted_items],
            )
            given_scores = [each["score"] for each in one["items"]]
            assert given_scores == pytest.approx([score for _, score in wanted_items], rel=1e-5)
        return
    estimator = refitted(spec, trained)
    rows = frame(
        {
            column.name: from_values([column])([[row.get(source(column))] for row in sample])[:, 0]
            for column in seen(spec.features)
        }
    )
    if spec.kind == "classification":
        assert [one["label"] for one in answer["predictions"]] == list(estimator.predict(rows))
        for one, wanted in zip(answer["predictions"], estimator.predict_proba(rows), strict=True):
            assert list(one["probabilities"]) == list(spec.classes)
            by_class = dict(zip(estimator.classes_, wanted, strict=True))
            assert one["probabilities"] == pytest.approx(by_class, abs=1e-5)
    else:
        wanted_values = list(estimator.predict(rows))
        assert [one["value"] for one in answer["predictions"]] == pytest.approx(wanted_values, rel=1e-5)


def data_of(spec: ModelSpec, trained: Trained) -> dataset.Dataset:
    return snapshot.load(spec, trained.base / "input" / "data" / "train")


def refitted(spec: ModelSpec, trained: Trained) -> Any:
    """Fit the estimator again on the same rows: what the job held in its hands."""
    code = Code.of(catalog.folder(spec.name))
    return fit(spec, code, trained.meta["hyperparameters"], data_of(spec, trained).train)


def ask(server: int, body: dict[str, Any]) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=120)
    connection.request("POST", "/invocations", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200
    given: dict[str, Any] = json.load(answer)
    connection.close()
    return given
