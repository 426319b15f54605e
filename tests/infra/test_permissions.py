from __future__ import annotations

import re
from typing import Any

import pytest
from aws_cdk import App, Stack

from infra.base import grants
from infra.base.grants import Grant
from relearn.errors import ConfigError
from tests.infra.synthesis import Synthesised, listed, statements, text
from training import catalog

WITHOUT_RESOURCES = {
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListEndpoints",
    "sagemaker:ListModelPackageGroups",
    "sagemaker:ListModelPackages",
    "sagemaker:ListModels",
    "sagemaker:ListTransformJobs",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


NAMED_BY_NOBODY = (
    "arn:<AWS::Partition>:application-autoscaling:<AWS::Region>:<AWS::AccountId>:scalable-target/*",
    "arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:*",
)
"""AWS asks for a scalable target, and whether alarms may be described, without saying which."""


FOLDERS = {
    "incoming", "datasets", "quarantine", "snapshots", "reports", "models", "batches", "predictions", "truth", "features",
    "experiments",
}  # fmt: skip
OF_ALL_OR_ONE = {"", *(f"{model}/" for model in catalog.load())}


def actions_on(synthesised: Synthesised, role: Any) -> dict[str, set[str]]:
    """Action to the resources one role may use it on."""
    logical_id = role["Fn::GetAtt"][0]
    found: dict[str, set[str]] = {}
    for owner, statement in statements(synthesised):
        if owner == logical_id:
            for action in listed(statement["Action"]):
                found.setdefault(action, set()).update(text(r) for r in listed(statement["Resource"]))
    return found


def test_no_action_has_a_wildcard(dev: Synthesised) -> None:
    for role, statement in statements(dev):
        assert not [a for a in listed(statement["Action"]) if "*" in a], role


def test_all_resources_are_allowed_only_where_the_action_takes_none(dev: Synthesised) -> None:
    for role, statement in statements(dev):
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= WITHOUT_RESOURCES, role


def test_every_other_wildcard_follows_a_name_of_this_stage_or_a_folder_of_a_bucket(dev: Synthesised) -> None:
    for role, statement in statements(dev):
        for resource in map(text, listed(statement["Resource"])):
            if "*" in resource and resource not in ("*", *NAMED_BY_NOBODY):
                named, _, rest = resource.rpartition("*")
                assert rest == "", role
                ours = "relearn-dev-" in named or "/aws/sagemaker/" in named
                folder, _, of = named.rpartition(">/")[2].partition("/")
                assert ours or (folder in FOLDERS and of in OF_ALL_OR_ONE), resource


def test_all_alarms_are_only_looked_at(dev: Synthesised) -> None:
    found = [s for _, s in statements(dev) if ":alarm:*" in text(listed(s["Resource"])[0])]
    assert {s["Action"] for s in found} == {"cloudwatch:DescribeAlarms"}


def test_there_are_no_managed_policies_and_no_policies_beside_the_roles(dev: Synthesised) -> None:
    for role in dev.properties("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role
    assert not dev.resources("AWS::IAM::Policy")
    assert not dev.resources("AWS::IAM::ManagedPolicy")


def test_a_service_takes_on_a_role_for_this_account_alone(dev: Synthesised) -> None:
    """Each of these services tells for which account it acts; AWS Glue's guide does not say that it does."""
    trusts = [
        statement
        for role in dev.properties("AWS::IAM::Role")
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
        if "Service" in statement["Principal"]
    ]
    services = {trust["Principal"]["Service"] for trust in trusts}
    assert services - grants.NAMES_NO_SOURCE == {
        f"{name}.amazonaws.com" for name in ("lambda", "sagemaker", "scheduler", "states")
    }
    for trust in trusts:
        own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        named = trust["Principal"]["Service"] not in grants.NAMES_NO_SOURCE
        assert trust.get("Condition") == (own if named else None), trust


def test_a_role_is_passed_to_sagemaker_and_to_nothing_else(dev: Synthesised) -> None:
    passing = [s for _, s in statements(dev) if "iam:PassRole" in listed(s["Action"])]
    assert len(passing) == 2
    for statement in passing:
        assert statement["Action"] == "iam:PassRole"
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        assert re.fullmatch(
            r"arn:<AWS::Partition>:iam::<AWS::AccountId>:role/relearn-dev-(job|endpoint)-<AWS::Region>-\*",
            text(statement["Resource"]),
        )


def test_the_state_machine_may_do_what_its_steps_do(dev: Synthesised) -> None:
    machine = dev.machine("retrain")
    allowed = actions_on(dev, machine["RoleArn"])
    functions = dev.resources("AWS::Lambda::Function", "Training")
    others = ("ingest", "sweep", "scheduled_run", "restore", "approval_event")
    steps = {k for k, f in functions.items() if not any(n in f["Properties"]["Handler"] for n in others)}
    assert allowed.pop("lambda:InvokeFunction") == {f"<{name}.Arn>" for name in steps}
    job = {"arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:training-job/relearn-dev-*"}
    for action in ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags"):
        assert allowed.pop(f"sagemaker:{action}") == job
    rule = "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    for action in ("DescribeRule", "PutRule", "PutTargets"):
        (resource,) = allowed.pop(f"events:{action}")
        assert resource.endswith(rule)
    assert len(allowed.pop("iam:PassRole")) == 1
    assert {action.split(":")[0] for action in allowed} == {"logs", "xray"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "predict",
            {
                "dynamodb": "GetItem Query PutItem UpdateItem DeleteItem BatchGetItem",
                "lambda": "InvokeFunction",
                "sagemaker": "InvokeEndpoint",
                "s3": "PutObject",
                "sqs": "SendMessage",
            },
        ),
        (
            "record",
            {
                "dynamodb": "BatchGetItem PutItem",
                "s3": "ListBucket PutObject",
                "sqs": "ReceiveMessage DeleteMessage GetQueueAttributes",
            },
        ),
        (
            "trial",
            {
                "dynamodb": "GetItem UpdateItem",
                "lambda": "InvokeFunction",
                "sagemaker": "InvokeEndpoint",
                "sqs": "ReceiveMessage DeleteMessage GetQueueAttributes",
            },
        ),
        ("feedback", {"dynamodb": "BatchGetItem PutItem", "s3": "ListBucket PutObject"}),
        ("models", {"dynamodb": "GetItem Query"}),
        ("open_run", {"dynamodb": "GetItem UpdateItem Query", "s3": "PutObject DeleteObject ListBucket"}),
        ("judge", {"dynamodb": "GetItem UpdateItem", "s3": "GetObject PutObject"}),
        (
            "register",
            {
                "dynamodb": "GetItem PutItem UpdateItem",
                "sagemaker": "CreateModelPackage CreateModelPackageGroup AddTags",
            },
        ),
        (
            "ask_approval",
            {"dynamodb": "GetItem UpdateItem", "sns": "Publish", "states": "SendTaskSuccess"},
        ),
        ("decided", {"dynamodb": "GetItem UpdateItem", "sagemaker": "UpdateModelPackage"}),
        (
            "approval_event",
            {
                "dynamodb": "GetItem UpdateItem",
                "sagemaker": "DescribeModelPackage",
                "sns": "Publish",
                "states": "SendTaskSuccess",
            },
        ),
        (
            "operate",
            {
                "dynamodb": "GetItem PutItem UpdateItem Query",
                "sns": "Publish",
                "states": "StartExecution SendTaskSuccess",
            },
        ),
        (
            "smoke",
            {
                "dynamodb": "GetItem",
                "lambda": "InvokeFunction",
                "s3": "GetObject",
                "sagemaker": "InvokeEndpoint",
            },
        ),
        ("publish", {"dynamodb": "GetItem UpdateItem BatchWriteItem", "s3": "GetObject"}),
        (
            "scheduled_run",
            {
                "dynamodb": "GetItem PutItem DeleteItem Query",
                "states": "StartExecution",
                "sqs": "SendMessage",
            },
        ),
        ("advance", {"dynamodb": "GetItem PutItem UpdateItem"}),
        (
            "watch",
            {
                "cloudwatch": "DescribeAlarms",
                "dynamodb": "GetItem PutItem UpdateItem",
                "lambda": "InvokeFunction",
                "s3": "GetObject",
                "sagemaker": "InvokeEndpoint",
                "sns": "Publish",
            },
        ),
        ("promote", {"dynamodb": "GetItem PutItem UpdateItem"}),
        (
            "batches",
            {
                "dynamodb": "GetItem PutItem UpdateItem Query",
                "sagemaker": "DescribeTransformJob",
            },
        ),
        (
            "batch_event",
            {
                "dynamodb": "GetItem PutItem UpdateItem",
                "s3": "GetObject GetObjectVersion PutObject",
                "sagemaker": "CreateTransformJob DescribeTransformJob AddTags",
                "sqs": "SendMessage",
            },
        ),
        (
            "uploads",
            {"dynamodb": "GetItem Query PutItem", "s3": "ListBucketVersions GetObject"},
        ),
        (
            "retire",
            {
                "dynamodb": "GetItem UpdateItem Query BatchWriteItem",
                "sagemaker": "DescribeEndpoint DeleteEndpoint DeleteEndpointConfig DeleteModel",
                "application-autoscaling": "DeregisterScalableTarget",
            },
        ),
    ],
)
def test_a_function_may_do_its_own_work_and_no_more(
    dev: Synthesised, name: str, expected: dict[str, str]
) -> None:
    allowed = {
        action
        for action in actions_on(dev, dev.function(name)["Role"])
        if action.split(":")[0] not in {"logs", "xray"}
    }
    assert allowed == {
        f"{service}:{action}" for service, actions in expected.items() for action in actions.split()
    }


