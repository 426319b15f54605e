"""Who may tell a waiting run of a decision, and what of the Model Registry is heard and written."""

from __future__ import annotations

import pytest

from tests.infra.synthesis import Synthesised, listed, statements, text

MACHINE = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:relearn-dev-retrain"


def test_a_decision_in_the_registry_of_this_stage_wakes_the_function_and_a_new_version_does_not(
    dev: Synthesised,
) -> None:
    (rule,) = (r["Properties"] for k, r in dev.resources("AWS::Events::Rule").items() if "Approvals" in k)
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {
            "ModelPackageGroupName": [{"prefix": "relearn-dev-"}],
            "ModelApprovalStatus": ["Approved", "Rejected"],
        },
    }


def test_only_what_takes_decisions_wakes_runs_and_only_those_of_the_stage(dev: Synthesised) -> None:
    roles = {
        f["Role"]["Fn::GetAtt"][0]: f["Handler"].split(".")[2]
        for f in dev.properties("AWS::Lambda::Function")
    }
    found = {
        roles[owner]: [text(resource) for resource in listed(statement["Resource"])]
        for owner, statement in statements(dev)
        if "states:SendTaskSuccess" in listed(statement["Action"])
    }
    assert found == {name: [MACHINE] for name in ("ask_approval", "approval_event", "operate", "sweep")}


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("decided", "UpdateModelPackage"),
        ("sweep", "DescribeModelPackage"),
        ("approval_event", "DescribeModelPackage"),
    ],
)
def test_the_registry_is_asked_about_the_models_versions_and_no_others(
    dev: Synthesised, name: str, action: str
) -> None:
    owner = dev.function(name)["Role"]["Fn::GetAtt"][0]
    (statement,) = (
        one
        for role, one in statements(dev)
        if role == owner and f"sagemaker:{action}" in listed(one["Action"])
    )
    named = {text(resource).partition(":model-package/")[2] for resource in listed(statement["Resource"])}
    assert named == {"relearn-dev-*/*"}
