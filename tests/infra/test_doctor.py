"""What ``relearn doctor`` looks for is what the templates need."""

from __future__ import annotations

import json
import re

import pytest

from cli.checks import account, jobs, regions
from infra.base import settings
from lambdas.aws.sagemaker import transforms
from tests.infra.synthesis import Synthesised

BOTO3 = {
    "apigateway": "apigatewayv2",
    "cloudwatch": "cloudwatch",
    "stepfunctions": "stepfunctions",
    "custom": "cloudformation",
}
"""CloudFormation's names of services, where boto3 has others; IAM is everywhere."""


def test_the_bootstrap_version_is_the_one_the_templates_demand(dev: Synthesised) -> None:
    for name, template in dev.templates.items():
        assert template["Parameters"]["BootstrapVersion"]["Default"] == account.BOOTSTRAP_PARAMETER, name
        refused = re.findall(r'"(\d+)"', json.dumps(template["Rules"]["CheckBootstrapVersion"]))
        assert max(map(int, refused)) + 1 == account.BOOTSTRAP_VERSION, name
    manifest = json.loads((dev.folder / "manifest.json").read_text())
    versions = {
        artifact["properties"]["requiresBootstrapStackVersion"]
        for artifact in manifest["artifacts"].values()
        if "requiresBootstrapStackVersion" in artifact.get("properties", {})
    }
    assert max(versions) == account.BOOTSTRAP_VERSION


def test_every_service_of_the_templates_is_looked_for_in_the_region(everything: Synthesised) -> None:
    types = {
        one["Type"] for template in everything.templates.values() for one in template["Resources"].values()
    }
    services = {kind.replace("Custom::", "AWS::Custom::").split("::")[1].lower() for kind in types} - {"iam"}
    assert {BOTO3.get(service, service) for service in services} <= {*regions.SERVICES, "cdk"}


def test_files_are_scored_on_the_instance_whose_quota_is_looked_at() -> None:
    assert jobs.TRANSFORM_INSTANCE == transforms.INSTANCE


@pytest.mark.parametrize("key", ["account", "region", "features_engine", "predict_reserved_concurrency"])
def test_every_setting_the_doctor_reads_is_one(key: str) -> None:
    assert key in settings.Settings.__dataclass_fields__
