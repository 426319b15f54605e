"""A spec with a mistake fails when it is made, with the field, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relearn.errors import SpecError
from relearn.spec.model import (
    Boolean,
    Category,
    DateTime,
    Hyperparameter,
    Id,
    Ingest,
    Metric,
    ModelSpec,
    Monthly,
    Number,
    Retrain,
    Serverless,
    Table,
    Text,
    Threshold,
    Training,
)

KIND = Category("kind", values=("a", "b"))
EVENTS = Table("events", columns=(Id("who"), DateTime("at"), Number("size", optional=True)), time="at")
PEOPLE = Table("people", columns=(Id("who"),), key="who")


def spec(**changes: Any) -> ModelSpec:
    """A valid spec, but for the changes."""
    fields: dict[str, Any] = {
        "name": "flowers",
        "title": "Flowers",
        "columns": (Number("length"), Id("plant")),
        "target": KIND,
        "metric": Metric("f1_macro", minimum=0.9),
    }
    return ModelSpec(**fields | changes)


MISTAKES: list[tuple[str, Callable[[], Any]]] = [
    ("name", lambda: spec(name="Flowers")),
    ("name", lambda: spec(name="")),
    ("name", lambda: spec(name="a" * 21)),
    ("name", lambda: spec(name="a" + "-a" * 10)),
    ("name", lambda: spec(name="a--b")),
    ("name", lambda: spec(name="a-")),
    ("title", lambda: spec(title=" ")),
    ("columns", lambda: spec(columns=())),
    ("columns", lambda: spec(columns=[Number("x")])),
    ("columns", lambda: spec(columns=("x",))),
    ("columns", lambda: spec(columns=(Id("plant"),))),
    ("columns", lambda: spec(columns=(Number("x"), Text("x")))),
    ("columns", lambda: spec(columns=(Number("kind"),))),
    ("columns.name", lambda: spec(columns=(Number("Length"),))),
    ("columns.name", lambda: spec(columns=(Number("a b"),))),
    ("columns.name", lambda: spec(target=Category("Kind", values=("a", "b")))),
    ("target", lambda: spec(target=Boolean("kind"))),
    ("at.parts", lambda: DateTime("at", parts=("century",))),
    ("at.parts", lambda: DateTime("at", parts=("hour", "hour"))),
    ("at.zone", lambda: DateTime("at", zone="Asia/Tokio")),
    ("at.zone", lambda: DateTime("at", zone="")),
    ("at.zone", lambda: DateTime("at", zone="Asia")),
    ("at.zone", lambda: DateTime("at", zone="zone.tab")),
    ("at.zone", lambda: DateTime("at", zone="../zoneinfo/Asia/Tokyo")),
    ("at.zone", lambda: DateTime("at", zone=9)),  # type: ignore[arg-type]
    ("at.parts", lambda: spec(columns=(Number("at_time"), DateTime("at")))),
    ("at.parts", lambda: DateTime("at", parts=["hour"])),  # type: ignore[arg-type]
    ("at.parts", lambda: spec(columns=(Number("at_hour"), DateTime("at", parts=("hour",))))),
    ("tables", lambda: spec(tables=[EVENTS], entity="plant")),
    ("tables", lambda: spec(tables=("events",), entity="plant")),
    ("tables", lambda: spec(tables=(EVENTS, EVENTS), entity="plant")),
    ("entity", lambda: spec(tables=(EVENTS,))),
    ("columns", lambda: spec(tables=(EVENTS,), entity="plant", columns=(Id("plant"), Number("as_of")))),
    ("tables.events.columns", lambda: Table("events", columns=(DateTime("as_of"),))),
    ("tables.name", lambda: Table("Events", columns=(Id("who"),))),
    ("tables.name", lambda: Table("main", columns=(Id("who"),))),
    ("tables.events.columns", lambda: Table("events", columns=())),
    ("tables.events.columns", lambda: Table("events", columns=(Id("who"), Text("who")))),
    ("tables.events.columns.name", lambda: Table("events", columns=(Id("Who"),))),
    ("tables.events.key", lambda: Table("events", columns=(Id("who"),), key="whom")),
    ("tables.events.key", lambda: Table("events", columns=(Id("who", optional=True),), key="who")),
    ("tables.events.time", lambda: Table("events", columns=(Id("who"),), time="who")),
    ("tables.events.time", lambda: Table("events", columns=(DateTime("at", optional=True),), time="at")),
    ("target.optional", lambda: spec(target=Category("kind", values=("a", "b"), optional=True))),
    ("metric.name", lambda: Metric("speed", minimum=1)),
    ("metric.name", lambda: spec(metric=Metric("mae", maximum=1))),
    ("metric.name", lambda: spec(target=Number("price"))),
    ("metric.minimum", lambda: Metric("accuracy")),
    ("metric.minimum", lambda: Metric("accuracy", minimum=float("nan"))),
    ("metric.maximum", lambda: Metric("mae")),
    ("metric.maximum", lambda: Metric("log_loss", minimum=0.5)),
    ("metric.maximum", lambda: Metric("accuracy", minimum=0.5, maximum=1)),
    ("metric.minimum", lambda: Metric("rmse", minimum=1, maximum=2)),
    ("metric.margin", lambda: Metric("accuracy", minimum=0.5, margin=-0.1)),
    ("metric.tolerance", lambda: Metric("accuracy", minimum=0.5, tolerance=-0.1)),
    ("metric.confidence", lambda: Metric("accuracy", minimum=0.5, confidence=1)),
    ("metric.confidence", lambda: Metric("accuracy", minimum=0.5, confidence=0.4)),
    ("metric.contradiction", lambda: Metric("accuracy", minimum=0.5, contradiction="maybe")),  # type: ignore[arg-type]
    ("metric.undecided", lambda: Metric("accuracy", minimum=0.5, undecided="maybe")),  # type: ignore[arg-type]
    ("hosting.memory_mb", lambda: Serverless(memory_mb=1000)),
    ("hosting.max_concurrency", lambda: Serverless(max_concurrency=0)),
    ("hosting.max_concurrency", lambda: Serverless(max_concurrency=201)),
    ("retrain.debounce_seconds", lambda: Retrain(debounce_seconds=-1)),
    ("retrain.approval", lambda: Retrain(approval="maybe")),  # type: ignore[arg-type]
    ("retrain.approval_hours", lambda: Retrain(approval="manual", approval_hours=0)),
    ("retrain.approval_hours", lambda: Retrain(approval="manual", approval_hours=721)),
    ("retrain.approval_hours", lambda: Retrain(approval="manual", approval_hours=1.5)),  # type: ignore[arg-type]
    ("ingest.max_bad_row_rate", lambda: Ingest(max_bad_row_rate=1.1)),
    ("ingest.max_bytes", lambda: Ingest(max_bytes=0)),
    ("ingest.max_bytes", lambda: Ingest(max_bytes=900_000_001)),
    ("ingest.min_rows", lambda: Ingest(min_rows=0)),
    ("training.instance", lambda: Training(instance="m5.large")),
    ("training.volume_gb", lambda: Training(volume_gb=0)),
    ("training.max_runtime_seconds", lambda: Training(max_runtime_seconds=59)),
    ("training.holdout", lambda: Training(holdout=0.6)),
    ("training.blame_fits", lambda: Training(blame_fits=65)),
    ("training.check_labels", lambda: Training(check_labels=1)),  # type: ignore[arg-type]
    ("training.cross_validate", lambda: Training(cross_validate="always")),  # type: ignore[arg-type]
    ("training.evaluate", lambda: Training(evaluate="oldest")),  # type: ignore[arg-type]
    ("training.evaluate", lambda: spec(training=Training(evaluate="latest", days=30))),
    ("training.days", lambda: Training(days=30)),
    ("training.days", lambda: Training(evaluate="latest")),
    ("training.days", lambda: Training(evaluate="latest", days=0)),
    ("training.keep_days", lambda: Training(keep_days=0)),
    ("training.keep_days", lambda: Training(keep_days=1.5)),  # type: ignore[arg-type]
    ("training.keep_days", lambda: Training(evaluate="latest", days=30, keep_days=30)),
    ("training.keep_days", lambda: spec(tables=(PEOPLE,), entity="plant", training=Training(keep_days=30))),
    (
        "training.keep_days",
        lambda: spec(
            tables=(EVENTS,),
            entity="plant",
            moments=Monthly(table="events", history_days=90, label_days=30),
            training=Training(keep_days=150),
        ),
    ),
    ("training.half_life_days", lambda: Training(half_life_days=0)),
    ("training.half_life_days", lambda: Training(half_life_days=36_501)),
    ("training.half_life_days", lambda: Training(half_life_days=True)),
    ("training.half_life_days", lambda: spec(training=Training(half_life_days=30))),
    ("training.time", lambda: spec(training=Training(time="length"))),
    ("training.time", lambda: spec(training=Training(time="nothing"))),
    ("threshold.metric", lambda: Threshold("roc_auc")),
    ("threshold", lambda: spec(target=Category("kind", values=("a", "b", "c")), threshold=Threshold("mcc"))),
    ("threshold", lambda: spec(target=Number("price"), threshold=Threshold("mcc"))),
    ("threshold", lambda: spec(threshold="mcc")),
    ("slices", lambda: spec(slices=("length",))),
    ("slices", lambda: spec(slices=("kind",))),
    ("slices", lambda: spec(slices="length")),
    ("entity", lambda: spec(entity="length")),
    ("entity", lambda: spec(entity="nobody")),
    (
        "hyperparameters",
        lambda: spec(hyperparameters=(Hyperparameter("x", default=1, minimum=0, maximum=2),) * 2),
    ),
    ("hyperparameters.name", lambda: Hyperparameter("X", default=1, minimum=0, maximum=2)),
    ("hyperparameters.name", lambda: Hyperparameter("run_id", default=1, minimum=0, maximum=2)),
    ("hyperparameters.name", lambda: Hyperparameter("sagemaker_x", default=1, minimum=0, maximum=2)),
    ("hyperparameters.depth.default", lambda: Hyperparameter("depth", default=3, minimum=0, maximum=2)),
    (
        "hyperparameters.rate.minimum",
        lambda: Hyperparameter("rate", default=1, minimum=0, maximum=2, scale="log"),
    ),
    ("x.minimum", lambda: Number("x", minimum=2, maximum=1)),
    ("x.minimum", lambda: Number("x", minimum=float("inf"))),
    ("x.values", lambda: Category("x", values=("a",))),
    ("x.values", lambda: Category("x", values=("a", "a"))),
    ("x.values", lambda: Category("x", values=("a", " b"))),
    ("x.values", lambda: Category("x", values=["a", "b"])),  # type: ignore[arg-type]
    ("x.max_length", lambda: Text("x", max_length=0)),
]


@pytest.mark.parametrize(("field", "make"), MISTAKES)
def test_a_mistake_names_the_field_the_value_and_what_is_allowed(field: str, make: Callable[[], Any]) -> None:
    with pytest.raises(SpecError) as caught:
        make()
    assert caught.value.field == field
    assert str(caught.value) == (
        f"spec field {field!r}: got {caught.value.value!r}; allowed: {caught.value.allowed}"
    )
    assert caught.value.allowed


def test_a_category_target_makes_a_classifier_and_a_number_target_a_regression() -> None:
    assert (spec().kind, spec().classes) == ("classification", ("a", "b"))
    regression = spec(target=Number("price"), metric=Metric("r2", minimum=0.1))
    assert (regression.kind, regression.classes) == ("regression", ())


def test_ids_are_never_features() -> None:
    assert [column.name for column in spec().features] == ["length"]


@pytest.mark.parametrize(
    ("name", "lower"), [("mae", True), ("rmse", True), ("log_loss", True), ("r2", False), ("mcc", False)]
)
def test_errors_are_better_when_lower(name: str, lower: bool) -> None:  # noqa: FBT001
    metric = Metric(name, maximum=1.0) if lower else Metric(name, minimum=1.0)
    assert metric.lower_is_better is lower


def test_a_loss_that_does_not_matter_is_a_point_or_a_share_of_an_error() -> None:
    assert Metric("accuracy", minimum=0.5).tolerated(0.9) == 0.01
    assert Metric("accuracy", minimum=0.5, tolerance=0.03).tolerated(0.9) == 0.03
    assert Metric("mae", maximum=10).tolerated(5.0) == 0.1
    assert Metric("mae", maximum=10, tolerance=0.1).tolerated(5.0) == 0.5


def test_a_spec_without_tables_has_one_raw_table_of_its_columns_and_its_target() -> None:
    plain = spec()
    assert plain.table_names == ("main",)
    assert plain.raw_columns("main") == (*plain.columns, KIND)


def test_the_files_of_a_declared_table_hold_its_columns() -> None:
    several = spec(tables=(PEOPLE, EVENTS), entity="plant")
    assert several.table_names == ("people", "events")
    assert several.raw_columns("events") == EVENTS.columns


@pytest.mark.parametrize(("tables", "name"), [((), "events"), ((PEOPLE, EVENTS), "main")])
def test_a_table_that_the_model_does_not_have_is_refused(tables: tuple[Table, ...], name: str) -> None:
    with pytest.raises(SpecError, match=f"{name}.*one of"):
        spec(tables=tables, entity="plant").raw_columns(name)


def test_uploads_of_tables_with_a_time_are_kept_for_so_many_days_and_others_for_ever() -> None:
    training = Training(keep_days=400)
    assert spec(training=training).kept_days == {"main": 400}
    assert spec(tables=(EVENTS, PEOPLE), entity="plant", training=training).kept_days == {"events": 400}
    assert spec().kept_days == {}
