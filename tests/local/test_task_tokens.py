"""A step may wait until someone gives back its task token, as on AWS."""

from __future__ import annotations

import json
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tests.local.actions import outcome, refusal
from tests.local.conftest import Running, until
from tests.local.test_step_functions import define

Client = Any


def asks(cloud: Running, name: str, **more: Any) -> dict[str, Any]:
    """A step whose function keeps the token in the toy app's table, and then waits for an answer."""
    record = {"messageId": name, "body.$": "$$.Task.Token"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": cloud.outputs["Function"], "Payload": {"Records": [record]}},
        "End": True,
        **more,
    }


def begun(cloud: Running, name: str, state: dict[str, Any], given: object = None) -> str:
    machine = define(cloud, name, state, more={"Caught": {"Type": "Pass", "End": True}})
    answer = cloud.client("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps(given or {})
    )
    arn: str = answer["executionArn"]
    return arn


def token(cloud: Running, name: str) -> str:
    """The token that the function was given."""
    key = {"pk": {"S": "SEEN"}, "sk": {"S": name}}

    def look() -> str:
        item = cloud.client("dynamodb").get_item(TableName=cloud.outputs["Table"], Key=key).get("Item", {})
        return str(TypeDeserializer().deserialize(item["body"])) if item else ""

    return str(until(look))


def caller(cloud: Running, name: str, resource: str) -> Client:
    """Step Functions, as someone who may answer steps of one resource."""
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "states:SendTaskSuccess", "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    return cloud.client(
        "stepfunctions",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )


def test_a_step_waits_until_its_token_is_given_back(cloud: Running, name: str) -> None:
    arn = begun(cloud, name, asks(cloud, name))
    found, client = token(cloud, name), cloud.client("stepfunctions")
    assert client.describe_execution(executionArn=arn)["status"] == "RUNNING"
    client.send_task_success(taskToken=found, output='{"said": "yes"}')
    ended = outcome(cloud, arn)
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"said": "yes"})
    assert refusal(client.send_task_success, taskToken=found, output="{}")[0] == "TaskDoesNotExist"


def test_a_step_waits_as_long_as_its_input_says(cloud: Running, name: str) -> None:
    caught = {"ErrorEquals": ["States.Timeout"], "ResultPath": "$.late", "Next": "Caught"}
    state = asks(cloud, name, TimeoutSecondsPath="$.deep.seconds", Catch=[caught])
    ended = outcome(cloud, begun(cloud, name, state, {"deep": {"seconds": 1}}))
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["late"]["Error"] == "States.Timeout"
    assert (
        refusal(cloud.client("stepfunctions").send_task_success, taskToken=token(cloud, name), output="{}")[0]
        == "TaskDoesNotExist"
    )


def test_a_step_whose_function_fails_does_not_wait(cloud: Running, name: str) -> None:
    parameters = {"FunctionName": cloud.outputs["Function"], "Payload": {"raise": True}}
    ended = outcome(cloud, begun(cloud, name, asks(cloud, name, Parameters=parameters)))
    assert (ended["status"], ended["error"]) == ("FAILED", "KeyError")
    assert json.loads(ended["cause"])["errorMessage"] == "'what the handler raised'"


def test_a_step_of_a_stopped_execution_takes_no_answer(cloud: Running, name: str) -> None:
    arn = begun(cloud, name, asks(cloud, name))
    found, client = token(cloud, name), cloud.client("stepfunctions")
    client.stop_execution(executionArn=arn)
    assert refusal(client.send_task_success, taskToken=found, output="{}")[0] == "TaskDoesNotExist"
    assert outcome(cloud, arn)["status"] == "ABORTED"


def test_who_answers_needs_leave_on_the_machine_that_waits(cloud: Running, name: str) -> None:
    arn = begun(cloud, name, asks(cloud, name))
    found, machines = token(cloud, name), "arn:aws:states:*:*:stateMachine:"
    other = caller(cloud, "answers-another", f"{machines}another")
    assert "AccessDenied" in refusal(other.send_task_success, taskToken=found, output="{}")[0]
    assert cloud.client("stepfunctions").describe_execution(executionArn=arn)["status"] == "RUNNING"
    caller(cloud, "answers-this", f"{machines}{name}").send_task_success(taskToken=found, output="{}")
    assert outcome(cloud, arn)["status"] == "SUCCEEDED"
