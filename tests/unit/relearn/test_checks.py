"""The rules of a run's data one by one: what is found, what is allowed, and whose new data is to blame."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from relearn.data import checks
from relearn.data.checks import Finding, Keys, Orphans
from relearn.data.profiles import ColumnProfile, Profile
from relearn.spec.model import Category, DateTime, Id, Metric, ModelSpec, Number, Table
from relearn.spec.quality import Quality, Reference

PEOPLE = Table("people", columns=(Id("person"),), key="person")
VISITS = Table(
    "visits",
    columns=(
        Id("person"),
        DateTime("at"),
        Number("spent", minimum=0, maximum=50, optional=True),
        Category("kind", values=("a", "b")),
    ),
    time="at",
)
SPEC = ModelSpec(
    name="shop",
    title="Shop",
    columns=(Id("person", optional=True), Number("spent", optional=True)),
    target=Category("outcome", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.5),
    entity="person",
    tables=(PEOPLE, VISITS),
)
AT = datetime(2026, 5, 11, tzinfo=UTC)
SPENT = ColumnProfile(type="number", missing=20, low=1.0, high=9.0, counts={"1001": 80})
SOUND = Profile(
    rows=100,
    columns={
        "person": ColumnProfile(type="id"),
        "at": ColumnProfile(type="datetime", high="2026-05-01T00:00:00Z", counts={"2026-05": 100}),
        "spent": SPENT,
        "kind": ColumnProfile(type="category", counts={"a": 50, "b": 50}),
    },
)
NO_KEYS = Keys(orphans={})


def judged(
    profile: Profile = SOUND, keys: Keys = NO_KEYS, before: Profile | None = None, **quality: Any
) -> list[Finding]:
    spec = replace(SPEC, tables=(PEOPLE, replace(VISITS, quality=Quality(**quality))))
    return checks.table_findings(spec, "visits", profile, keys, before=before, at=AT)


def changed(**columns: ColumnProfile) -> Profile:
    return replace(SOUND, columns={**SOUND.columns, **columns})


def broken(findings: list[Finding]) -> Finding:
    (found,) = (finding for finding in findings if not finding.right)
    return found


def test_sound_data_keeps_every_rule() -> None:
    found = judged(min_rows=100, max_missing={"spent": 0.2}, max_age_days=10, max_shift=0.1, before=SOUND)
    assert checks.reason(found) == ""
    assert [finding.rule for finding in found] == ["rows", "missing", "age", "shift", "shift"]


def test_too_few_rows_are_nobodys_fault() -> None:
    found = broken(judged(min_rows=101))
    assert (str(found), found.blamed) == ("visits: 100 rows; allowed: at least 101", ())


def test_a_larger_share_of_missing_values_than_allowed_breaks_the_rule() -> None:
    found = broken(judged(max_missing={"spent": 0.19}))
    assert str(found) == "visits.spent: 20 of 100 rows (20.0%) lack it; allowed: 19.0%"
    assert found.blamed == ("visits",)


def test_an_optional_column_may_lack_as_much_as_it_likes_when_nothing_is_said() -> None:
    assert checks.reason(judged(changed(spent=ColumnProfile(type="number", missing=100)))) == ""


def test_a_column_that_the_spec_demands_may_not_lack_in_old_shards() -> None:
    without = {name: column for name, column in SOUND.columns.items() if name != "kind"}
    found = broken(judged(replace(SOUND, columns=without)))
    assert str(found) == "visits.kind: 100 of 100 rows (100.0%) lack it; allowed: 0.0%"


@pytest.mark.parametrize(("low", "high", "shown"), [(-1.0, 9.0, "-1"), (1.0, 51.0, "51")])
def test_values_outside_the_bounds_of_today_break_the_rule(low: float, high: float, shown: str) -> None:
    found = broken(judged(changed(spent=replace(SPENT, low=low, high=high))))
    assert str(found) == f"visits.spent: values reach {shown}; allowed: at least 0 and at most 50"


def test_categories_that_the_spec_no_longer_has_break_the_rule() -> None:
    found = broken(judged(changed(kind=ColumnProfile(type="category", counts={"a": 93, "c": 7}))))
    assert str(found) == "visits.kind: 7 rows have 'c'; allowed: one of a, b"


def test_a_key_with_several_rows_breaks_the_rule() -> None:
    people = Profile(rows=3, columns={"person": ColumnProfile(type="id")})
    keys = Keys(repeated=1, example="x", orphans={})
    found = broken(checks.table_findings(SPEC, "people", people, keys, before=None, at=AT))
    assert str(found).startswith(
        "people.person: 1 values have several rows, 'x' among them; allowed: one row"
    )
    assert found.blamed == ("people",)


class TestReferences:
    def judged(self, orphans: Orphans, share: float) -> Finding:
        references = (Reference("person", to="people", max_orphans=share),)
        findings = judged(keys=Keys(orphans={"person": orphans}), references=references)
        return next(finding for finding in findings if finding.rule == "reference")

    def test_as_many_orphans_as_allowed_keep_the_rule(self) -> None:
        assert self.judged(Orphans(rows=5, of=100, new=5, example="x"), 0.05).right

    def test_one_more_breaks_it(self) -> None:
        found = self.judged(Orphans(rows=6, of=100, new=6, example="x"), 0.05)
        assert not found.right
        assert str(found) == (
            "visits.person: 6 of 100 rows (6.0%) name no row of people, for example 'x'; allowed: 5.0%"
        )
        assert found.blamed == ("visits",)

    def test_orphans_among_old_rows_are_put_down_to_the_table_that_lost_their_keys(self) -> None:
        assert self.judged(Orphans(rows=6, of=100, new=0, example="x"), 0.0).blamed == ("people",)


def test_rows_that_are_too_old_are_nobodys_fault() -> None:
    found = broken(judged(max_age_days=9))
    assert str(found) == (
        "visits.at: the newest row, of 2026-05-01T00:00:00Z, is 10.0 days old; allowed: at most 9"
    )
    assert found.blamed == ()


def test_another_population_breaks_the_rule() -> None:
    before = changed(kind=ColumnProfile(type="category", counts={"a": 90, "b": 10}))
    found = broken(judged(before=before, max_shift=0.25))
    assert (found.column, found.rule, found.blamed) == ("kind", "shift", ("visits",))
    assert found.allowed == "at most 0.25"


def test_without_a_champions_data_nothing_is_compared() -> None:
    assert [finding.rule for finding in judged(max_shift=0.01)] == ["rows"]


def test_a_reason_tells_the_first_breaches_and_counts_the_others() -> None:
    one = Finding(table="t", column="", rule="rows", found="f", allowed="a", right=False)
    assert checks.reason([one] * 2) == "t: f; allowed: a; t: f; allowed: a"
    assert checks.reason([one] * 5).endswith("; and 2 more")


def test_features_are_judged_by_what_the_spec_itself_demands() -> None:
    spec = replace(SPEC, quality=Quality(min_rows=200, max_missing={"spent": 0.1}, max_shift=0.1))
    made = Profile(rows=100, columns={"spent": SPENT, "outcome": ColumnProfile(type="category")})
    moved = replace(made, columns={**made.columns, "spent": replace(SPENT, counts={"1500": 80})})
    found = checks.feature_findings(spec, made, moved)
    assert [(finding.table, finding.rule) for finding in found if not finding.right] == [
        ("features", "rows"),
        ("features", "missing"),
        ("features", "shift"),
    ]
