"""A candidate is compared with a version of an earlier spec on what both can answer, or a person is asked."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from relearn.lifecycle.changed_spec import FEWEST_OF_A_CLASS, ChangedSpec
from relearn.lifecycle.promotion import Decision, decide, not_compared
from relearn.spec.model import (
    Boolean,
    Category,
    Column,
    DateTime,
    Id,
    Metric,
    ModelSpec,
    Number,
    Text,
    Training,
)
from scoring.artifact import Artifact
from scoring.encode import FLOAT, Array, seen, type_of
from scoring.scorer import Scores
from tests.support.examples import examples
from tests.support.training_kit import MIXED, write_shard
from training.data.dataset import Dataset
from training.data.learnt import Learner, Learnt
from training.fitting import tabular
from training.fitting.tasks import Answers
from training.job import champion, snapshot
from training.job.champion import Rival

Row = dict[str, Any]
OLD = replace(
    MIXED,
    name="changing",
    columns=(Number("a"), Text("b", optional=True), Number("c", optional=True), Boolean("d", optional=True)),
    target=Category("outcome", values=("no", "yes", "maybe")),
    metric=Metric("accuracy", minimum=0.3),
    training=Training(holdout=0.5),
)
MANY: list[Row] = [
    {"a": at, "b": f"{at % 7}", "c": at % 5, "d": at % 2 == 0, "outcome": ("no", "yes", "maybe")[at % 3]}
    for at in range(240)
]


@dataclass(frozen=True)
class Answering:
    """Version of a spec that reads columns strictly as its spec declares them, and knows the number in ``a``.

    Parameters
    ----------
    spec
        Its spec.
    right
        Share of right answers.
    """

    spec: ModelSpec
    right: float = 0.9
    threshold: None = None

    @property
    def classes(self) -> tuple[str, ...]:
        return self.spec.classes

    @property
    def meta(self) -> Mapping[str, Any]:
        return {}

    def scorer(self) -> Answering:
        return self

    def columns(self, columns: Mapping[str, Array]) -> Scores:
        frame = seen(self.spec.features)
        assert set(columns) == {one.name for one in frame}
        for one in frame:
            values = columns[one.name]
            missing = np.isnan(values) if type_of(one) == FLOAT else values == ""
            assert values.dtype == (np.float32 if type_of(one) == FLOAT else object)
            assert not missing.any() or not isinstance(one, Column) or one.optional
        return answers(len(next(iter(columns.values()))), self.classes, self.right)


def answers(rows: int, classes: Sequence[str], right: float, truth: Sequence[str] | Array = ()) -> Scores:
    """Return answers of the given share of truth, else of the first class."""
    given = np.array([classes[at % len(classes)] for at in range(rows)], dtype=object)
    keep = int(right * len(truth))
    given[:keep] = truth[:keep]
    return Scores(given, np.full((rows, len(classes)), 1 / len(classes)))


def load(
    folder: Path,
    spec: ModelSpec,
    old: ModelSpec,
    rows: Sequence[Row] = MANY,
    learner: ModelSpec | None = None,
) -> Dataset:
    """Read rows that were uploaded under the old spec, with a version of it, or of the spec of a learner."""
    known = [row for row in rows if row["outcome"] in spec.classes]
    write_shard(folder / "old.parquet", (*old.columns, old.target), known)
    return snapshot.load(spec, folder, learners=[Learner(learner or old, Learnt())])


def measure(data: Dataset, spec: ModelSpec, old: ModelSpec, *, right: float = 0.9) -> Rival:
    truth = data.holdout.target
    mine = answers(len(truth), spec.classes, right, truth)
    return champion.measure(
        spec,
        cast(Artifact, Answering(old)),
        3,
        data.holdout,
        mine,
        classes=spec.classes,
        new=data.new,
        view=data.views[0],
    )


def judge(data: Dataset, spec: ModelSpec, rival: Rival, *, right: float = 0.9) -> Decision:
    truth = data.holdout.target
    mine = tabular.evaluate(spec, data.holdout, answers(len(truth), spec.classes, right, truth), spec.classes)
    theirs = rival.measured and rival.measured["metrics"]
    return decide(
        mine["metrics"],
        theirs,
        spec.metric,
        None,
        rival.comparison,
        changed=rival.changed,
        incomparable=not_compared(rival.incompatible),
    )


def changed(found: Rival) -> ChangedSpec:
    assert found.changed is not None
    return found.changed


def without(name: str) -> ModelSpec:
    return replace(OLD, columns=tuple(column for column in OLD.columns if column.name != name))


def with_column(column: Column) -> ModelSpec:
    return replace(OLD, columns=tuple(column if one.name == column.name else one for one in OLD.columns))


def test_a_version_answers_without_a_removed_column_that_it_may_lack(tmp_path: Path) -> None:
    data = load(tmp_path, without("c"), OLD)
    found = measure(data, without("c"), OLD)
    assert np.isnan(data.views[0].columns["c"]).all()
    assert changed(found).rows == changed(found).held_out == len(data.holdout)
    assert changed(found).words(3) == "version 3 answers without c, which the spec no longer has"
    assert found.comparison is not None
    assert not judge(data, without("c"), found).asks


def test_a_version_that_needs_a_removed_column_cannot_be_compared(tmp_path: Path) -> None:
    data = load(tmp_path, without("a"), OLD)
    found = measure(data, without("a"), OLD)
    assert found.incompatible == {"version": 3, "reason": "it needs a, which the spec no longer has"}
    decision = judge(data, without("a"), found)
    assert (decision.verdict, decision.asks) == ("promote", True)
    assert decision.reason.endswith(
        "version 3 cannot be compared: it needs a, which the spec no longer has; a person decides"
    )


@pytest.mark.parametrize(
    ("old", "new", "there", "missing"),
    [
        (Number("x", optional=True), Text("x", optional=True), "7", " "),
        (Boolean("x", optional=True), Text("x", optional=True), "true", ""),
        (
            DateTime("x", optional=True, missing=("1900-01-01",)),
            Text("x"),
            "2020-01-01",
            "1900-01-01T00:00:00Z",
        ),
    ],
)
def test_a_value_that_is_missing_to_a_version_does_not_make_a_column_of_another_type_unreadable(
    tmp_path: Path, old: Column, new: Column, there: str, missing: str
) -> None:
    was, spec = (replace(OLD, columns=(*OLD.columns, column)) for column in (old, new))
    rows = [{**row, "x": missing if at % 5 == 0 else there} for at, row in enumerate(MANY)]
    data = load(tmp_path, spec, spec, rows, learner=was)
    lacking = np.isnan(data.views[0].columns["x"])
    assert 0 < lacking.sum() < len(lacking)
    told = f"version 3 answers with x read as {old.type}, which is {new.type} now"
    assert changed(measure(data, spec, was)).words(3) == told


def test_a_version_is_not_given_a_time_that_its_spec_calls_missing(tmp_path: Path) -> None:
    was = replace(OLD, columns=(*OLD.columns, DateTime("x", optional=True, missing=("1900-01-01",))))
    spec = replace(OLD, columns=(*OLD.columns, DateTime("x", optional=True)))
    rows = [{**row, "x": "1900-01-01" if at % 5 == 0 else "2020-01-01"} for at, row in enumerate(MANY)]
    data = load(tmp_path, spec, was, rows)
    found = changed(measure(data, spec, was)).words(3)
    missing = np.isnan(data.views[0].columns["x"])
    assert 0 < missing.sum() < len(missing)
    assert not np.isnan(data.holdout.columns["x"]).any()
    assert found == f"version 3 answers without {missing.sum()} values of x that it calls missing"


def test_a_time_that_stands_for_a_missing_value_is_one_also_in_shards_from_before_the_spec_said_so(
    tmp_path: Path,
) -> None:
    was = replace(OLD, columns=(*OLD.columns, DateTime("x", optional=True)))
    spec = replace(OLD, columns=(*OLD.columns, DateTime("x", optional=True, missing=("1900-01-01",))))
    rows = [{**row, "x": "1900-01-01"} for row in MANY]
    assert np.isnan(load(tmp_path, spec, was, rows).holdout.columns["x"]).all()


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [
        (Number("x"), Text("x"), ["1", "2.5", "1e3"]),
        (Text("x"), Number("x"), ["1", "2.5", "1000"]),
        (Boolean("x"), Number("x"), [True, False, True]),
        (Number("x"), Boolean("x"), [1.0, 0.0, 1.0]),
        (Category("x", values=("1", "2")), Number("x"), ["1", "2", "1"]),
        (Number("x"), Id("x"), ["7", "8", "9"]),
        (DateTime("x"), Text("x"), ["2026-05-04", "2026-05-04T10:00:00Z", "2000-01-01"]),
        (Text("x"), DateTime("x"), ["2026-05-04T00:00:00.000000Z", "2000-01-01T00:00:00.000000Z"]),
    ],
)
def test_a_column_of_another_type_is_read_as_the_version_knows_it(
    tmp_path: Path, old: Column, new: Column, values: list[Any]
) -> None:
    was = replace(OLD, columns=(*OLD.columns, old))
    spec = replace(OLD, columns=(*OLD.columns, new))
    rows = [{**row, "x": values[at // 5 % len(values)]} for at, row in enumerate(MANY)]
    data = load(tmp_path, spec, was, rows)
    found = measure(data, spec, was)
    told = f"version 3 answers with x read as {old.type}, which is {new.type} now"
    assert changed(found).words(3) == told
    expected = {str(value) for value in values} if type_of(old) != FLOAT else None
    assert expected is None or set(data.views[0].columns["x"]) == expected
    assert expected is not None or not np.isnan(data.views[0].columns["x"]).any()


def test_a_column_with_a_value_that_cannot_be_read_is_missing_for_the_version(tmp_path: Path) -> None:
    rows = [{**row, "c": "many" if at % 40 == 0 else "1"} for at, row in enumerate(MANY)]
    spec = with_column(Text("c", optional=True))
    write_shard(tmp_path / "new.parquet", (*spec.columns, spec.target), rows)
    data = snapshot.load(spec, tmp_path, learners=[Learner(OLD, Learnt())])
    told = changed(measure(data, spec, OLD)).words(3)
    assert np.isnan(data.views[0].columns["c"]).all()
    assert told.startswith("version 3 answers without c, which is text now: ")
    assert told.endswith(f"of {len(data.holdout)} values cannot be read so")


def test_a_version_that_needs_a_value_that_cannot_be_read_cannot_be_compared(tmp_path: Path) -> None:
    rows = [{**row, "a": "many"} for row in MANY]
    spec = with_column(Text("a"))
    write_shard(tmp_path / "new.parquet", (*spec.columns, spec.target), rows)
    data = snapshot.load(spec, tmp_path, learners=[Learner(OLD, Learnt())])
    found = measure(data, spec, OLD)
    assert found.incompatible is not None
    told = f"it needs a as number, which is text now: {len(data.holdout)} of {len(data.holdout)} values cannot be read so"
    assert found.incompatible["reason"] == told


def test_parts_of_a_time_are_those_of_the_version(tmp_path: Path) -> None:
    was = replace(OLD, columns=(*OLD.columns, DateTime("at", parts=("hour",), zone="Asia/Tokyo")))
    spec = replace(OLD, columns=(*OLD.columns, DateTime("at", parts=("month",))))
    data = load(tmp_path, spec, was, [{**row, "at": "2026-05-04T10:00:00Z"} for row in MANY])
    assert set(data.views[0].columns["at_hour"]) == {19}
    assert set(data.holdout.columns["at_month"]) == {5}
    assert measure(data, spec, was).comparison is not None


@pytest.mark.parametrize("optional", [True, False])
def test_a_category_that_the_version_does_not_know_is_missing_for_it(tmp_path: Path, optional: bool) -> None:  # noqa: FBT001
    colour = Category("colour", values=("red", "green"), optional=optional)
    was = replace(OLD, columns=(*OLD.columns, colour))
    spec = replace(OLD, columns=(*OLD.columns, replace(colour, values=("red", "green", "blue"))))
    rows = [
        {**row, "colour": ("red", "green", "red", "green", "blue")[at // 3 % 5]}
        for at, row in enumerate(MANY)
    ]
    data = load(tmp_path, spec, was, rows)
    unknown = int((data.holdout.columns["colour"] == "blue").sum())
    found = measure(data, spec, was)
    assert set(data.views[0].columns["colour"]) == {"red", "green", ""}
    assert f"version 3 answers without {unknown} values of colour that it does not know" in changed(
        found
    ).words(3)
    assert changed(found).rows == len(data.holdout) - (0 if optional else unknown)


def test_rows_without_a_value_that_the_version_needs_are_left_out(tmp_path: Path) -> None:
    spec = with_column(Number("a", optional=True))
    rows = [{**row, "a": None if at % 4 == 0 else row["a"]} for at, row in enumerate(MANY)]
    write_shard(tmp_path / "new.parquet", (*spec.columns, spec.target), rows)
    data = snapshot.load(spec, tmp_path, learners=[Learner(OLD, Learnt())])
    found = measure(data, spec, OLD)
    lacking = int(np.isnan(data.holdout.columns["a"]).sum())
    assert lacking > 0
    assert changed(found).incomplete == lacking
    assert found.comparison is not None
    assert found.comparison.rows == len(data.holdout) - lacking
    assert f"{lacking} rows without a left out, which version 3 needs" in changed(found).words(3)
    assert not judge(data, spec, found).asks


def test_a_person_decides_where_most_rows_lack_what_the_version_needs(tmp_path: Path) -> None:
    spec = with_column(Number("a", optional=True))
    rows = [{**row, "a": row["a"] if at % 4 == 0 else None} for at, row in enumerate(MANY)]
    write_shard(tmp_path / "new.parquet", (*spec.columns, spec.target), rows)
    data = snapshot.load(spec, tmp_path, learners=[Learner(OLD, Learnt())])
    decision = judge(data, spec, measure(data, spec, OLD))
    assert decision.asks
    assert decision.reason.endswith("a person decides, as most rows held out are not compared")


FEWER = replace(OLD, target=Category("outcome", values=("no", "yes")))


def test_rows_of_a_class_that_the_version_does_not_know_are_left_out(tmp_path: Path) -> None:
    data = load(tmp_path, OLD, FEWER)
    found = measure(data, OLD, FEWER)
    unknown = int((data.holdout.target == "maybe").sum())
    assert found.measured is not None
    assert found.comparison is not None
    assert found.comparison.rows == len(data.holdout) - unknown
    assert found.measured["confusion"]["labels"] == ["no", "yes"]
    assert [(one.name, one.rows, one.figure) for one in changed(found).new] == [("maybe", unknown, "recall")]
    assert changed(found).words(3) == (
        f"{len(data.holdout) - unknown} of {len(data.holdout)} rows held out are compared; {unknown} rows of maybe left out, "
        "which version 3 does not know"
    )


def test_a_new_class_has_to_meet_the_bound_by_itself(tmp_path: Path) -> None:
    data = load(tmp_path, OLD, FEWER)
    truth = data.holdout.target
    mine = Scores(np.where(truth == "maybe", "no", truth), np.full((len(truth), 3), 1 / 3))
    found = champion.measure(
        OLD,
        cast(Artifact, Answering(FEWER)),
        3,
        data.holdout,
        mine,
        classes=OLD.classes,
        view=data.views[0],
    )
    value = tabular.evaluate(OLD, data.holdout, mine, OLD.classes)["metrics"]
    theirs = found.measured and found.measured["metrics"]
    decision = decide(value, theirs, OLD.metric, None, found.comparison, changed=found.changed)
    assert (decision.verdict, decision.asks, decision.keeps) == ("reject", False, True)
    unknown = int((truth == "maybe").sum())
    assert decision.reason == (
        f"recall of maybe, which the champion does not know, is 0.0000 on {unknown} rows held out; the spec demands at least 0.3"
    )


def test_a_person_decides_about_a_new_class_with_few_rows(tmp_path: Path) -> None:
    rows = [row for at, row in enumerate(MANY) if row["outcome"] != "maybe" or at % 10 == 0]
    data = load(tmp_path, OLD, FEWER, rows)
    few = int((data.holdout.target == "maybe").sum())
    decision = judge(data, OLD, measure(data, OLD, FEWER, right=1.0), right=1.0)
    assert few < FEWEST_OF_A_CLASS
    assert (decision.verdict, decision.asks) == ("promote", True)
    assert decision.reason.endswith(
        f"a person decides, as maybe has {few} rows held out, too few to measure it"
    )


def test_a_removed_class_is_named(tmp_path: Path) -> None:
    data = load(tmp_path, FEWER, OLD)
    found = measure(data, FEWER, OLD)
    assert changed(found).removed == ("maybe",)
    assert changed(found).words(3) == "maybe is no longer a class"
    assert found.comparison is not None
    assert found.comparison.rows == len(data.holdout)


@pytest.mark.parametrize(
    ("metric", "figure"),
    [
        ("accuracy", "recall"),
        ("balanced_accuracy", "recall"),
        ("precision_macro", "precision"),
        ("f1_macro", "f1"),
        ("mcc", "mcc"),
        ("roc_auc", "roc_auc"),
        ("average_precision", "average_precision"),
        ("log_loss", "log_loss"),
    ],
)
def test_every_metric_has_a_figure_of_a_new_class_and_compares_the_known_ones(
    tmp_path: Path, metric: str, figure: str
) -> None:
    bound = {"maximum": 2.0} if metric == "log_loss" else {"minimum": 0.0}
    spec = replace(OLD, metric=Metric(metric, **cast(Any, bound)))
    data = load(tmp_path, spec, FEWER)
    found = measure(data, spec, FEWER)
    (new,) = changed(found).new
    assert (new.figure, found.comparison is not None) == (figure, True)
    assert new.value is not None
    assert found.measured is not None
    assert math.isfinite(found.measured["metrics"][metric])
    sign = -1 if spec.metric.lower_is_better else 1
    lead = sign * (changed(found).candidate[metric] - found.measured["metrics"][metric])
    assert found.comparison is not None
    assert found.comparison.difference == pytest.approx(lead, abs=1e-6)


def test_a_version_without_a_record_of_what_it_learnt_is_not_asked_when_columns_changed(
    tmp_path: Path,
) -> None:
    write_shard(tmp_path / "old.parquet", (*OLD.columns, OLD.target), MANY)
    spec = without("c")
    data = snapshot.load(spec, tmp_path, learners=[Learner(OLD, None)])
    found = measure(data, spec, OLD)
    assert found.incompatible is not None
    assert "kept no record of what it learnt" in found.incompatible["reason"]


def test_a_row_with_a_removed_column_is_not_examined_where_the_version_learnt_it(tmp_path: Path) -> None:
    write_shard(tmp_path / "old.parquet", (*OLD.columns, OLD.target), MANY)
    all_learnt = replace(OLD, training=Training(holdout=0.05))
    whole = snapshot.load(all_learnt, tmp_path)
    spec = without("c")
    data = snapshot.load(spec, tmp_path, learners=[Learner(OLD, whole.learnt)])
    assert len(data.holdout) < 40
    assert data.repeats.not_examined > 60


def test_a_row_that_the_version_was_examined_on_is_known_without_a_removed_column(tmp_path: Path) -> None:
    write_shard(tmp_path / "old.parquet", (*OLD.columns, OLD.target), MANY)
    before = snapshot.load(OLD, tmp_path)
    assert len(before.holdout)
    _, _, divided = snapshot.divide(without("c"), [tmp_path / "old.parquet"], [Learner(OLD, before.learnt)])
    assert not divided.new[divided.examined].all()


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, ModelSpec]:
    """A spec that differs from `OLD` in one thing, and what a reason has to name."""
    kind = draw(st.sampled_from(["add", "remove", "retype", "optional", "rename", "class", "no class"]))
    at = draw(st.integers(0, len(OLD.columns) - 1))
    columns, name = list(OLD.columns), OLD.columns[at].name
    event(kind)
    match kind:
        case "add":
            columns.append(draw(st.sampled_from([Number, Text, Boolean]))("e", optional=True))
            return "", replace(OLD, columns=tuple(columns))
        case "remove":
            del columns[at]
        case "retype":
            columns[at] = draw(st.sampled_from([Text, Number, Boolean]))(name, optional=True)
        case "optional":
            columns[at] = replace(columns[at], optional=True)
        case "rename":
            columns[at] = replace(columns[at], name="z", optional=True)
        case "class":
            return "perhaps", replace(OLD, target=Category("outcome", values=(*OLD.classes, "perhaps")))
        case "no class":
            return "maybe", replace(OLD, target=Category("outcome", values=("no", "yes")))
    return name, replace(OLD, columns=tuple(columns))


@examples(40)
@given(changes(), st.data())
def test_a_comparison_is_made_or_a_person_is_asked_and_the_reason_says_why(
    change: tuple[str, ModelSpec], data: st.DataObject
) -> None:
    named, spec = change
    fits = data.draw(st.booleans())
    rows = [{**row, **filled(spec, at, fits=fits)} for at, row in enumerate(MANY)]
    if "perhaps" in spec.classes:
        rows = [{**row, "outcome": spec.classes[at % 4]} for at, row in enumerate(rows)]
    rows = [row for row in rows if row["outcome"] in spec.classes]
    with tempfile.TemporaryDirectory() as folder:
        write_shard(Path(folder, "new.parquet"), (*spec.columns, spec.target), rows)
        found = snapshot.load(spec, Path(folder), learners=[Learner(OLD, Learnt())])
    rival = measure(found, spec, OLD)
    decision = judge(found, spec, rival)
    if rival.incompatible is not None:
        assert (decision.verdict, decision.asks) == ("promote", True)
        assert named in decision.reason
        return
    assert rival.comparison is not None
    assert rival.measured is not None
    assert 2 <= rival.comparison.rows <= len(found.holdout)
    if rival.changed is not None:
        assert named in rival.changed.words(3)
        assert ChangedSpec.from_report(rival.measured) == rival.changed
        assert rival.changed.rows == rival.comparison.rows
    else:
        old = {column.name: column.type for column in OLD.columns}
        assert old.items() <= {column.name: column.type for column in spec.columns}.items()
        assert spec.classes == OLD.classes


def filled(spec: ModelSpec, at: int, *, fits: bool) -> Row:
    """Return values of a row for the columns of a spec; of another type ones that fit the old type, or not."""
    given: Row = {}
    for column in spec.columns:
        number = {"a": at, "b": at % 70, "c": at % 5, "d": at % 2 if fits else at % 5}.get(
            column.name, at % 11
        )
        match column:
            case Number():
                given[column.name] = number
            case Boolean():
                given[column.name] = number % 2 == 0
            case _:
                given[column.name] = f"{number}" if fits else f"word {number}"
        if column.optional and at % 9 == 0:
            given[column.name] = None
    return given


def test_blame_is_found_on_the_rows_that_both_can_answer(tmp_path: Path) -> None:
    data = load(tmp_path, OLD, FEWER)
    found = measure(data, OLD, FEWER)
    assert found.shared is not None
    assert found.shared_answers is not None
    examined = data.examined_on(found.shared.rows)
    assert len(examined.holdout) == len(found.shared_answers.evaluation_set)
    mine = Answers(data.holdout, answers(len(data.holdout), OLD.classes, 0.9), OLD.classes)
    assert set(found.shared.of(mine).scores.predictions) <= {"no", "yes", ""}
