"""What the models need of an account, and what its quotas and its region allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.checks import endpoints, functions, needs, regions
from cli.checks.finding import Finding
from cli.checks.stage import StageSettings
from cli.commands.doctor import examine
from cli.stage.target import Target
from relearn.spec.engines import Engine
from relearn.spec.hosting import InLambda, Realtime
from relearn.spec.model import ModelSpec, Serverless, Training
from tests.support.cli_account import (
    ALL_HOSTED,
    CONCURRENCY,
    ENDPOINTS,
    FUNCTIONS,
    HOSTED,
    SPECS,
    TRAINING,
    Account,
)

# SageMaker's quotas


def test_a_value_of_the_accounts_own_goes_before_the_default(aws: Account) -> None:
    aws.default[ENDPOINTS] = 1
    assert aws.finding("serverless endpoints").found == "50"


def test_where_the_account_has_no_value_of_its_own_the_default_counts(aws: Account) -> None:
    del aws.own[ENDPOINTS]
    aws.default[ENDPOINTS] = 1
    assert aws.finding("serverless endpoints").found == "1"


def test_the_more_general_quota_of_two_like_names_is_meant(aws: Account) -> None:
    aws.own = {f"{ENDPOINTS} with provisioned concurrency": 1, **aws.own}
    assert aws.finding("serverless endpoints").found == "50"


def test_endpoints_of_others_use_up_the_quota_and_those_of_the_stage_are_its_own(aws: Account) -> None:
    aws.endpoints = {"somebody-elses": 15, "not-serverless": None, "relearn-dev-iris-v3": 10}
    assert endpoints.taken_by_others(aws.target) == endpoints.QuotaUsage(endpoints=1, concurrency=15)
    aws.own[CONCURRENCY] = 70
    found = aws.finding("concurrency of serverless endpoints")
    assert found.request is not None
    assert (found.status, found.found, found.request.needed) == ("failed", "70, of which others hold 15", 75)


def test_a_quota_that_aws_does_not_raise_has_no_request(aws: Account) -> None:
    aws.own[ENDPOINTS] = 5
    aws.fixed = {ENDPOINTS}
    found = aws.finding("serverless endpoints")
    assert (found.status, found.request) == ("failed", None)
    assert found.advice.startswith("AWS does not raise the quota")


def test_a_region_without_the_quota_of_serverless_endpoints_is_unknown(aws: Account) -> None:
    del aws.own[ENDPOINTS]
    assert aws.finding("serverless endpoints").status == "unknown"


def test_an_instance_type_without_a_quota_is_not_offered(aws: Account) -> None:
    del aws.own[TRAINING]
    found = aws.finding("ml.m5.large for training jobs")
    assert found.status == "failed"
    assert "is not offered for training jobs in eu-west-1" in found.advice


@pytest.mark.parametrize(("quota", "status"), [(0, "failed"), (1, "warning"), (2, "ok")])
def test_fewer_instances_than_models_let_them_wait_and_none_lets_them_fail(
    aws: Account, quota: int, status: str
) -> None:
    aws.own[TRAINING] = quota
    found = aws.finding("ml.m5.large for training jobs")
    assert found.status == status
    assert (found.request is None) == (status == "ok")
    assert found.request is None or found.request.needed == 2


# instances of endpoints


@pytest.mark.parametrize(("quota", "status"), [(5, "failed"), (6, "ok")])
def test_a_model_wants_its_most_instances_beside_the_least_of_two_more_versions(
    aws: Account, quota: int, status: str
) -> None:
    aws.own[HOSTED] = quota
    found = aws.finding("ml.m5.large for endpoints", hosted(1, 4))
    assert (found.status, found.needed.partition(":")[0]) == (status, "6")
    assert (found.request is None) == (status == "ok")
    assert found.request is None or (found.request.name, found.request.needed) == (HOSTED, 6)


def test_instances_of_others_use_up_the_quotas_and_those_of_the_stage_are_its_own(aws: Account) -> None:
    aws.own |= {HOSTED: 8, ALL_HOSTED: 11}
    aws.endpoints = {
        "somebody-elses": (3, "ml.m5.large"),
        "of-another-type": (2, "ml.c5.large"),
        "serverless": 5,
        "relearn-dev-iris-v3": (4, "ml.m5.large"),
    }
    of_type = aws.finding("ml.m5.large for endpoints", hosted(1, 4))
    assert (of_type.found, of_type.request and of_type.request.needed) == ("8, of which others hold 3", 9)
    of_all = aws.finding("instances of endpoints", hosted(1, 4))
    assert (of_all.status, of_all.found) == ("ok", "11, of which others hold 5")


def test_an_instance_type_without_a_quota_is_not_offered_for_endpoints(aws: Account) -> None:
    found = aws.finding("ml.m5.large for endpoints", hosted(1, 1))
    assert found.status == "failed"
    assert found.advice == (
        "ml.m5.large is not offered for endpoints in eu-west-1: choose another instance or region"
    )


def test_what_others_hold_may_be_a_secret(aws: Account) -> None:
    aws.own[HOSTED], aws.denied = 6, {"DescribeEndpointConfig"}
    aws.endpoints = {"somebody-elses": (3, "ml.m5.large")}
    found = aws.finding("ml.m5.large for endpoints", hosted(1, 4))
    assert (found.status, "allow sagemaker:DescribeEndpointConfig" in found.needed) == ("ok", True)


def test_each_mode_is_checked_only_where_a_model_has_it(aws: Account) -> None:
    aws.own |= {HOSTED: 6, ALL_HOSTED: 6}
    modes = {"hosted": hosted(1, 4), "serverless": SPECS, "in lambda": {"iris": iris(hosting=InLambda())}}
    found = {name: {one.check for one in examine(aws.target, specs)} for name, specs in modes.items()}
    mine = {
        "hosted": {"ml.m5.large for endpoints", "instances of endpoints"},
        "serverless": {"serverless endpoints", "concurrency of serverless endpoints"},
        "in lambda": set(),
    }
    everything = set().union(*mine.values())
    assert {name: checks & everything for name, checks in found.items()} == mine


def hosted(minimum: int, maximum: int) -> dict[str, ModelSpec]:
    hosting = Realtime(instance="ml.m5.large", minimum=minimum, maximum=maximum)
    return {"iris": iris(hosting=hosting)}


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


def in_lambda(**memory_mb: int) -> dict[str, ModelSpec]:
    return {
        name: replace(SPECS["iris"], name=name, hosting=InLambda(memory_mb=size))
        for name, size in memory_mb.items()
    }


@pytest.mark.parametrize(
    ("wanted", "there", "status"),
    [(3008, (), "ok"), (3009, (), "warning"), (3009, (128, 3008), "warning"), (10240, (128, 3009), "ok")],
)
def test_a_host_with_more_memory_than_every_account_has_is_told_before_the_deployment(
    aws: Account, wanted: int, there: tuple[int, ...], status: str
) -> None:
    """'MemorySize' value failed to satisfy constraint: ... less than or equal to 3008 (aws-lambda-power-tuning#181)."""
    aws.memory = there
    found = aws.finding("Lambda memory", in_lambda(small=256, large=wanted))
    assert (found.status, found.needed) == (status, f"{wanted} MB for large")
    assert ("AWS Support" in found.advice) is (status == "warning")


def test_functions_that_may_not_be_listed_leave_the_memory_unknown(aws: Account) -> None:
    aws.denied = {"ListFunctions"}
    found = aws.finding("Lambda memory", in_lambda(large=4096))
    assert (found.status, found.advice) == ("unknown", "allow lambda:ListFunctions to whoever runs this")


def test_memory_is_checked_only_where_a_model_is_in_lambda(aws: Account) -> None:
    checks = {found.check for found in examine(aws.target, {"churn": SPECS["churn"]})}
    assert "Lambda memory" not in checks


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