@pytest.mark.parametrize("name", ["ingest", "scheduled_run", "close_run", "fail_run", "sweep", "lifecycle"])
def test_who_starts_runs_may_free_the_lock_of_one_that_has_ended(dev: Synthesised, name: str) -> None:
    assert "dynamodb:DeleteItem" in actions_on(dev, dev.function(name)["Role"])


def test_only_the_answering_side_is_unable_to_change_the_ledger(dev: Synthesised) -> None:
    writers = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    for name in ("models", "smoke"):
        assert not writers & set(actions_on(dev, dev.function(name)["Role"]))


@pytest.mark.parametrize(
    ("name", "actions", "own"),
    [
        ("predict", {"dynamodb:PutItem", "dynamodb:DeleteItem"}, "IDEMPOTENCY#*"),
        ("predict", {"dynamodb:UpdateItem"}, "LIVE#*"),
        ("trial", {"dynamodb:UpdateItem"}, "LIVE#*"),
        ("uploads", {"dynamodb:PutItem"}, "FORM#*"),
    ],
)
def test_who_answers_writes_its_own_items_of_the_ledger_and_no_other(
    dev: Synthesised, name: str, actions: set[str], own: str
) -> None:
    logical_id = dev.function(name)["Role"]["Fn::GetAtt"][0]
    writing = [
        statement
        for owner, statement in statements(dev)
        if owner == logical_id and actions & set(listed(statement["Action"]))
    ]
    (statement,) = writing
    assert set(listed(statement["Action"])) == actions
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [own]}}


