from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings import LOG_RETENTION_DAYS, Settings, read
from relearn.errors import ConfigError
from tests.infra.synthesis import CONTEXT


def context(stages: Any, **keys: Any) -> Any:
    return {"relearn": {"stages": stages}, **keys}.get


def refused(stages: Any, **keys: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(context(stages, **keys))
    return caught.value


def test_without_a_choice_the_stage_is_dev() -> None:
    assert read(context({"dev": {}})) == Settings(stage="dev")


def test_the_chosen_stage_brings_its_own_settings() -> None:
    stages = {"dev": {}, "prod": {"protect": True, "log_retention_days": 365}}
    assert read(context(stages, stage="prod")) == Settings(stage="prod", protect=True, log_retention_days=365)


def test_account_and_region_of_the_command_line_win_over_the_stage() -> None:
    settings = read(context({"dev": {"region": "eu-west-1"}}, region="us-east-1", account="123456789012"))
    assert (settings.region, settings.account) == ("us-east-1", "123456789012")


def test_an_unknown_stage_is_refused_with_the_known_ones() -> None:
    error = refused({"dev": {}, "prod": {}}, stage="staging")
    assert (error.key, error.value) == ("stage", "staging")
    assert "dev, prod" in error.allowed


def test_an_unknown_setting_is_refused_with_the_known_ones() -> None:
    error = refused({"dev": {"debounce": 5}})
    assert (error.key, error.value) == ("relearn.stages.dev.debounce", 5)
    assert "debounce_seconds" in error.allowed


def test_a_stage_can_not_name_itself() -> None:
    assert refused({"dev": {"stage": "prod"}}).key == "relearn.stages.dev.stage"


@pytest.mark.parametrize("root", [None, [], "stages", {"stages": []}, {"stage": {}}])
def test_a_context_that_is_not_settings_is_refused(root: Any) -> None:
    with pytest.raises(ConfigError, match="relearn"):
        read({"relearn": root}.get)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("api_auth", "None", "one of iam, none"),
        ("api_auth", None, "one of iam, none"),
        ("protect", "yes", "one of True, False"),
        ("protect", 1, "one of True, False"),
        ("debounce_seconds", -1, "a whole number, 0 to 86400, or nothing"),
        ("debounce_seconds", "60", "a whole number, 0 to 86400, or nothing"),
        ("poll_seconds", 0, "a whole number, 1 to 300"),
        ("record_window_seconds", 0, "a whole number, 1 to 300"),
        ("poll_seconds", None, "a whole number, 1 to 300"),
        ("poll_seconds", True, "a whole number, 1 to 300"),
        ("sweep_minutes", 1441, "a whole number, 1 to 1440"),
        ("ingest_timeout_seconds", 901, "a whole number, 30 to 900"),
        ("log_retention_days", 10, "one of 1, 3, 5"),
        ("requests_per_second", 1.5, "a whole number, 1 to 10000"),
        ("burst", 5001, "a whole number, 1 to 5000"),
        ("account", 123456789012, "the 12 digits of an AWS account, quoted"),
        ("region", "Frankfurt", "an AWS region, e.g. eu-central-1"),
        ("alarm_email", "me", "an e-mail address"),
        ("github_repository", "relearn", "owner/name of a GitHub repository"),
        ("github_branch", None, "name of a branch"),
        ("github_branch", "*", "name of a branch"),
        ("github_provider", "new", "one of create, existing"),
    ],
)
def test_a_wrong_value_is_refused_with_key_value_and_what_is_allowed(
    key: str, value: Any, allowed: str
) -> None:
    error = refused({"dev": {key: value}})
    assert (error.key, error.value) == (key, value)
    assert allowed in error.allowed
    assert key in str(error)


def test_an_open_api_is_refused_off_the_laptop() -> None:
    assert read(context({"local": {"api_auth": "none"}}, stage="local")).api_auth == "none"
    assert refused({"dev": {"api_auth": "none"}}).key == "api_auth"


@given(st.text(min_size=1, max_size=12))
def test_a_stage_name_that_would_break_a_resource_name_is_refused(name: str) -> None:
    right = (
        name.isascii() and name.isalnum() and name == name.lower() and name[0].isalpha() and len(name) <= 10
    )
    if right:
        assert Settings(stage=name).stage == name
    else:
        with pytest.raises(ConfigError, match="stage"):
            Settings(stage=name)


@given(st.integers(0, 4000).filter(lambda days: days not in LOG_RETENTION_DAYS))
def test_log_retention_is_one_that_cloudwatch_knows(days: int) -> None:
    with pytest.raises(ConfigError, match="log_retention_days"):
        Settings(stage="dev", log_retention_days=days)


@pytest.mark.parametrize("stage", sorted(CONTEXT["relearn"]["stages"]))
def test_every_stage_of_cdk_json_is_right(stage: str) -> None:
    assert read({**CONTEXT, "stage": stage}.get).stage == stage
