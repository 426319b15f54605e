from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.base import staging
from infra.base.setting_rules import LOG_RETENTION_DAYS
from infra.base.settings import DEFAULT_THROTTLES, Settings, load_settings
from relearn.api import operations
from relearn.errors import ConfigError
from tests.infra.synthesis import CONTEXT


def context(stages: Any, **keys: Any) -> Any:
    return {"relearn": {"stages": stages}, **keys}.get


def refused(stages: Any, **keys: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(context(stages, **keys))
    return caught.value


def test_without_a_choice_the_stage_is_dev() -> None:
    assert load_settings(context({"dev": {}})) == Settings(stage="dev")


def test_the_chosen_stage_brings_its_own_settings() -> None:
    stages = {"dev": {}, "prod": {"debounce_seconds": 60, "log_retention_days": 365}}
    assert load_settings(context(stages, stage="prod")) == Settings(
        stage="prod", debounce_seconds=60, log_retention_days=365
    )


def test_account_and_region_of_the_command_line_win_over_the_stage() -> None:
    settings = load_settings(
        context({"dev": {"region": "eu-west-1"}}, region="us-east-1", account="123456789012")
    )
    assert (settings.region, settings.account) == ("us-east-1", "123456789012")


def test_the_image_of_the_command_line_wins_over_the_stage() -> None:
    first, second = (f"sha256:{digit * 64}" for digit in "12")
    assert load_settings(context({"dev": {"image": first}}, image=second)).image == second


@pytest.mark.parametrize("more", [{"protect": True}, {"github_repository": "acme/relearn"}])
@pytest.mark.parametrize("lacking", ["account", "region"])
def test_only_a_sandbox_may_go_wherever_the_credentials_lead(more: dict[str, Any], lacking: str) -> None:
    place = {"account": "123456789012", "region": "eu-central-1"}
    assert load_settings(context({"dev": {**place, **more}})).account == place["account"]
    error = refused({"dev": {**{key: place[key] for key in place if key != lacking}, **more}})
    assert error.key == lacking
    assert "a stage that is protected or deployed from GitHub names it" in error.allowed
    assert load_settings(context({"dev": {}})).sandbox


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
        load_settings({"relearn": root}.get)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("api_auth", "none", "one of iam, jwt"),
        ("api_auth", None, "one of iam, jwt"),
        ("jwt_scope_prefix", "our api/", "characters that a scope may have"),
        ("jwt_scope_prefix", None, "characters that a scope may have"),
        ("cors_origins", "https://app.example.com", "a list of origins"),
        ("predict_reserved_concurrency", 0, "a whole number, 1 to 10000, or nothing"),
        ("throttles", {"predicts": [1, 1]}, "createBatch"),
        ("throttles", {"predict": [0, 1]}, "requests a second (1 to 10000), burst (1 to 5000)"),
        ("throttles", {"predict": [1, 5001]}, "requests a second (1 to 10000), burst (1 to 5000)"),
        ("throttles", {"predict": 5}, "[requests a second"),
        ("throttles", [], "an object of operation"),
        ("protect", "yes", "one of True, False"),
        ("protect", 1, "one of True, False"),
        ("debounce_seconds", -1, "a whole number, 0 to 86400, or nothing"),
        ("debounce_seconds", "60", "a whole number, 0 to 86400, or nothing"),
        ("features_engine", "pandas", "one of None, duckdb, spark"),
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
        ("region", "eu-northwestern-1", "at most 15 characters"),  # names of roles would be too long
        ("image", "relearn:latest", "the digest of an image"),
        ("image", f"sha256:{'A' * 64}", "sha256: and 64 hexadecimal digits"),
        ("alarm_email", "me", "an e-mail address"),
        ("github_repository", "relearn", "owner/name of a GitHub repository"),
        ("github_repository", "acme@1/relearn", "owner@id/name@id with the numbers of both"),
        ("github_repository", "acme@one/relearn@two", "owner@id/name@id with the numbers of both"),
        ("github_branch", None, "name of a branch"),
        ("github_branch", "*", "name of a branch"),
        ("github_provider", "new", "one of create, existing"),
    ],
)
def test_a_wrong_value_is_refused_with_key_value_and_what_is_allowed(
    key: str, value: Any, allowed: str
) -> None:
    error = refused({"dev": {key: value}})
    assert error.key == key
    assert json.dumps(error.value) == json.dumps(value)
    assert allowed in error.allowed
    assert key in str(error)