@pytest.mark.parametrize(
    ("name", "prefixes"), [("uploads", ["incoming/*"]), ("sweep", ["incoming/*", "batches/*"])]
)
def test_versions_are_listed_where_files_arrive_and_nowhere_else(
    dev: Synthesised, name: str, prefixes: list[str]
) -> None:
    logical_id = dev.function(name)["Role"]["Fn::GetAtt"][0]
    (statement,) = (
        statement
        for owner, statement in statements(dev)
        if owner == logical_id and "s3:ListBucketVersions" in listed(statement["Action"])
    )
    assert listed(statement["Condition"]["StringLike"]["s3:prefix"]) == prefixes


def test_the_sweep_calls_the_function_that_hears_of_batches_and_no_other(dev: Synthesised) -> None:
    allowed = actions_on(dev, dev.function("sweep")["Role"])["lambda:InvokeFunction"]
    arn = "arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:function:"
    assert allowed == {f"{arn}{dev.function('batch_event')['FunctionName']}"}


def test_record_writes_the_index_of_predictions_and_no_other_item(dev: Synthesised) -> None:
    logical_id = dev.function("record")["Role"]["Fn::GetAtt"][0]
    (statement,) = (
        statement
        for owner, statement in statements(dev)
        if owner == logical_id and "dynamodb:PutItem" in listed(statement["Action"])
    )
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["PREDICTION#*"]}}


