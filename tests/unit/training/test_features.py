"""Raw tables become features: in bounded memory, always the same bytes, and never other than the spec says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest

from relearn.errors import DataError, SpecError
from relearn.spec.model import Category, DateTime, Id, Metric, ModelSpec, Number, Table, Training
from tests.support.training_kit import write_shard
from training.features.feature_set import Code, FeatureSet, Paths, make
from training.features.testing import compute

SPEC = ModelSpec(
    name="shop",
    title="Who buys again",
    tables=(
        Table("people", columns=(Id("person"), Number("age", optional=True)), key="person"),
        Table("orders", columns=(Id("person"), DateTime("at"), Number("amount")), time="at"),
    ),
    entity="person",
    columns=(
        Id("person"),
        Number("orders", minimum=0, maximum=1_000_000),
        Number("spent", minimum=0),
        Category("size", values=("small", "large")),
    ),
    target=Category("again", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.1),
    training=Training(holdout=0.5),
)
PEOPLE = [{"person": name, "age": 30} for name in "ab"]
ORDERS = [
    {"person": "a", "at": "2026-01-01T10:00:00Z", "amount": 5},
    {"person": "a", "at": "2026-01-02T10:00:00Z", "amount": 7.5},
    {"person": "b", "at": "2026-01-03T10:00:00+09:00", "amount": 100},
]


def plain(tables: Any, **changes: Callable[[Any], Any] | None) -> ibis.Table:
    """A feature set that fits SPEC, but for the changes: column to how it is made; None leaves it out."""
    orders = tables["orders"]
    made = orders.group_by("person").aggregate(
        as_of=orders["at"].max(), orders=orders.count(), spent=orders["amount"].sum()
    )
    made = made.mutate(size=(made["spent"] > 50).ifelse("large", "small"))
    made = made.mutate(again=(made["orders"] > 1).ifelse("yes", "no"))
    for name, change in changes.items():
        made = made.drop(name) if change is None else made.mutate(**{name: change(made)})
    return made


def changed(**changes: Callable[[Any], Any] | None) -> list[dict[str, Any]]:
    return compute(SPEC, lambda tables: plain(tables, **changes), {"people": PEOPLE, "orders": ORDERS})


def test_numbers_are_float64_and_moments_in_utc_within_an_expression() -> None:
    seen = {}

    def looking(tables: Any) -> ibis.Table:
        seen.update({name: dict(table.schema().items()) for name, table in tables.items()})
        return plain(tables)

    compute(SPEC, looking, {"people": PEOPLE, "orders": ORDERS})
    assert {name: str(kind).partition("(")[0] for name, kind in seen["orders"].items()} == {
        "person": "string", "at": "timestamp", "amount": "float64",
    }  # fmt: skip
    assert [row["as_of"].isoformat() for row in changed()] == [
        "2026-01-02T10:00:00+00:00",
        "2026-01-03T01:00:00+00:00",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spent": None}, "spent is missing"),
        ({"more": lambda made: made["orders"]}, "more is unknown"),
        ({"spent": lambda made: made["size"]}, "spent is string, which is no number"),
        ({"spent": lambda made: made["orders"] > 1}, "spent is boolean, which is no number"),
        ({"size": lambda made: made["orders"]}, "size is int64, which is no category"),
        ({"as_of": None}, "as_of is missing"),
        ({"as_of": lambda made: made["orders"]}, "as_of is int64, which is no datetime"),
    ],
)
def test_other_columns_than_the_specs_are_refused_and_named(changes: Any, said: str) -> None:
    with pytest.raises(
        SpecError, match=rf"shop/features.py: features.*{said}.*allowed: the columns person, orders"
    ):
        changed(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spent": lambda made: -made["spent"]}, "spent: 2 of 2 rows are below the minimum, 0, such as -100"),
        ({"orders": lambda made: made["orders"] * 600_000}, "orders: 1 of 2 rows are above the maximum, 1000000"),
        ({"spent": lambda made: made["spent"] * 1e38}, "spent: 2 of 2 rows are not finite as float32"),
        ({"spent": lambda made: made["size"].cast("int64")}, "cannot be made: Conversion Error"),
        ({"spent": lambda made: (made["spent"] - 1000).sqrt()}, "spent: 2 of 2 rows are not finite as float32"),
        ({"spent": lambda made: made["spent"].nullif(100)}, "spent: 1 of 2 rows are missing"),
        ({"size": lambda made: made["size"].upper()}, "size: 2 of 2 rows are not one of small, large, such as LARGE"),
        ({"again": lambda made: made["again"].nullif("no")}, "again: 1 of 2 rows are missing"),
        ({"person": lambda made: made["person"].nullif("a")}, "person: 1 of 2 rows are missing"),
        ({"person": lambda made: made["person"].repeat(200)}, None),
        ({"person": lambda made: made["person"].repeat(300)}, "person: 2 of 2 rows are longer than 256"),
    ],
)  # fmt: skip
def test_values_that_break_the_spec_are_refused_and_shown(changes: Any, said: str | None) -> None:
    if said is None:
        assert len(changed(**changes)) == 2
        return
    with pytest.raises(DataError, match=said) as raised:
        changed(**changes)
    broken = str(raised.value).startswith("the features of shop break its spec: ")
    assert (raised.value.code, broken) == ("features", "cannot be made" not in said)


def test_a_value_of_a_private_column_that_breaks_the_spec_is_not_shown() -> None:
    person, orders, *others = SPEC.columns
    spec = replace(SPEC, columns=(person, replace(orders, private=True), *others))
    with pytest.raises(DataError, match=r"orders: 1 of 2 rows are above the maximum, 1000000$"):
        compute(
            spec,
            lambda tables: plain(tables, orders=lambda made: made["orders"] * 600_000),
            {"people": PEOPLE, "orders": ORDERS},
        )


def test_an_expression_that_fails_does_not_show_at_which_value_where_one_may_be_private() -> None:
    person, *others = SPEC.columns
    spec = replace(SPEC, columns=(replace(person, private=True), *others))
    with pytest.raises(DataError, match=r"shop cannot be made: Conversion Error: [^']* string \(private\)$"):
        compute(
            spec,
            lambda tables: plain(tables, spent=lambda made: made["person"].cast("int64")),
            {"people": PEOPLE, "orders": ORDERS},
        )


def test_a_private_key_that_comes_twice_is_not_shown() -> None:
    people, orders = SPEC.tables
    person, age = people.columns
    spec = replace(SPEC, tables=(replace(people, columns=(replace(person, private=True), age)), orders))
    with pytest.raises(DataError, match=r"table people has 2 rows with person \(private\); allowed: one"):
        compute(spec, plain, {"people": [*PEOPLE, PEOPLE[0]], "orders": ORDERS})


def test_a_join_that_multiplies_rows_is_refused() -> None:
    def doubled(tables: Any) -> ibis.Table:
        return plain(tables).union(plain(tables))

    with pytest.raises(DataError, match="4 rows for 2 pairs of person and as_of"):
        compute(SPEC, doubled, {"orders": ORDERS})


@pytest.mark.parametrize("given", [None, "features", lambda _tables: 7])
def test_a_model_with_tables_whose_code_makes_no_table_of_them_is_refused(given: Any) -> None:
    with pytest.raises(SpecError, match=r"shop/features.py: features"):
        compute(SPEC, given, {"orders": ORDERS})


def test_a_key_that_comes_twice_is_refused() -> None:
    with pytest.raises(DataError, match="table people has 2 rows with person 'a'; allowed: one") as raised:
        compute(SPEC, plain, {"people": [*PEOPLE, PEOPLE[0]], "orders": ORDERS})
    assert raised.value.code == "duplicate_key"


def shards(folder: Path, orders: list[list[dict[str, Any]]]) -> dict[str, list[Path]]:
    people, bought = SPEC.tables
    return {
        "people": [write_shard(folder / "people" / "a.parquet", people.columns, PEOPLE)],
        "orders": [
            write_shard(folder / "orders" / f"{at}.parquet", bought.columns, rows)
            for at, rows in enumerate(orders)
        ],
    }


def build(folder: Path, found: dict[str, list[Path]], work: str, **more: int) -> FeatureSet:
    (folder / work).mkdir()
    return make(SPEC, Code(plain, folder), found, Paths(folder, folder / work), **more)


def test_features_are_made_of_the_shards_of_each_table_and_counted(tmp_path: Path) -> None:
    made = build(tmp_path, shards(tmp_path, [ORDERS[:1], ORDERS[1:]]), "work")
    assert made.tables == {
        "people": {"shards": 1, "rows": 2, "waiting": 0},
        "orders": {"shards": 2, "rows": 3, "waiting": 0},
    }
    assert made.facts["rows"] == 2
    columns = "person, orders, spent, size, again"
    found = duckdb.execute(f"SELECT {columns} FROM '{made.files[0]}' ORDER BY 1").fetchall()  # noqa: S608
    assert found == [("a", 2.0, 12.5, "small", "yes"), ("b", 1.0, 100.0, "large", "no")]


def test_a_feature_set_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the features of shop have no row: is there enough data"):
        build(tmp_path, shards(tmp_path, [[]]), "work")


def test_a_table_without_a_shard_is_named(tmp_path: Path) -> None:
    found = shards(tmp_path, [ORDERS])
    del found["people"]
    with pytest.raises(DataError, match="no shard of table people"):
        build(tmp_path, found, "work")


def test_a_shard_from_before_a_column_lacks_it_when_it_is_optional_and_is_refused_when_not(
    tmp_path: Path,
) -> None:
    found = shards(tmp_path, [ORDERS])
    write_shard(found["people"][0], (Id("person"),), PEOPLE)
    assert build(tmp_path, found, "work").facts["rows"] == 2
    write_shard(found["orders"][0], (Id("person"), DateTime("at")), ORDERS)
    with pytest.raises(DataError, match="3 of 3 rows of table orders have no amount; declare it optional"):
        build(tmp_path, found, "again")


def test_a_damaged_shard_names_its_table(tmp_path: Path) -> None:
    found = shards(tmp_path, [ORDERS])
    found["orders"][0].write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="shards of table orders"):
        build(tmp_path, found, "work")


def many_orders(path: Path, rows: int) -> Path:
    """A shard of orders whose amounts do not add up to the same in every order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = (
        "SELECT 'person ' || (hash(range) % 1000003)::VARCHAR AS person, "  # noqa: S608
        "TIMESTAMPTZ '2026-01-01' + to_seconds(range) AS \"at\", "
        f"CAST((hash(range + 1) % 1000003) / 7 AS FLOAT) AS amount FROM range({rows})"
    )
    duckdb.execute(f"COPY ({made}) TO '{path}' (FORMAT parquet)")
    return path


