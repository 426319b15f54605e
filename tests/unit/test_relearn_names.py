"""Names fit the limits of the services they are for, and keys are read as they were written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn import names
from relearn.errors import ConfigError
from tests.unit.strategies import MODEL_NAMES

STAGES = st.from_regex(names.STAGE_PATTERN, fullmatch=True)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SAGEMAKER_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"


@given(STAGES, MODEL_NAMES, TIMES, st.integers(1, 99_999), st.text())
def test_every_name_is_one_that_sagemaker_takes(
    stage: str, model: str, at: datetime, version: int, seed: str
) -> None:
    run = names.run_id(at, seed)
    made = [names.job(stage, model, run), names.endpoint(stage, model, version), names.group(stage, model)]
    for name in made:
        assert re.fullmatch(SAGEMAKER_NAME, name)
        assert len(name) <= 63
        assert name.replace("-", "").isalnum()
        assert name.startswith(names.prefix(stage))


@given(STAGES, MODEL_NAMES, st.integers(1, 99_999))
def test_where_a_version_is_says_how_it_is_asked(stage: str, model: str, version: int) -> None:
    endpoint, host = (names.place(stage, model, version, in_lambda=where) for where in (False, True))
    assert endpoint == (names.endpoint(stage, model, version), False)
    assert host == (names.host_function(stage, model), True)
    assert endpoint.name != host.name
    assert len(host.name) <= 64  # Lambda's limit


@given(STAGES, MODEL_NAMES, st.integers(1, 99_999))
def test_a_place_is_known_by_its_name(stage: str, model: str, version: int) -> None:
    for in_lambda in (False, True):
        place = names.place(stage, model, version, in_lambda=in_lambda)
        assert names.parse_place(stage, model, place.name) == place
        assert names.in_sagemaker(stage, model, version, place.name) == names.endpoint(stage, model, version)


@given(STAGES, MODEL_NAMES, st.integers(1, 99_999))
def test_a_version_without_a_place_has_nothing_in_sagemaker(stage: str, model: str, version: int) -> None:
    assert names.in_sagemaker(stage, model, version, "") == ""


@given(TIMES, TIMES, st.text(), st.text())
def test_run_ids_sort_by_time(first: datetime, second: datetime, one: str, two: str) -> None:
    earlier, later = names.run_id(first, one), names.run_id(second, two)
    assert len(earlier) == 22
    if first.replace(microsecond=0) < second.replace(microsecond=0):
        assert earlier < later


def test_a_run_id_does_not_depend_on_the_time_zone() -> None:
    at = datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert names.run_id(at.astimezone(timezone(timedelta(hours=9))), "s") == names.run_id(at, "s")


@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_an_upload_id_names_one_version_of_one_object(
    first: tuple[str, str, str], second: tuple[str, str, str]
) -> None:
    if "\n" not in "".join(first + second):
        assert (names.upload_id(*first) == names.upload_id(*second)) == (first == second)


@given(MODEL_NAMES, st.text(min_size=1).filter(lambda name: not name.endswith("/") and name[0] != "/"))
def test_the_key_of_an_upload_is_read_back(model: str, name: str) -> None:
    found = names.parse_incoming(names.incoming_prefix(model) + name)
    assert found == names.IncomingKey(model=model, name=name)
    assert found.table(("main",)) == "main"


@given(MODEL_NAMES, st.text(min_size=1).filter(lambda name: not name.endswith("/") and name[0] != "/"))
def test_the_key_of_an_upload_of_one_of_several_tables_names_it(model: str, name: str) -> None:
    found = names.parse_incoming(names.incoming_prefix(model, "events") + name)
    assert found == names.IncomingKey(model=model, name=f"events/{name}")
    assert found.table(("customers", "events")) == "events"


@pytest.mark.parametrize(
    "name", ["a.csv", "events", "event/a.csv", "x/events/a.csv", "main/a.csv", "Events/a.csv"]
)
def test_a_key_that_names_none_of_several_tables_is_told(name: str) -> None:
    found = names.parse_incoming(f"incoming/churn/{name}")
    assert found is not None
    assert found.table(("customers", "events")) is None


@pytest.mark.parametrize(
    "key",
    ["", "incoming", "incoming/", "incoming/iris", "incoming/iris/", "incoming//a.csv", "incoming/iris/sub/",
     "Incoming/iris/a.csv", "datasets/iris/main/a.parquet", "quarantine/iris/u/object"],
)  # fmt: skip
def test_what_is_no_upload_is_told_by_its_key(key: str) -> None:
    assert names.parse_incoming(key) is None


@given(st.text())
def test_any_key_is_read_without_an_error(key: str) -> None:
    names.parse_incoming(key)


@pytest.mark.parametrize("stage", ["", "Dev", "1dev", "a" * 11, "de-v", "dev\n"])
def test_a_stage_that_can_not_be_part_of_names_is_refused(stage: str) -> None:
    with pytest.raises(ConfigError, match="stage"):
        names.check_stage(stage)


@given(STAGES)
def test_any_other_stage_is_taken(stage: str) -> None:
    assert names.check_stage(stage) == stage


@given(st.from_regex(r"[a-z0-9-]{3,20}", fullmatch=True), st.text())
def test_an_s3_uri_is_read_back(bucket: str, key: str) -> None:
    assert names.parse_s3_uri(names.s3_uri(bucket, key)) == (bucket, key)


def test_our_own_outputs_are_never_under_the_prefix_of_uploads() -> None:
    made = [
        names.shard_key("iris", "u"),
        names.quarantine_prefix("iris", "u"),
        names.snapshot_key("iris", "r"),
        names.report_key("iris", "r", "report.json"),
        names.artifact_prefix("iris"),
    ]
    assert [key for key in made if names.parse_incoming(key)] == []
