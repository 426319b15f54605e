"""Features of past moments: the same bytes for the same snapshot, and no target that nobody can know yet."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import ConfigError
from scoring.container import Container
from tests.support.training_kit import iris_rows, write_shard
from tests.support.training_kit import job as iris_job
from training import catalog
from training.features import feature_set
from training.features.testing import rows_of
from training.job import backfill, train
from training.job.backfill import Span

SEED = catalog.folder("churn") / "seed"
SPAN = {"moments_from": "2025-04-01", "moments_to": "2025-12-15"}
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of churn: its seed as the job finds it."""
    folder = tmp_path_factory.mktemp("snapshot")
    for table in catalog.get("churn").tables:
        write_shard(
            folder / "datasets" / "churn" / table.name / "seed.parquet",
            table.columns,
            rows_of(SEED / f"{table.name}.csv"),
        )
    return folder


def ended(base: Path, shards: Path, **told: str) -> tuple[int, Container]:
    """Run the training container's command as SageMaker would."""
    (base / "input/data").mkdir(parents=True)
    (base / "input/data/train").symlink_to(shards, target_is_directory=True)
    config = base / "input/config/hyperparameters.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"model": "churn", "run_id": "r1", "snapshot": "s1", **told}))
    box = Container(base)
    return train.main(box), box


@pytest.fixture(scope="module")
def made(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Container, Any]:
    """What a job made of the months of `SPAN`, and its statistics."""
    code, box = ended(tmp_path_factory.mktemp("job"), shards, **SPAN)
    assert code == 0
    return box, json.loads((box.output / "statistics.json").read_text())


def rows(file: Path, where: str = "true") -> list[Any]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        moment = "strftime(as_of AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS as_of"
        shown = f"SELECT * REPLACE ({moment}) FROM '{file}'"  # noqa: S608
        return connection.execute(f"FROM ({shown}) WHERE {where} ORDER BY ALL").fetchall()


def test_the_job_writes_features_and_statistics_and_no_model(made: tuple[Container, Any]) -> None:
    box, statistics = made
    assert sorted(path.name for path in box.output.iterdir()) == ["features.parquet", "statistics.json"]
    assert not box.model.exists()
    content = (box.output / "features.parquet").read_bytes()
    assert statistics["sha256"] == hashlib.sha256(content).hexdigest()
    assert (statistics["model"], statistics["run_id"], statistics["snapshot"]) == ("churn", "r1", "s1")


def test_every_moment_asked_for_has_its_rows(made: tuple[Container, Any]) -> None:
    box, statistics = made
    assert list(statistics["moments"]) == [f"2025-{month:02}-01T00:00:00Z" for month in range(4, 13)]
    assert sum(statistics["moments"].values()) == statistics["rows"]
    assert statistics["rows"] == len(rows(box.output / "features.parquet"))


def test_the_statistics_say_what_each_column_holds(made: tuple[Container, Any]) -> None:
    _, statistics = made
    visits = statistics["columns"]["visits_90d"]
    assert visits["missing"] == visits["minimum"] == 0
    assert 0 < visits["mean"] < visits["maximum"]
    assert statistics["columns"]["plan"] == {"missing": 0}
    assert statistics["tables"]["customers"] == {"shards": 1, "rows": 300, "waiting": 0}


def test_the_same_snapshot_and_moments_give_the_same_bytes(
    made: tuple[Container, Any], shards: Path, tmp_path: Path
) -> None:
    box, _ = made
    _, again = ended(tmp_path, shards, **SPAN)
    for name in ("features.parquet", "statistics.json"):
        assert (again.output / name).read_bytes() == (box.output / name).read_bytes()


def test_what_training_made_of_a_month_is_made_again(
    made: tuple[Container, Any], shards: Path, tmp_path: Path
) -> None:
    spec, home = catalog.get("churn"), catalog.folder("churn")
    by_table = {
        table: sorted((shards / "datasets" / "churn" / table).glob("*.parquet")) for table in spec.table_names
    }
    code = feature_set.Code(catalog.load_module(home / "features.py").features, home)
    files = feature_set.make(spec, code, by_table, feature_set.Paths(shards, tmp_path)).files
    trained = sorted(row for file in files for row in rows(file))
    first, last = min(row[-1] for row in trained), max(row[-1] for row in trained)
    box, statistics = made
    assert sorted(rows(box.output / "features.parquet", f"as_of BETWEEN '{first}' AND '{last}'")) == trained
    others = {*statistics["short_history"], *statistics["target_unknown"]}
    assert set(statistics["moments"]) - others == {row[-1] for row in trained}


