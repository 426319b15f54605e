"""``relearn doctor`` says before a deploy what the account lacks, and how to get it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.checks import functions, needs, regions, sagemaker, stage
from cli.checks.finding import Finding
from cli.checks.stage import StageSettings
from cli.doctor import examine
from cli.main import app
from cli.target import Choice, Target
from relearn.engines import Engine
from relearn.errors import ConfigError
from relearn.spec import ModelSpec, Serverless, Training
from tests.unit.cli_account import (
    CONCURRENCY,
    ENDPOINTS,
    FUNCTIONS,
    NUMBER,
    TRAINING,
    TRANSFORM,
    Account,
    account,
)
from training import catalog

SPECS = {name: catalog.get(name) for name in ("churn", "iris")}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "RELEARN_STAGE", "RELEARN_LOCAL"):
        monkeypatch.delenv(name, raising=False)
    with account() as made:
        monkeypatch.setattr(Choice, "target", lambda _: made.target)
        yield made


def doctor(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["doctor", *arguments])


def finding(aws: Account, check: str) -> Finding:
    (found,) = [found for found in examine(aws.target, SPECS) if found.check == check]
    return found


# the command


def test_an_account_that_can_take_the_stage_passes_every_check(aws: Account) -> None:
    result = doctor()
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * len(lines)
    assert len(lines) == 8
    assert f"account {NUMBER}" in lines[0]
    del aws


def test_what_is_lacking_fails_the_command_and_says_exactly_what_to_request(aws: Account) -> None:
    aws.own[ENDPOINTS] = 5
    result = doctor("--models", "iris", "--models", "churn")
    assert result.exit_code == 1
    (line, advice) = result.stdout.splitlines()[3:5]
    assert line == "failed  serverless endpoints: 5; needed: 6: 2 models, 3 endpoints each"
    code = "L-" + advice.split("(L-")[1].split(")")[0]
    assert advice.strip() == (
        f'→ request 6 instead of 5 of the quota "{ENDPOINTS}" ({code}) of sagemaker: aws service-quotas '
        f"request-service-quota-increase --service-code sagemaker --quota-code {code} --desired-value 6 "
        "--region eu-west-1"
    )


def test_scripts_get_the_request_as_json(aws: Account) -> None:
    aws.own[CONCURRENCY] = 10
    result = doctor("--json", "--models", "iris")
    assert result.exit_code == 1
    (failed,) = [found for found in json.loads(result.stdout) if found["status"] == "failed"]
    request = failed["request"]
    assert (request["service"], request["name"], request["current"], request["needed"]) == (
        "sagemaker",
        CONCURRENCY,
        10,
        30,
    )
    assert request["code"] in request["command"]


def test_a_warning_alone_does_not_fail_the_command(aws: Account) -> None:
    aws.own[TRANSFORM] = 0
    result = doctor()
    assert result.exit_code == 0
    assert "warning ml.m5.large for transform jobs: 0; needed: 1" in result.stdout


def test_only_the_models_that_are_named_count(aws: Account) -> None:
    aws.own[ENDPOINTS] = 3
    assert doctor("--models", "iris").exit_code == 0
    assert doctor().exit_code == 1


def test_a_model_that_is_not_there_is_one_clear_line(aws: Account) -> None:
    del aws
    result = doctor("--models", "rose")
    assert result.exit_code == 1
    assert "no model 'rose'; there are: " in result.stderr


def test_the_laptop_has_no_quotas_but_an_identity_and_a_bootstrap(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = Target(
        "local", aws.target.session, "https://sts.amazonaws.com"
    )  # moto answers at any of AWS's names
    monkeypatch.setattr(local, "client", aws.target.client)
    monkeypatch.setattr(Choice, "target", lambda _: local)
    aws.denied = {"ListServiceQuotas", "GetAccountSettings", "ListEndpoints"}
    result = doctor()
    assert result.exit_code == 0
    assert [line.split(":")[0].split(maxsplit=1)[1] for line in result.stdout.splitlines()] == [
        "identity",
        "CDK bootstrap",
    ]
    assert "The laptop has no quotas" in result.stderr


# what AWS does not tell


def test_credentials_that_aws_does_not_know_end_the_examination(aws: Account) -> None:
    aws.denied = {"GetCallerIdentity"}
    (found,) = examine(aws.target, SPECS)
    assert (found.check, found.status) == ("identity", "failed")


@pytest.mark.parametrize(
    ("operation", "check", "action"),
    [
        ("GetParameter", "CDK bootstrap", "ssm:GetParameter"),
        ("ListServiceQuotas", "serverless endpoints", "servicequotas:ListServiceQuotas"),
        ("ListServiceQuotas", "instances for jobs", "servicequotas:ListServiceQuotas"),
        ("GetAccountSettings", "Lambda concurrency", "lambda:GetAccountSettings"),
    ],
)
def test_what_may_not_be_asked_is_unknown_and_names_the_action_to_allow(
    aws: Account, operation: str, check: str, action: str
) -> None:
    aws.denied = {operation}
    found = finding(aws, check)
    assert (found.status, found.advice) == ("unknown", f"allow {action} to whoever runs this")
    assert doctor().exit_code == 0


def test_what_others_hold_is_left_out_when_it_may_not_be_asked_and_that_is_said(aws: Account) -> None:
    aws.denied = {"ListEndpoints"}
    found = finding(aws, "serverless endpoints")
    assert found.status == "ok"
    assert "what others hold was not counted: allow sagemaker:ListEndpoints" in found.needed


def test_a_service_that_fails_leaves_its_check_unknown_and_the_others_go_on(aws: Account) -> None:
    aws.broken = {"ListServiceQuotas"}
    statuses = {found.check: found.status for found in examine(aws.target, SPECS)}
    assert statuses["serverless endpoints"] == "unknown"
    assert statuses["Lambda concurrency"] == "ok"


# the account


@pytest.mark.parametrize(("version", "status"), [("5", "failed"), ("6", "ok"), ("28", "ok")])
def test_the_bootstrap_must_be_as_new_as_the_templates_demand(
    aws: Account, version: str, status: str
) -> None:
    aws.bootstrap(version)
    assert finding(aws, "CDK bootstrap").status == status


def test_without_a_bootstrap_the_command_that_makes_it_is_told(aws: Account) -> None:
    aws.target.client("ssm").delete_parameter(Name="/cdk-bootstrap/hnb659fds/version")
    found = finding(aws, "CDK bootstrap")
    assert (found.status, found.advice) == ("failed", f"npx cdk bootstrap aws://{NUMBER}/eu-west-1")


def test_a_stage_that_cdk_json_sends_elsewhere_is_not_examined_in_the_wrong_place(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "read", lambda _: StageSettings(account="210987654321", region="us-east-1"))
    for key, option in (("account", "--profile"), ("region", "--region")):
        found = finding(aws, f"{key} of the stage")
        assert found.status == "failed"
        assert option in found.advice


def test_the_settings_of_a_stage_are_read_from_cdk_json(tmp_path: Path) -> None:
    file = tmp_path / "cdk.json"
    stages = {"prod": {"protect": True, "region": "eu-west-1", "predict_reserved_concurrency": 50}}
    file.write_text(json.dumps({"context": {"relearn": {"stages": stages}}}))
    assert stage.read("prod", file) == StageSettings(region="eu-west-1", predict_reserved_concurrency=50)
    with pytest.raises(ConfigError, match="one of prod"):
        stage.read("dev", file)


# SageMaker's quotas


def test_a_value_of_the_accounts_own_goes_before_the_default(aws: Account) -> None:
    aws.default[ENDPOINTS] = 1
    assert finding(aws, "serverless endpoints").found == "50"


def test_where_the_account_has_no_value_of_its_own_the_default_counts(aws: Account) -> None:
    del aws.own[ENDPOINTS]
    aws.default[ENDPOINTS] = 1
    assert finding(aws, "serverless endpoints").found == "1"


def test_the_more_general_quota_of_two_like_names_is_meant(aws: Account) -> None:
    aws.own = {f"{ENDPOINTS} with provisioned concurrency": 1, **aws.own}
    assert finding(aws, "serverless endpoints").found == "50"


def test_endpoints_of_others_use_up_the_quota_and_those_of_the_stage_are_its_own(aws: Account) -> None:
    aws.endpoints = {"somebody-elses": 15, "not-serverless": None, "relearn-dev-iris-v3": 10}
    assert sagemaker.taken_by_others(aws.target) == sagemaker.Taken(endpoints=1, concurrency=15)
    aws.own[CONCURRENCY] = 70
    found = finding(aws, "concurrency of serverless endpoints")
    assert found.request is not None
    assert (found.status, found.found, found.request.needed) == ("failed", "70, of which others hold 15", 75)


def test_a_quota_that_aws_does_not_raise_has_no_request(aws: Account) -> None:
    aws.own[ENDPOINTS] = 5
    aws.fixed = {ENDPOINTS}
    found = finding(aws, "serverless endpoints")
    assert (found.status, found.request) == ("failed", None)
    assert found.advice.startswith("AWS does not raise the quota")


def test_a_region_without_the_quota_of_serverless_endpoints_is_unknown(aws: Account) -> None:
    del aws.own[ENDPOINTS]
    assert finding(aws, "serverless endpoints").status == "unknown"


def test_an_instance_type_without_a_quota_is_not_offered(aws: Account) -> None:
    del aws.own[TRAINING]
    found = finding(aws, "ml.m5.large for training jobs")
    assert found.status == "failed"
    assert "is not offered for training jobs in eu-west-1" in found.advice


@pytest.mark.parametrize(("quota", "status"), [(0, "failed"), (1, "warning"), (2, "ok")])
def test_fewer_instances_than_models_let_them_wait_and_none_lets_them_fail(
    aws: Account, quota: int, status: str
) -> None:
    aws.own[TRAINING] = quota
    found = finding(aws, "ml.m5.large for training jobs")
    assert found.status == status
    assert (found.request is None) == (status == "ok")
    assert found.request is None or found.request.needed == 2


# what the specs ask for


@given(limits=st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_every_model_may_have_three_endpoints_at_once(limits: list[int]) -> None:
    specs = {
        str(number): iris(hosting=Serverless(max_concurrency=limit)) for number, limit in enumerate(limits)
    }
    found = needs.of(specs, None)
    assert (found.endpoints, found.concurrency) == (3 * len(limits), 3 * sum(limits))


def test_each_type_of_instance_counts_by_itself() -> None:
    types = ("ml.m5.large", "ml.m5.large", "ml.c5.xlarge")
    specs = {str(number): iris(training=Training(instance=name)) for number, name in enumerate(types)}
    assert needs.of(specs, None).training == {"ml.m5.large": 2, "ml.c5.xlarge": 1}


def test_the_stages_engine_decides_which_models_are_on_spark() -> None:
    assert needs.of(SPECS, None).spark == ()
    assert needs.of(SPECS, "spark").spark == ("churn",)


def iris(**changes: Any) -> ModelSpec:
    spec = SPECS["iris"]
    values = {name: getattr(spec, name) for name in ModelSpec.__dataclass_fields__}
    return ModelSpec(**values | changes)


# Lambda


def concurrency(aws: Account, reserve: int | None) -> Finding:
    (found,) = functions.concurrency(aws.target, StageSettings(predict_reserved_concurrency=reserve))
    return found


@pytest.mark.parametrize(
    ("reserve", "limits", "status"),
    [
        (None, (1000, 1000), "ok"),
        (None, (10, 10), "warning"),
        (20, (1000, 120), "ok"),
        (20, (1000, 119), "failed"),
    ],
)
def test_what_predict_reserves_must_leave_enough_for_all_other_functions(
    aws: Account, reserve: int | None, limits: tuple[int, int], status: str
) -> None:
    aws.concurrency = limits
    assert concurrency(aws, reserve).status == status


def test_as_much_is_requested_as_is_lacking(aws: Account) -> None:
    aws.concurrency = (1000, 119)
    found = concurrency(aws, 50)
    assert found.request is not None
    assert (found.request.name, found.request.needed) == (FUNCTIONS, 1031)


def test_what_predict_has_reserved_before_is_its_own(aws: Account) -> None:
    aws.concurrency, aws.reserved = (1000, 100), 50
    assert concurrency(aws, 50).status == "ok"
    assert concurrency(aws, 51).status == "failed"


def test_a_lack_of_concurrency_is_told_even_when_the_quotas_may_not_be_listed(aws: Account) -> None:
    aws.concurrency, aws.denied = (10, 10), {"ListServiceQuotas"}
    found = concurrency(aws, 5)
    assert (found.status, found.advice) == ("failed", "request 105 concurrent executions of Lambda")


# the region


def test_a_region_that_lacks_a_service_fails() -> None:
    nowhere = Target("dev", boto3.Session(region_name="xx-nowhere-1"))
    (found,) = regions.services(nowhere, needs.of(SPECS, None))
    assert found.status == "failed"
    assert "sagemaker" in found.found


def test_glue_is_asked_for_only_when_a_model_is_on_spark(aws: Account) -> None:
    on_spark = {"churn": churn_on_spark()}
    checks = [found.check for found in regions.services(aws.target, needs.of(on_spark, None))]
    assert checks == ["region", "AWS Glue"]


def churn_on_spark() -> ModelSpec:
    spec = SPECS["churn"]
    values = {name: getattr(spec, name) for name in ModelSpec.__dataclass_fields__}
    return ModelSpec(**values | {"engine": Engine("spark")})
