"""How a caller is shown an upload."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lambdas.http import upload_views
from relearn.spec.model import Category, Id, Metric, ModelSpec, Number, Table, Text

SPEC = ModelSpec(
    name="patients",
    title="Patients",
    columns=(Number("age"), Text("note", private=True)),
    target=Category("outcome", values=("yes", "no"), private=True),
    metric=Metric("f1_macro", minimum=0.5),
)


def line(number: int, **values: str) -> bytes:
    errors = [{"column": name, "value": value, "reason": "wrong"} for name, value in values.items()]
    return json.dumps({"line": number, "errors": errors}).encode()


def test_a_rejected_row_shows_no_value_of_a_private_column() -> None:
    (row,) = upload_views.rejected_rows(SPEC, "main", [line(2, age="old", note="secret", outcome="perhaps")])
    assert {error["column"]: error["value"] for error in row["errors"]} == {
        "age": "old",
        "note": None,
        "outcome": None,
    }


@pytest.mark.parametrize(("table", "mark"), [("visits", "long ago"), ("of_old", None)])
def test_what_is_private_is_said_by_the_columns_of_the_uploads_table(table: str, mark: str | None) -> None:
    visits = Table("visits", columns=(Text("mark"), Number("age", private=True)))
    spec = replace(SPEC, columns=(*SPEC.columns, Id("who")), entity="who", tables=(visits,))
    (row,) = upload_views.rejected_rows(spec, table, [line(2, mark="long ago", age="old")])
    assert [error["value"] for error in row["errors"]] == [mark, None]


def test_a_row_that_is_wrong_as_a_whole_is_shown() -> None:
    whole = {"line": 3, "errors": [{"column": None, "value": None, "reason": "7 values; expected 3"}]}
    assert upload_views.rejected_rows(SPEC, "main", [json.dumps(whole).encode()]) == [whole]


def test_twenty_rows_are_shown_at_most() -> None:
    rows = upload_views.rejected_rows(SPEC, "main", [line(number, age="x") for number in range(2, 40)])
    assert [row["line"] for row in rows] == list(range(2, 22))