def test_the_same_shards_give_the_same_bytes(tmp_path: Path) -> None:
    found = shards(tmp_path, [])
    found["orders"] = [many_orders(tmp_path / "orders" / f"{at}.parquet", 40_000 + at) for at in range(3)]
    first, second = build(tmp_path, found, "one"), build(tmp_path, found, "two")
    assert first.files[0].read_bytes() == second.files[0].read_bytes()
    assert first.facts == second.facts


def test_another_row_gives_another_digest(tmp_path: Path) -> None:
    first = build(tmp_path, shards(tmp_path, [ORDERS]), "one")
    second = build(tmp_path, shards(tmp_path, [ORDERS[1:]]), "two")
    assert first.facts["sha256"] != second.facts["sha256"]


def test_data_larger_than_the_memory_goes_to_disk(tmp_path: Path) -> None:
    found = shards(tmp_path, [])
    found["orders"] = [many_orders(tmp_path / "orders" / "a.parquet", 1_000_000)]
    assert build(tmp_path, found, "work", memory_mb=48).facts["rows"] > 600_000


def test_an_expression_reads_no_file_but_the_shards(tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    write_shard(other, (Id("person"),), PEOPLE)
    found = shards(tmp_path / "in", [ORDERS])

    def reading(tables: Any) -> Any:
        return tables["people"].get_backend().read_parquet(other)

    (tmp_path / "work").mkdir()
    with pytest.raises(DataError, match="cannot be made: Permission"):
        make(SPEC, Code(reading, tmp_path), found, Paths(tmp_path / "in", tmp_path / "work"))


def test_a_model_with_one_table_is_trained_without_ibis(tmp_path: Path) -> None:
    spec = replace(SPEC, tables=(), columns=(Id("person"), Number("a")))
    rows = [{"person": f"{n}", "a": n, "again": ("no", "yes")[n % 2]} for n in range(40)]
    write_shard(tmp_path / "main" / "a.parquet", spec.raw_columns("main"), rows)
    code = (
        "import sys; from pathlib import Path; from training import catalog\nfrom training.job import snapshot, train\n"
        "from relearn.spec.model import *\n"
        f"snapshot.load({spec!r}, Path({str(tmp_path)!r}))\n"
        "assert 'ibis' not in sys.modules, 'imported'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