def test_a_target_is_missing_where_its_days_are_not_over(shards: Path, tmp_path: Path) -> None:
    span = {"moments_from": "2025-11-30", "moments_to": "2025-12-02", "moments_every": "day"}
    code, box = ended(tmp_path, shards, **span)
    assert code == 0
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT as_of::DATE, count(outcome) FROM read_parquet($file) GROUP BY 1 ORDER BY 1",
            {"file": str(box.output / "features.parquet")},
        ).fetchall()
    (_, first), *others = found
    assert first > 0
    assert [known for _, known in others] == [0, 0]
    statistics = json.loads((box.output / "statistics.json").read_text())
    assert statistics["target_unknown"] == ["2025-12-01T00:00:00Z", "2025-12-02T00:00:00Z"]
    assert statistics["columns"]["outcome"]["missing"] == sum(list(statistics["moments"].values())[1:])


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"moments_from": "april"}, "moments_from.*'april'; allowed: a day, as 2025-04-01"),
        ({"moments_from": "2025-04-01"}, "moments_to.*None; allowed: a day"),
        ({**SPAN, "moments_every": "week"}, "moments_every.*'week'; allowed: one of day, month"),
        ({**SPAN, "moments_to": "2025-03-01"}, "allowed: 1 to 3700 moments, one a month; these are 0"),
        ({**SPAN, "moments_to": "9999-12-31", "moments_every": "day"}, "these are 3701"),
        ({**SPAN, "moments_from": "2024-12-01"}, "got 2024-12-01 to 2025-12-01; allowed: 2025-01-01"),
        (
            {**SPAN, "moments_to": "2026-02-01"},
            "got 2025-04-01 to 2026-02-01; allowed: .* to 2025-12-30 .*, from the first to the last row of table events",
        ),
    ],
)
def test_what_can_not_be_made_is_refused_with_what_is_allowed(
    shards: Path, tmp_path: Path, told: dict[str, str], reason: str
) -> None:
    code, box = ended(tmp_path, shards, **told)
    assert code == 1
    assert not (box.output / "features.parquet").exists()
    failure = (tmp_path / "output/failure").read_text()
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(failure)


def test_data_that_is_not_known_yet_is_no_data(shards: Path, tmp_path: Path) -> None:
    code, _ = ended(tmp_path, shards, now="2024-06-01T00:00:00+00:00", **SPAN)
    assert code == 1
    assert "table events of churn has no row" in (tmp_path / "output/failure").read_text()


def test_moments_before_anybody_was_there_are_refused(shards: Path, tmp_path: Path) -> None:
    folder = tmp_path / "snapshot" / "datasets" / "churn"
    shutil.copytree(shards / "datasets" / "churn" / "events", folder / "events")
    later = [{**row, "signed_up": "2025-11-15"} for row in rows_of(SEED / "customers.csv")]
    write_shard(folder / "customers" / "seed.parquet", catalog.get("churn").raw_columns("customers"), later)
    early = {"moments_from": "2025-04-01", "moments_to": "2025-05-01"}
    code, _ = ended(tmp_path / "job", tmp_path / "snapshot", **early)
    assert code == 1
    failure = (tmp_path / "job/output/failure").read_text()
    assert "the features of churn have no row at any of these moments" in failure


def test_a_snapshot_without_one_of_the_tables_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    code, _ = ended(tmp_path / "job", empty, **SPAN)
    assert code == 1
    assert "no shard of table customers" in (tmp_path / "job/output/failure").read_text()


def test_a_model_without_tables_has_no_past_features(tmp_path: Path) -> None:
    box = iris_job(tmp_path, iris_rows()[:10], **SPAN)
    with pytest.raises(ConfigError, match="'iris'; allowed: a model whose spec has tables and moments"):
        train.run(box)


@given(DAYS, st.integers(0, 3000), st.sampled_from(backfill.PACES))
def test_moments_are_midnights_within_the_days_in_order(first: date, days: int, every: str) -> None:
    last = first + timedelta(days=days)
    told = {"moments_from": first.isoformat(), "moments_to": last.isoformat(), "moments_every": every}
    there = every == "day" or first.replace(day=1) < last.replace(day=1) or first.day == 1
    if not there:
        with pytest.raises(ConfigError, match="these are 0"):
            Span.of(told)
        return
    moments = Span.of(told).moments()
    assert list(moments) == sorted(set(moments))
    for moment in moments:
        assert first <= moment.date() <= last
        assert moment == datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
        assert every == "day" or moment.day == 1
    assert every == "month" or len(moments) == days + 1
