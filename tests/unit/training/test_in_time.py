"""The helpers of features keep to the time: known at a moment is what happened until then, itself included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import ibis
import pytest

from training.features import after, before, latest, onto


@pytest.fixture
def backend() -> Iterator[Any]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE spine (who VARCHAR, as_of TIMESTAMP)")
        connection.execute(
            "INSERT INTO spine VALUES ('a', '2026-03-01'), ('a', '2026-04-01'), ('b', '2026-03-01')"
        )
        connection.execute('CREATE TABLE seen (who VARCHAR, "at" TIMESTAMP, what VARCHAR)')
        connection.execute(
            "INSERT INTO seen VALUES ('a', '2026-01-30', 'old'), ('a', '2026-02-28', 'new'), "
            "('a', '2026-03-01', 'now'), ('a', '2026-03-01 00:00:01', 'later'), ('c', '2026-02-01', 'other')"
        )
        yield ibis.duckdb.from_connection(connection)


def found(made: ibis.Table, *names: str) -> list[tuple[Any, ...]]:
    rows = made.select(*names).to_pyarrow().to_pylist()
    return sorted((tuple(str(row[name]) for name in names) for row in rows), key=str)


@pytest.mark.parametrize(
    ("days", "march"),
    [(None, ["new", "now", "old"]), (30, ["new", "now"]), (1, ["now"]), (2, ["new", "now"])],
)
def test_before_gives_what_was_known_by_then_so_many_days_back(
    backend: Any, days: int | None, march: list[str]
) -> None:
    made = before(backend.table("spine"), backend.table("seen"), on="who", time="at", days=days)
    assert made.columns == ("who", "at", "what", "as_of")
    rows = found(made, "who", "as_of", "what")
    assert [what for who, as_of, what in rows if as_of.startswith("2026-03")] == march
    assert {who for who, _, _ in rows} == {"a"}


def test_after_gives_what_came_within_so_many_days(backend: Any) -> None:
    made = after(backend.table("spine"), backend.table("seen"), on="who", time="at", days=1)
    assert found(made, "who", "as_of", "what") == [("a", "2026-03-01 00:00:00", "later")]


def test_latest_gives_the_newest_row_known(backend: Any) -> None:
    made = latest(backend.table("spine"), backend.table("seen"), on="who", time="at")
    assert found(made, "who", "as_of", "what") == [
        ("a", "2026-03-01 00:00:00", "now"),
        ("a", "2026-04-01 00:00:00", "later"),
    ]


def test_of_two_newest_rows_the_greater_comes_first_in_whatever_order_they_lie(backend: Any) -> None:
    backend.raw_sql(
        "INSERT INTO seen VALUES ('b', '2026-02-01', 'x'), ('b', '2026-02-01', 'y'), ('b', '2026-02-01', 'w')"
    )
    made = latest(backend.table("spine"), backend.table("seen"), on="who", time="at")
    assert ("b", "2026-03-01 00:00:00", "y") in found(made, "who", "as_of", "what")


def test_onto_puts_columns_beside_every_row_of_a_spine(backend: Any) -> None:
    spine = backend.table("spine")
    made = latest(spine, backend.table("seen"), on="who", time="at")
    joined = onto(spine, made, on="who")
    assert joined.columns == ("who", "as_of", "at", "what")
    assert found(joined, "who", "as_of", "what") == [
        ("a", "2026-03-01 00:00:00", "now"),
        ("a", "2026-04-01 00:00:00", "later"),
        ("b", "2026-03-01 00:00:00", "None"),
    ]
