"""Features can be said in Spark's SQL, whatever engine a spec says; that the values are the same, `tests.spark` shows on Spark."""

from __future__ import annotations

from pathlib import Path

import ibis
import pytest
from ibis.config import Config

from training import catalog
from training.features import engine

WITH_TABLES = sorted(name for name, spec in catalog.load().items() if spec.tables)


class Options(Config):  # type: ignore[misc]
    """Those of the backend that the SQL depends on, which come with PySpark."""

    treat_nan_as_null: bool = False


@pytest.mark.parametrize("model", WITH_TABLES)
def test_the_features_of_a_model_can_be_said_in_the_sql_of_spark(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ibis.options, "pyspark", Options())
    spec = catalog.get(model)
    module = catalog.load_module(catalog.folder(model) / "features.py")
    connection = engine.connect(tmp_path, [])
    engine.show_moments(connection, [])
    engine.show(connection, spec, {table: engine.of_files([]) for table in spec.table_names})
    made = module.features(engine.tables(connection, spec))
    said = ibis.to_sql(made, dialect="pyspark")
    assert [f"`{table}`" in said for table in spec.table_names] == [True] * len(spec.table_names)
