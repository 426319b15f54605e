"""Names fit the limits of the services they are for, and are read as they were written."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import ConfigError
from relearn.naming import ids, resources
from tests.support.strategies import MODEL_NAMES

STAGES = st.from_regex(resources.STAGE_PATTERN, fullmatch=True)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SAGEMAKER_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"


@given(STAGES, MODEL_NAMES, TIMES, st.integers(1, 99_999), st.text())
def test_every_name_is_one_that_sagemaker_takes(
    stage: str, model: str, at: datetime, version: int, seed: str
) -> None:
    run = ids.run_id(at, seed)
    made = [
        resources.job(stage, model, run),
        resources.endpoint(stage, model, version),
        resources.group(stage, model),
    ]
    for name in made:
        assert re.fullmatch(SAGEMAKER_NAME, name)
        assert len(name) <= 63
        assert name.replace("-", "").isalnum()
        assert name.startswith(resources.prefix(stage))


@given(STAGES, MODEL_NAMES, st.sampled_from(["job", "endpoint", "exp"]))
def test_every_name_of_a_role_is_one_that_iam_takes(stage: str, model: str, kind: str) -> None:
    name = (
        resources.roles(stage, kind, "us-isof-south-1") + model
    )  # no setting may have a region of a longer name
    assert re.fullmatch(r"[\w+=,.@-]{1,64}", name)


@given(STAGES, MODEL_NAMES, st.integers(1, 99_999))
def test_where_a_version_is_says_how_it_is_asked(stage: str, model: str, version: int) -> None:
    endpoint, host = (resources.place(stage, model, version, in_lambda=where) for where in (False, True))
    assert endpoint == (resources.endpoint(stage, model, version), False)
    assert host == (resources.host_function(stage, model), True)
    assert endpoint.name != host.name
    assert len(host.name) <= 64  # Lambda's limit


@given(STAGES, MODEL_NAMES, st.integers(1, 99_999))
def test_a_place_is_known_by_its_name(stage: str, model: str, version: int) -> None:
    for in_lambda in (False, True):
        place = resources.place(stage, model, version, in_lambda=in_lambda)
        assert resources.parse_place(stage, model, place.name) == place
        assert resources.in_sagemaker(stage, model, version, place.name) == resources.endpoint(
            stage, model, version
        )


@given(STAGES, MODEL_NAMES, st.integers(1, 99_999))
def test_a_version_without_a_place_has_nothing_in_sagemaker(stage: str, model: str, version: int) -> None:
    assert resources.in_sagemaker(stage, model, version, "") == ""


@pytest.mark.parametrize("stage", ["", "Dev", "1dev", "a" * 11, "de-v", "dev\n"])
def test_a_stage_that_can_not_be_part_of_names_is_refused(stage: str) -> None:
    with pytest.raises(ConfigError, match="stage"):
        resources.check_stage(stage)


@given(STAGES)
def test_any_other_stage_is_taken(stage: str) -> None:
    assert resources.check_stage(stage) == stage


AT = datetime(2026, 5, 4, 10, 11, 12, tzinfo=UTC)


def test_a_name_is_the_one_that_deployed_stages_have() -> None:
    made = {
        "relearn-dev-open-run": resources.function("dev", "open_run"),
        "relearn-dev-host-iris": resources.host_function("dev", "iris"),
        "relearn-dev-data": resources.stack("dev", "data"),
        "relearn:model": resources.tag("model"),
        "relearn-dev-guard-iris-": resources.guard("dev", "iris"),
        "relearn-dev-iris": resources.group("dev", "iris"),
        "relearn-dev-iris-v7": resources.endpoint("dev", "iris", 7),
        "relearn-dev-iris-r": resources.job("dev", "iris", "r"),
        "relearn-dev-job-eu-west-1-": resources.roles("dev", "job", "eu-west-1"),
        "relearn-dev-restore": resources.restore_machine("dev"),
        "relearn-dev-iris-retrain": resources.schedule("dev", "iris"),
        "relearn-dev-features-": resources.feature_jobs("dev"),
        "relearn-dev-iris-b": resources.transform_job("dev", "iris", "b"),
        "relearn-dev-iris-exp": resources.experiment_job("dev", "iris"),
        "relearn-dev-iris-backfill-20260504101112": resources.backfill_job("dev", "iris", AT),
        "relearn-dev-tune-043a7187": resources.tuning_job("dev", "s"),
    }
    assert made == {name: name for name in made}


def test_the_name_of_a_job_does_not_depend_on_the_time_zone() -> None:
    tokyo = AT.astimezone(timezone(timedelta(hours=9)))
    assert resources.backfill_job("dev", "iris", tokyo) == resources.backfill_job("dev", "iris", AT)


def test_the_models_of_one_stack_have_no_stack_of_their_own() -> None:
    assert resources.model_parts(1) == []


def test_the_stacks_of_another_count_have_other_names() -> None:
    """So a stage that changes the count creates stacks, instead of moving resources between two that exist."""
    assert resources.model_parts(2) == ["models-1-of-2", "models-2-of-2"]
    assert not set(resources.model_parts(2)) & set(resources.model_parts(3))


def test_a_model_is_in_one_stack_whatever_other_models_there_are() -> None:
    placed = {name: resources.model_part(name, 4) for name in ("churn", "diabetes", "iris", "tickets")}
    assert placed == {
        "churn": "models-4-of-4",
        "diabetes": "models-3-of-4",
        "iris": "models-4-of-4",
        "tickets": "models-2-of-4",
    }


def test_many_models_are_spread_evenly() -> None:
    """As far as chance does: the largest of four stacks of 300 models has no more than 95."""
    placed = Counter(resources.model_part(f"model-{number}", 4) for number in range(300))
    assert set(placed) == set(resources.model_parts(4))
    assert max(placed.values()) <= 95


@pytest.mark.parametrize(
    ("in_lambda", "name"), [(True, "relearn-dev-host-iris"), (False, "relearn-dev-iris-v7")]
)
def test_a_place_is_read_as_it_was_named(*, in_lambda: bool, name: str) -> None:
    place = resources.place("dev", "iris", 7, in_lambda=in_lambda)
    assert place == resources.Place(name, in_lambda)
    assert resources.parse_place("dev", "iris", name) == place
    assert resources.in_sagemaker("dev", "iris", 7, name) == "relearn-dev-iris-v7"


def test_the_group_of_another_stage_is_of_no_model() -> None:
    assert resources.parse_group("dev", "relearn-dev-iris") == "iris"
    assert resources.parse_group("dev", "relearn-prod-iris") is None


@pytest.mark.parametrize(
    "name", ["relearn-prod-iris-{}", "relearn-dev-{}", "relearn-dev-iris{}", "relearn-dev-iris-x"]
)
def test_what_is_no_transform_job_of_the_stage_is_told(name: str) -> None:
    batch = ids.batch_id(AT, "s")
    assert resources.parse_transform_job("dev", f"relearn-dev-iris-{batch}") == ("iris", batch)
    assert resources.parse_transform_job("dev", name.format(batch)) is None
