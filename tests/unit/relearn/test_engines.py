"""What may make features, and who decides."""

from __future__ import annotations

from typing import Any

import pytest

from relearn.errors import SpecError
from relearn.lifecycle.runs import failure_reason
from relearn.spec import codec
from relearn.spec.engines import Engine
from relearn.spec.model import Category, DateTime, Id, Metric, ModelSpec, Number, Table, on_spark


def spec(*, tables: bool = True, **given: Any) -> ModelSpec:
    deeds = Table("deeds", columns=(Id("person"), DateTime("at")), time="at")
    return ModelSpec(
        name="shop",
        title="Who buys",
        columns=(Id("person", optional=True), Number("deeds")),
        target=Category("buys", values=("no", "yes")),
        metric=Metric("accuracy", minimum=0.5),
        entity="person",
        tables=(deeds,) if tables else (),
        **given,
    )


def test_duckdb_makes_features_unless_the_spec_says_otherwise() -> None:
    assert not on_spark(spec(), None)
    assert on_spark(spec(engine=Engine("spark")), None)


@pytest.mark.parametrize("said", ["duckdb", "spark"])
def test_a_stage_decides_for_all_of_its_models(said: Any) -> None:
    for engine in (Engine("duckdb"), Engine("spark")):
        assert on_spark(spec(engine=engine), said) == (said == "spark")


def test_a_model_without_tables_has_nothing_for_spark_to_do() -> None:
    assert not on_spark(spec(tables=False), "spark")
    with pytest.raises(SpecError, match="without tables there is nothing to make features of"):
        spec(tables=False, engine=Engine("spark"))


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({"name": "pandas"}, "one of duckdb, spark"),
        ({"workers": 1}, "a whole number, 2 to 299"),
        ({"workers": 2.0}, "a whole number, 2 to 299"),
        ({"worker_type": "m5.large"}, "one of G.1X, G.2X, G.4X, G.8X"),
        ({"max_runtime_minutes": 0}, "a whole number, 1 to 10080"),
    ],
)
def test_an_engine_that_aws_glue_does_not_have_is_refused(given: dict[str, Any], allowed: str) -> None:
    with pytest.raises(SpecError) as caught:
        Engine(**given)
    assert caught.value.allowed == allowed
    assert caught.value.field == f"engine.{next(iter(given))}"


def test_a_spec_keeps_its_engine_as_data_and_an_older_one_has_the_ordinary() -> None:
    made = spec(engine=Engine("spark", workers=9, worker_type="G.2X", max_runtime_minutes=30))
    data = codec.to_dict(made)
    assert codec.from_dict(data) == made
    del data["engine"]
    assert codec.from_dict(data).engine == Engine()


def test_a_glue_run_that_failed_gives_its_own_reason() -> None:
    cause = (
        '{"JobName": "relearn-dev-features", "JobRunState": "FAILED", "ErrorMessage": "DataError: no row"}'
    )
    assert failure_reason("States.TaskFailed", cause) == "States.TaskFailed: DataError: no row"


def test_a_glue_run_that_says_nothing_is_told_by_how_it_ended() -> None:
    cause = '{"JobName": "relearn-dev-features", "JobRunState": "TIMEOUT", "ErrorMessage": ""}'
    assert failure_reason("States.TaskFailed", cause).endswith(
        "the run of the Glue job relearn-dev-features ended as TIMEOUT"
    )
