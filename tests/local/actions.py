"""What the tests do to the toy app."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from tests.local.conftest import Running, until

Record = dict[str, Any]
ENDED = ("Completed", "Failed", "Stopped")


def job_request(cloud: Running, name: str, **hyperparameters: str) -> Record:
    """A CreateTrainingJob of the toy image."""
    return {
        "TrainingJobName": name,
        "RoleArn": cloud.outputs["JobRole"],
        "AlgorithmSpecification": {"TrainingImage": cloud.outputs["Image"], "TrainingInputMode": "File"},
        "HyperParameters": hyperparameters,
        "OutputDataConfig": {"S3OutputPath": f"s3://{cloud.outputs['Bucket']}/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def channel(name: str, kind: str, uri: str) -> Record:
    source = {"S3DataType": kind, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def train(cloud: Running, name: str, request: Record | None = None, **hyperparameters: str) -> Record:
    """Run a training job to its end."""
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_training_job(**(request or job_request(cloud, name, **hyperparameters)))

    def ended() -> Record | None:
        job: Record = sagemaker.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in ENDED else None

    job = until(ended)
    assert job is not None
    return job


def execute(cloud: Running, name: str, payload: Record | None = None, **hyperparameters: str) -> str:
    """Start the toy state machine; the execution's ARN."""
    given = {"name": name, "hyperparameters": hyperparameters, "payload": payload or {}}
    answer = cloud.client("stepfunctions").start_execution(
        stateMachineArn=cloud.outputs["Machine"], input=json.dumps(given)
    )
    arn: str = answer["executionArn"]
    return arn


def outcome(cloud: Running, arn: str) -> Record:
    """An execution's description, once it has ended."""
    client = cloud.client("stepfunctions")

    def ended() -> Record | None:
        found: Record = client.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    found = until(ended)
    assert found is not None
    return found


@contextlib.contextmanager
def without(cloud: Running, role: str, action: str) -> Iterator[None]:
    """Take one action out of a role's policy for a while."""
    iam = cloud.client("iam")
    given = iam.get_role_policy(RoleName=role, PolicyName="grants")["PolicyDocument"]
    less = json.loads(json.dumps(given))
    for statement in less["Statement"]:
        statement["Action"] = [item for item in statement["Action"] if item != action]
    less["Statement"] = [statement for statement in less["Statement"] if statement["Action"]]
    assert less != given, f"{role} has no {action}"
    iam.put_role_policy(RoleName=role, PolicyName="grants", PolicyDocument=json.dumps(less))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="grants", PolicyDocument=json.dumps(given))


def role_name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    """The code and message that a call is refused with."""
    try:
        call(**request)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"{request} was not refused")
