"""A spec with a mistake fails when it is made, with the field, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relearn.errors import SpecError
from relearn.spec import (
    Boolean,
    Category,
    Hyperparameter,
    Id,
    Ingest,
    Metric,
    ModelSpec,
    Number,
    Retrain,
    Serverless,
    Text,
    Training,
)

KIND = Category("kind", values=("a", "b"))


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
    ("target.optional", lambda: spec(target=Category("kind", values=("a", "b"), optional=True))),
    ("metric.name", lambda: Metric("speed", minimum=1)),
    ("metric.name", lambda: spec(metric=Metric("mae", maximum=1))),
    ("metric.name", lambda: spec(target=Number("price"))),
    ("metric.minimum", lambda: Metric("accuracy")),
    ("metric.minimum", lambda: Metric("accuracy", minimum=float("nan"))),
    ("metric.maximum", lambda: Metric("mae")),
    ("metric.maximum", lambda: Metric("accuracy", minimum=0.5, maximum=1)),
    ("metric.minimum", lambda: Metric("rmse", minimum=1, maximum=2)),
    ("metric.margin", lambda: Metric("accuracy", minimum=0.5, margin=-0.1)),
    ("hosting.memory_mb", lambda: Serverless(memory_mb=1000)),
    ("hosting.max_concurrency", lambda: Serverless(max_concurrency=0)),
    ("hosting.max_concurrency", lambda: Serverless(max_concurrency=201)),
    ("retrain.debounce_seconds", lambda: Retrain(debounce_seconds=-1)),
    ("retrain.approval", lambda: Retrain(approval="maybe")),  # type: ignore[arg-type]
    ("ingest.max_bad_row_rate", lambda: Ingest(max_bad_row_rate=1.1)),
    ("ingest.max_bytes", lambda: Ingest(max_bytes=0)),
    ("ingest.min_rows", lambda: Ingest(min_rows=0)),
    ("training.instance", lambda: Training(instance="m5.large")),
    ("training.volume_gb", lambda: Training(volume_gb=0)),
    ("training.max_runtime_seconds", lambda: Training(max_runtime_seconds=59)),
    ("training.holdout", lambda: Training(holdout=0.6)),
    ("entity", lambda: spec(entity="length")),
    ("entity", lambda: spec(entity="nobody")),
    (
        "hyperparameters",
        lambda: spec(hyperparameters=(Hyperparameter("x", default=1, minimum=0, maximum=2),) * 2),
    ),
    ("hyperparameters.name", lambda: Hyperparameter("X", default=1, minimum=0, maximum=2)),
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


@pytest.mark.parametrize(("name", "lower"), [("mae", True), ("rmse", True), ("r2", False)])
def test_errors_are_better_when_lower(name: str, lower: bool) -> None:  # noqa: FBT001
    bound = {"maximum": 1.0} if lower else {"minimum": 1.0}
    assert Metric(name, **bound).lower_is_better is lower
