"""What a spec may demand of its data, and what is refused with the field and what is allowed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from relearn.errors import SpecError
from relearn.spec import codec
from relearn.spec.model import Category, DateTime, Id, Metric, ModelSpec, Number, Table
from relearn.spec.quality import Quality, Reference

PEOPLE = Table("people", columns=(Id("person"), DateTime("since")), key="person", time="since")
VISITS = Table("visits", columns=(Id("person"), DateTime("at"), Number("spent", optional=True)), time="at")
SPEC = ModelSpec(
    name="shop",
    title="Shop",
    columns=(Id("person", optional=True), Number("spent", optional=True)),
    target=Category("outcome", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.5),
    entity="person",
    tables=(PEOPLE, VISITS),
)


def declare(**quality: Any) -> ModelSpec:
    return replace(SPEC, tables=(PEOPLE, replace(VISITS, quality=Quality(**quality))))


def test_a_spec_that_demands_much_survives_the_way_to_json_and_back() -> None:
    spec = declare(
        min_rows=5,
        max_missing={"spent": 0.25},
        references=(Reference("person", to="people", max_orphans=0.01),),
        max_age_days=7,
        max_shift=0.25,
    )
    spec = replace(spec, quality=Quality(max_missing={"spent": 0.5}))
    assert codec.from_dict(json.loads(json.dumps(codec.to_dict(spec)))) == spec


def test_a_spec_stored_before_there_was_quality_demands_one_row() -> None:
    old = codec.to_dict(SPEC)
    del old["quality"]
    for table in old["tables"]:
        del table["quality"]
    assert codec.from_dict(old) == SPEC
    assert SPEC.raw_quality("visits").min_rows == 1


def test_what_it_demands_does_not_change_what_an_artifact_fits() -> None:
    assert codec.digest(declare(max_shift=0.1)) == codec.digest(SPEC)


def test_the_columns_whose_values_are_kept_are_keys_and_references() -> None:
    spec = declare(references=(Reference("person", to="people"),))
    assert (spec.key_columns("people"), spec.key_columns("visits")) == (("person",), ("person",))
    assert SPEC.key_columns("visits") == ()


@pytest.mark.parametrize(
    ("quality", "field", "allowed"),
    [
        ({"min_rows": 0}, "quality.min_rows", "at least 1"),
        ({"min_rows": True}, "quality.min_rows", "a whole number"),
        ({"max_missing": {"spent": 1.5}}, "quality.max_missing.spent", "a share, 0 to 1"),
        ({"max_missing": [("spent", 0.1)]}, "quality.max_missing", "a dict"),
        ({"max_shift": 0}, "quality.max_shift", "above 0"),
        ({"max_age_days": -1}, "quality.max_age_days", "above 0"),
        ({"references": ("person",)}, "quality.references", "a tuple of Reference"),
    ],
)
def test_a_wrong_figure_is_refused(quality: dict[str, Any], field: str, allowed: str) -> None:
    with pytest.raises(SpecError) as caught:
        Quality(**quality)
    assert caught.value.field == field
    assert allowed in caught.value.allowed


def test_a_share_of_orphans_is_a_share() -> None:
    with pytest.raises(SpecError, match=r"references.person.max_orphans.*a share, 0 to 1"):
        Reference("person", to="people", max_orphans=2)


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        (
            {"max_missing": {"colour": 0.1}},
            r"visits.quality.max_missing.*'colour'.*optional column \(spent\)",
        ),
        ({"max_missing": {"at": 0.1}}, r"'at'.*others are never missing"),
        ({"references": (Reference("at", to="people"),)}, r"'at'.*an Id column \(person\)"),
        (
            {"references": (Reference("person", to="people"), Reference("person", to="people"))},
            "each column once",
        ),
        ({"references": (Reference("person", to="visits"),)}, r"another table whose key is an Id \(people\)"),
        ({"references": (Reference("person", to="shops"),)}, r"'shops'.*\(people\)"),
    ],
)
def test_what_the_tables_can_not_keep_is_refused(quality: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        declare(**quality)


def test_only_a_table_with_a_time_has_an_age() -> None:
    with pytest.raises(SpecError, match="only a table with `time` has an age"):
        replace(VISITS, time=None, quality=Quality(max_age_days=7))
    with pytest.raises(SpecError, match="only a table with `time` has an age"):
        replace(SPEC, quality=Quality(max_age_days=7))


def test_a_feature_set_refers_to_no_table() -> None:
    with pytest.raises(SpecError, match="references are between tables"):
        replace(SPEC, quality=Quality(references=(Reference("person", to="people"),)))