TOKENS = {"api_auth": "jwt", "jwt_issuer": "https://login.example.com/", "jwt_audience": ["relearn"]}


def test_a_stage_that_takes_tokens_names_their_issuer_and_audience() -> None:
    settings = load_settings(context({"dev": TOKENS}))
    assert (settings.jwt_issuer, settings.jwt_audience) == ("https://login.example.com/", ("relearn",))
    assert settings.jwt_scope_prefix == "relearn/"


def test_the_stage_that_the_page_shows_may_be_copied() -> None:
    page = (staging.ROOT / "docs" / "reference" / "API.md").read_text()
    (shown,) = (block for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "jwt_issuer" in block)
    settings = load_settings(context(json.loads(f"{{{shown}}}"), stage="prod"))
    assert settings.api_auth == "jwt"


@pytest.mark.parametrize("key", ["jwt_issuer", "jwt_audience"])
def test_tokens_need_an_issuer_and_an_audience(key: str) -> None:
    error = refused({"dev": {name: value for name, value in TOKENS.items() if name != key}})
    assert error.key == key
    assert "api_auth jwt needs it" in error.allowed


@pytest.mark.parametrize("key", ["jwt_issuer", "jwt_audience"])
def test_signed_requests_need_neither(key: str) -> None:
    error = refused({"dev": {key: TOKENS[key]}})
    assert error.key == key
    assert "unless api_auth is jwt" in error.allowed


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("jwt_issuer", "http://login.example.com", "the https:// URL of an OIDC issuer"),
        ("jwt_issuer", "https://login.example.com?tenant=1", "without a query or fragment"),
        ("jwt_audience", [], "a list of audiences"),
        ("jwt_audience", "relearn", "a list of audiences"),
        ("jwt_audience", ["relearn", "relearn"], "each once"),
    ],
)
def test_a_wrong_issuer_or_audience_is_refused(key: str, value: Any, allowed: str) -> None:
    error = refused({"dev": {**TOKENS, key: value}})
    assert error.key == key
    assert allowed in error.allowed


ORIGINS = ["https://app.example.com", "http://localhost:3000"]


@pytest.mark.parametrize("auth", [{}, TOKENS])
def test_pages_of_named_origins_may_call(auth: dict[str, Any]) -> None:
    assert load_settings(context({"dev": {**auth, "cors_origins": ORIGINS}})).cors_origins == tuple(ORIGINS)


@pytest.mark.parametrize(
    "origins",
    [["https://app.example.com/"], ["http://app.example.com"], ["app.example.com"], ["*", *ORIGINS]],
)
def test_what_is_no_origin_is_refused(origins: list[str]) -> None:
    error = refused({"dev": {**TOKENS, "cors_origins": origins}})
    assert error.key == "cors_origins"
    assert "a list of origins" in error.allowed


def test_any_origin_may_call_only_with_tokens() -> None:
    assert load_settings(context({"dev": {**TOKENS, "cors_origins": ["*"]}})).cors_origins == ("*",)
    error = refused({"dev": {"cors_origins": ["*"]}})
    assert "named origins: pages that hold AWS credentials are known ones" in error.allowed


def test_throttles_of_their_own_are_for_operations_that_exist() -> None:
    assert set(DEFAULT_THROTTLES) <= {operation.id for operation in operations.OPERATIONS}
    settings = load_settings(context({"dev": {"throttles": {"predict": [50, 100]}}}))
    assert settings.throttles == {"predict": (50, 100)}


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
    place = {"account": "123456789012", "region": "eu-central-1"}
    assert load_settings({**CONTEXT, "stage": stage, **place}.get).stage == stage


def test_the_protected_stage_of_cdk_json_goes_nowhere_until_it_names_its_account() -> None:
    with pytest.raises(ConfigError, match="account"):
        load_settings({**CONTEXT, "stage": "prod"}.get)
