"""A value of the wrong type in a spec is refused by its field's name, wherever in the spec it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from relearn.errors import SpecError
from relearn.spec import hosting, model
from relearn.spec.engines import Engine
from tests.support.models import FLOWERS, LOOKED_UP

WRONG: Mapping[str, tuple[object, ...]] = {
    "int": (True, 1.5, "3", None, [], float("nan")),
    "float": ("x", None, True, [], float("nan"), 1e999),
    "float | None": ("x", True, [], float("nan")),
    "int | None": (True, 1.5, "3", []),
    "str": (3, None, [], b"x"),
    "str | None": (3, [], b"x"),
    "bool": ("yes", 1, None, []),
    "tuple[str, ...]": ([], "x", None, (1,)),
    "tuple[int, ...]": ([10], 10, None, ("x",), (True,)),
    "Mapping[str, float]": ([], None, {"a": "x"}),
}
"""Annotation of a field to values that it must not have."""
CASES: tuple[tuple[Any, Mapping[str, Any]], ...] = (
    (model.Metric, {"name": "accuracy", "minimum": 0.5}),
    (model.Retrain, {}),
    (model.Ingest, {}),
    (model.Training, {}),
    (model.Hyperparameter, {"name": "depth", "default": 3, "minimum": 1, "maximum": 9}),
    (model.Limits, {}),
    (model.Canary, {}),
    (model.Shadow, {}),
    (model.Quality, {}),
    (model.Reference, {"column": "a", "to": "b"}),
    (model.Monthly, {"table": "raw", "history_days": 1, "label_days": 1}),
    (hosting.Serverless, {}),
    (hosting.Realtime, {"instance": "ml.m5.large"}),
    (hosting.InLambda, {}),
    (Engine, {}),
    (model.Number, {"name": "new"}),
    (model.Category, {"name": "new", "values": ("a", "b")}),
    (model.Text, {"name": "new"}),
    (model.Boolean, {"name": "new"}),
    (model.DateTime, {"name": "new"}),
    (model.Id, {"name": "new"}),
)
COLUMNS = (model.Number, model.Category, model.Text, model.Boolean, model.DateTime, model.Id)


def in_a_spec(kind: Any, given: Mapping[str, Any]) -> None:
    """Make a part, and a spec that has it where only the spec knows what is right."""
    made = kind(**given)
    if isinstance(made, COLUMNS):
        replace(FLOWERS, columns=(*FLOWERS.columns, made))
    elif kind is model.Reference:
        replace(FLOWERS, quality=model.Quality(references=(made,)))
    elif kind is model.Monthly:
        replace(LOOKED_UP, moments=made)


@pytest.mark.parametrize(
    ("kind", "right", "field", "value"),
    [
        pytest.param(kind, right, field.name, value, id=f"{kind.__name__}.{field.name}={value!r}")
        for kind, right in CASES
        for field in fields(kind)
        for value in WRONG.get(str(field.type), ())
    ],
)
def test_a_value_of_the_wrong_type_is_refused(
    kind: Any, right: Mapping[str, Any], field: str, value: object
) -> None:
    with pytest.raises(SpecError, match="allowed: "):
        in_a_spec(kind, {**right, field: value})


@pytest.mark.parametrize("field", [field.name for field in fields(model.ModelSpec)])
@pytest.mark.parametrize("value", [3, [], {}, object()], ids=lambda value: type(value).__name__)
def test_a_part_of_another_class_is_refused(field: str, value: object) -> None:
    with pytest.raises(SpecError, match=f"^spec field '{field}.*allowed: "):
        replace(FLOWERS, **{field: value})  # type: ignore[arg-type]
