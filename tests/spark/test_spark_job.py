"""The features job on Spark: what it leaves, and how it says what is wrong."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import pytest

from relearn.errors import DataError, SpecError
from relearn.spec.columns import Boolean
from relearn.spec.model import Category, DateTime, Id, Metric, ModelSpec, Number, Table
from tests.spark import engines
from training import catalog
from training.features import spark_job
from training.features.build import Features
from training.job import glue_job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long

SPEC = ModelSpec(
    name="shop",
    title="Who buys again",
    tables=(
        Table("people", columns=(Id("person"), Boolean("member")), key="person"),
        Table("orders", columns=(Id("person"), DateTime("at"), Number("amount", optional=True)), time="at"),
    ),
    entity="person",
    columns=(Id("person"), Number("spent", minimum=0, maximum=1000)),
    target=Category("again", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.1),
)
PEOPLE: list[dict[str, Any]] = [{"person": name, "member": True} for name in ("a", "it's \\b")]
ORDERS: list[dict[str, Any]] = [
    {"person": "a", "at": "2026-01-01T10:00:00Z", "amount": 5.5},
    {"person": "it's \\b", "at": "2026-01-03T10:00:00+09:00", "amount": None},
]


def spent(tables: Any) -> ibis.Table:
    orders = tables["orders"]
    made = orders.group_by("person").aggregate(
        as_of=orders["at"].max(), spent=orders["amount"].sum().fill_null(0)
    )
    return made.mutate(again=(made["spent"] > 1).ifelse("yes", "no"))


def make(
    session: SparkSession, folder: Path, features: Features = spent, spec: ModelSpec = SPEC, **tables: Any
) -> dict[str, Any]:
    files = engines.shards(spec, folder / "shards", {"people": PEOPLE, "orders": ORDERS, **tables})
    uris = {table: [path.as_uri() for path in paths] for table, paths in files.items()}
    return spark_job.make(session, spec, features, uris, (folder / "made").as_uri())


def test_the_statistics_count_what_was_made(spark: SparkSession, tmp_path: Path) -> None:
    made = make(spark, tmp_path)
    assert made["tables"] == {
        "people": {"shards": 2, "rows": 2, "waiting": 0},
        "orders": {"shards": 2, "rows": 2, "waiting": 0},
    }
    assert made["training"]["rows"] == 2
    assert made["training"]["columns"]["spent"] == {"missing": 0, "minimum": 0.0, "maximum": 5.5}
    assert made["training"]["columns"]["as_of"]["maximum"] == "2026-01-03T01:00:00Z"
    assert made["training"]["columns"]["again"] == {"missing": 0}


def test_rows_of_the_future_wait_and_are_counted(spark: SparkSession, tmp_path: Path) -> None:
    later = {**ORDERS[0], "at": "9998-01-01T10:00:00Z"}
    made = make(spark, tmp_path, orders=[*ORDERS, later, later])
    assert made["tables"]["orders"] == {"shards": 2, "rows": 2, "waiting": 2}
    assert made["training"]["columns"]["as_of"]["maximum"] == "2026-01-03T01:00:00Z"


def test_a_value_that_breaks_the_spec_is_named(spark: SparkSession, tmp_path: Path) -> None:
    many = [{**ORDERS[0], "amount": 2000.0}]
    with pytest.raises(DataError, match=r"spent: 1 of 1 rows are above the maximum, 1000, such as 2000"):
        make(spark, tmp_path, orders=many)


def test_an_unknown_category_is_named_whatever_quotes_it_has(spark: SparkSession, tmp_path: Path) -> None:
    def quoted(tables: Any) -> ibis.Table:
        made: ibis.Table = spent(tables).mutate(again=ibis.literal("it's \\so"))
        return made

    with pytest.raises(DataError) as caught:
        make(spark, tmp_path, quoted)
    assert "again: 2 of 2 rows are not one of no, yes, such as it's \\so" in str(caught.value)


def test_a_key_that_comes_twice_is_named(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="table people has 2 rows with person 'a'; allowed: one"):
        make(spark, tmp_path, people=[PEOPLE[0], PEOPLE[0]])


def test_a_column_that_is_missing_from_the_shards_is_missing_and_named_where_it_must_not_be(
    spark: SparkSession, tmp_path: Path
) -> None:
    people, orders = SPEC.tables
    wider = replace(orders, columns=(*orders.columns, Number("discount", optional=True)))
    files = engines.shards(SPEC, tmp_path / "shards", {"people": PEOPLE, "orders": ORDERS})
    uris = {table: [path.as_uri() for path in paths] for table, paths in files.items()}
    made = spark_job.make(
        spark, replace(SPEC, tables=(people, wider)), spent, uris, (tmp_path / "made").as_uri()
    )
    assert made["training"]["rows"] == 2
    stricter = replace(orders, columns=(*orders.columns, Number("discount")))
    with pytest.raises(DataError, match="2 of 2 rows of table orders have no discount"):
        spark_job.make(
            spark, replace(SPEC, tables=(people, stricter)), spent, uris, (tmp_path / "again").as_uri()
        )


def test_other_columns_than_the_specs_are_refused_before_anything_is_made(
    spark: SparkSession, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match="spent is missing"):
        make(spark, tmp_path, lambda tables: spent(tables).drop("spent"))
    assert not (tmp_path / "made").exists()


def test_an_expression_that_fails_on_the_data_says_how(spark: SparkSession, tmp_path: Path) -> None:
    def failing(tables: Any) -> ibis.Table:
        made: ibis.Table = spent(tables)
        return made.mutate(spent=made["person"].cast("int64"))

    with pytest.raises(DataError, match=r"the features of shop cannot be made: .*CAST_INVALID_INPUT"):
        make(spark, tmp_path, failing)
    person, *others = SPEC.columns
    private = replace(SPEC, columns=(replace(person, private=True), *others))
    with pytest.raises(DataError, match=r"cannot be made: \[CAST_INVALID_INPUT\] The value \(private\)$"):
        make(spark, tmp_path / "private", failing, private)


def test_a_shard_that_is_damaged_names_its_table(spark: SparkSession, tmp_path: Path) -> None:
    files = engines.shards(SPEC, tmp_path / "shards", {"people": PEOPLE, "orders": ORDERS})
    files["orders"][0].write_bytes(b"PAR1 and nothing else")
    uris = {table: [path.as_uri() for path in paths] for table, paths in files.items()}
    with pytest.raises(DataError, match=r"of table orders do not fit its columns: .*orders/0\.parquet"):
        spark_job.make(spark, SPEC, spent, uris, (tmp_path / "made").as_uri())


def test_no_rows_are_nothing_to_learn_from(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the features of shop have no row"):
        make(spark, tmp_path, orders=[])


def test_a_snapshot_without_a_table_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the snapshot of shop has no shard of table people, orders"):
        spark_job.make(spark, SPEC, spent, {}, tmp_path.as_uri())


def test_the_script_makes_a_snapshots_features_of_the_code_it_fetches(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spark is not None
    monkeypatch.setenv("RELEARN_S3_DIR", str(tmp_path))
    spec = catalog.get("churn")
    lake = tmp_path / "lake"
    events = [{"customer_id": "c1", "at": at, "kind": "visit"} for at in ("2025-01-02", "2025-06-30")]
    people = [{"customer_id": "c1", "signed_up": "2025-01-01", "plan": "plus", "channel": "friend"}]
    engines.shards(spec, lake / "datasets/churn", {"customers": people, "events": events})
    names = [f"{table}/{number}.parquet" for table in spec.table_names for number in (0, 1)]
    (lake / "run.manifest").write_text(json.dumps([{"prefix": "s3://lake/datasets/churn/"}, *names]))
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as code:
        code.writestr("training/__init__.py", "")
    (tmp_path / "assets").mkdir()
    (tmp_path / "code.zip").rename(tmp_path / "assets" / "code.zip")
    given = {
        "model": "churn",
        "snapshot": "s3://lake/run.manifest",
        "output": "s3://lake/spark/churn/r1/",
        "now": "2026-05-04T10:00:00+00:00",
    }
    words = [word for key, value in given.items() for word in (f"--{key}", value)]
    glue_job.main([*words, "--code", "s3://assets/code.zip", "--JOB_NAME", "relearn-dev-features"])
    made = json.loads((lake / "spark/churn/r1/statistics.json").read_text())
    assert (made["training"]["rows"], made["online"]["rows"]) == (1, 1)
    assert made["as_of"] == "2025-06-30T00:00:00+00:00"
    assert list((lake / "spark/churn/r1/online").glob("*.parquet"))


class Opens:
    """A session that opens files and reads no tables."""

    def __init__(self, session: SparkSession) -> None:
        self._jvm = session._jvm
        self._jsc = session._jsc


def test_the_code_and_the_list_of_shards_are_opened_and_not_listed(
    spark: SparkSession, tmp_path: Path
) -> None:
    """S3A lists what Spark reads as a table, which the role may not do in the bucket of the CDK's assets."""
    content = bytes(range(256)) * 1000
    (tmp_path / "code.zip").write_bytes(content)
    opens: Any = Opens(spark)
    assert glue_job.read_file(opens, (tmp_path / "code.zip").as_uri()) == content