def test_feedback_touches_the_index_of_predictions_and_the_truths_of_the_lake_and_nothing_else(
    dev: Synthesised,
) -> None:
    logical_id = dev.function("feedback")["Role"]["Fn::GetAtt"][0]
    conditions = {
        action: statement.get("Condition")
        for owner, statement in statements(dev)
        if owner == logical_id
        for action in listed(statement["Action"])
    }
    index = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["PREDICTION#*"]}}
    assert conditions["dynamodb:BatchGetItem"] == conditions["dynamodb:PutItem"] == index
    assert conditions["s3:ListBucket"] == {"StringLike": {"s3:prefix": ["truth/*"]}}


@pytest.mark.parametrize("name", ["deploy", "retire", "fail_run", "sweep", "lifecycle"])
def test_who_makes_or_removes_endpoints_scales_their_instances_and_nothing_else(
    dev: Synthesised, name: str
) -> None:
    logical_id = dev.function(name)["Role"]["Fn::GetAtt"][0]
    (statement,) = (
        statement
        for owner, statement in statements(dev)
        if owner == logical_id and "application-autoscaling" in str(statement["Action"])
    )
    actions = (
        {"RegisterScalableTarget", "PutScalingPolicy"} if name == "deploy" else {"DeregisterScalableTarget"}
    )
    assert {action.split(":")[1] for action in listed(statement["Action"])} == actions
    assert statement["Condition"]["StringEquals"] == {
        "application-autoscaling:service-namespace": "sagemaker",
        "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
    }


def test_deploy_writes_alarms_of_its_own_endpoints_and_makes_one_service_linked_role(
    dev: Synthesised,
) -> None:
    role = dev.function("deploy")["Role"]
    allowed = actions_on(dev, role)
    alarms = "arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:"
    for action in ("PutMetricAlarm", "DeleteAlarms"):
        assert allowed[f"cloudwatch:{action}"] == {f"{alarms}TargetTracking-endpoint/relearn-dev-*"}
    (made,) = allowed["iam:CreateServiceLinkedRole"]
    service = "sagemaker.application-autoscaling.amazonaws.com"
    linked = f"{service}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    assert made == f"arn:<AWS::Partition>:iam::<AWS::AccountId>:role/aws-service-role/{linked}"
    (condition,) = (
        statement["Condition"]
        for owner, statement in statements(dev)
        if owner == role["Fn::GetAtt"][0] and "iam:CreateServiceLinkedRole" in listed(statement["Action"])
    )
    assert condition == {"StringEquals": {"iam:AWSServiceName": service}}


def test_a_wildcard_without_a_reason_is_refused() -> None:
    stack = Stack(App(), "Test")
    with pytest.raises(ConfigError, match="because"):
        grants.role(
            stack,
            "Role",
            service="lambda.amazonaws.com",
            grants=[Grant(actions=["s3:GetObject"], resources=["arn:aws:s3:::b/*"])],
        )


def test_a_finding_is_named_as_cdk_nag_names_it() -> None:
    assert (
        grants.flat({"Fn::Join": ["", ["a:", {"Ref": "R"}, {"Fn::GetAtt": ["G", "Arn"]}, "/*"]]})
        == "a:<R><G.Arn>/*"
    )
    assert grants.flat({"Fn::ImportValue": "stack:Export"}) == "stack:Export"
    assert grants.flat({"Fn::Sub": "x-${AWS::Region}"}) == "x-<AWS::Region>"
    with pytest.raises(ConfigError):
        grants.flat({"Fn::Select": [0, []]})


TOUCHES_ONLINE = {
    "predict": "BatchGetItem",
    "host": "BatchGetItem",
    "publish": "BatchWriteItem",
    "retire": "Query BatchWriteItem",
    "fail_run": "Query BatchWriteItem",
    "sweep": "Query BatchWriteItem",
    "lifecycle": "Query Scan BatchWriteItem",
}


def test_the_features_that_are_looked_up_are_written_by_runs_and_read_by_what_predicts_alone(
    dev: Synthesised,
) -> None:
    (online,) = (k for k in dev.resources("AWS::DynamoDB::Table") if k.startswith("Online"))
    found: dict[str, set[str]] = {}
    roles = {
        f["Role"]["Fn::GetAtt"][0]: f["Handler"].split(".")[2]
        for f in dev.properties("AWS::Lambda::Function")
    }
    for owner, statement in statements(dev):
        if online in text(statement["Resource"]):
            found.setdefault(roles[owner], set()).update(listed(statement["Action"]))
    assert found == {
        name: {f"dynamodb:{action}" for action in actions.split()} for name, actions in TOUCHES_ONLINE.items()
    }
