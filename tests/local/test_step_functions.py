"""Step Functions acts as the state machine's role, and waits for SageMaker's jobs as on AWS."""

from __future__ import annotations

import json
import re

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Template

from infra.workflow.training_job import JOB, THERE_ALREADY, after_job
from relearn.lifecycle.run_context import path
from tests.local.actions import Record, execute, job_request, outcome, without
from tests.local.conftest import Running, until


def test_a_synchronous_task_gives_the_job_with_times_in_milliseconds(cloud: Running, name: str) -> None:
    found = outcome(cloud, execute(cloud, name, answer="7"))
    assert found["status"] == "SUCCEEDED", found
    job = json.loads(found["output"])["job"]
    assert job["TrainingJobStatus"] == "Completed"
    assert job["TrainingEndTime"] > 1e12


def test_a_failed_job_fails_the_task_with_the_jobs_description(cloud: Running, name: str) -> None:
    found = outcome(cloud, execute(cloud, name, fail="too few rows"))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(found["cause"])["FailureReason"] == "AlgorithmError: too few rows, exit code: 1"


def test_a_refused_call_fails_the_task_with_the_sdks_exception(cloud: Running, name: str) -> None:
    outcome(cloud, execute(cloud, name))
    assert outcome(cloud, execute(cloud, name))["error"] == "SageMaker.ResourceInUseException"


def test_a_job_that_is_there_already_is_adopted_as_the_app_does(cloud: Running, name: str) -> None:
    cloud.client("sagemaker").create_training_job(**job_request(cloud, name))
    client = cloud.client("stepfunctions")
    machine = client.create_state_machine(
        name=name,
        roleArn=f"arn:aws:iam::123456789012:role/{cloud.outputs['MachineRole']}",
        definition=adopting(job_request(cloud, name)),
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input=json.dumps({"job_name": name}))[
        "executionArn"
    ]
    ended = outcome(cloud, execution)
    assert ended["status"] == "SUCCEEDED", ended
    job = cloud.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert json.loads(ended["output"])["training"] == {"artifact": job["ModelArtifacts"]["S3ModelArtifacts"]}
    assert outcome(cloud, execute(cloud, "not_a_name"))["error"] == "SageMaker.AmazonSageMakerException"


@pytest.mark.parametrize(("by", "detail"), [("its limit", "MaxRuntimeExceeded"), ("a person", "Stopped")])
def test_a_stopped_job_ends_the_apps_machine_with_its_reason_whichever_way_it_is_reported(
    cloud: Running, name: str, by: str, detail: str
) -> None:
    name = f"{name[:40]}-{detail.lower()}"
    request = job_request(cloud, name, sleep="30")
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 1 if by == "its limit" else 60}
    client = cloud.client("stepfunctions")
    machine = client.create_state_machine(
        name=name,
        roleArn=f"arn:aws:iam::123456789012:role/{cloud.outputs['MachineRole']}",
        definition=adopting(request),
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input=json.dumps({"job_name": name}))
    until(lambda: known(cloud, name))
    if by == "a person":
        cloud.client("sagemaker").stop_training_job(TrainingJobName=name)
    ended = outcome(cloud, execution["executionArn"])
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(ended["cause"])
    assert (cause["TrainingJobStatus"], cause["SecondaryStatus"]) == ("Stopped", detail)
    events = client.get_execution_history(executionArn=execution["executionArn"], maxResults=1000)["events"]
    succeeded = [event for event in events if event["type"] == "TaskSucceeded"]
    assert len(succeeded) == (by == "its limit")


def known(cloud: Running, name: str) -> bool:
    found = cloud.client("sagemaker").list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    return bool(found)


def adopting(job: Record) -> str:
    """A machine that asks for a job, and has the app's own states after it."""
    stack = Stack(App(), "Adopting")
    train = sfn.CustomState(
        stack,
        "Train",
        state_json={
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Parameters": job,
            "ResultPath": JOB,
        },
    )
    failed = sfn.Fail(stack, "Failed", error_path=path("error", "Error"), cause_path=path("error", "Cause"))
    after = after_job(stack, then=sfn.Succeed(stack, "Done"), failure=failed, pause_seconds=1)
    train.add_catch(after.look, errors=[THERE_ALREADY], result_path=path("refused"))
    train.add_catch(failed, result_path=path("error"))
    body = sfn.DefinitionBody.from_chainable(train.next(after.done))
    sfn.StateMachine(stack, "Machine", definition_body=body)
    (machine,) = Template.from_stack(stack).find_resources("AWS::StepFunctions::StateMachine").values()
    _, parts = machine["Properties"]["DefinitionString"]["Fn::Join"]
    return "".join(part if isinstance(part, str) else "aws" for part in parts)


def test_stopping_an_execution_stops_its_job_and_stays_aborted(cloud: Running, name: str) -> None:
    arn = execute(cloud, name, sleep="30")
    until(lambda: status(cloud, name) == "InProgress")
    cloud.client("stepfunctions").stop_execution(executionArn=arn)
    until(lambda: status(cloud, name) == "Stopped")
    assert outcome(cloud, arn)["status"] == "ABORTED"


@pytest.mark.parametrize(
    "action",
    [
        "sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "iam:PassRole", "events:PutTargets",
        "events:PutRule", "events:DescribeRule",
    ],
)  # fmt: skip
def test_a_task_fails_without_each_permission_of_the_role(cloud: Running, action: str) -> None:
    name = f"toy-without-{action.replace(':', '-').lower()}"
    with without(cloud, cloud.outputs["MachineRole"], action):
        found = outcome(cloud, execute(cloud, name))
    assert found["status"] == "FAILED"
    assert f"not authorized to perform: {action}" in found["cause"]


def test_a_function_is_not_invoked_without_the_roles_permission(cloud: Running, name: str) -> None:
    with without(cloud, cloud.outputs["MachineRole"], "lambda:InvokeFunction"):
        found = outcome(cloud, execute(cloud, name))
    assert (found["status"], found["error"]) == ("FAILED", "Lambda.AWSLambdaException")


def test_a_role_that_does_not_trust_step_functions_can_not_be_used(cloud: Running, name: str) -> None:
    machine = define(cloud, name, {"End": True, **call(cloud)}, role=cloud.outputs["JobRole"])
    assert "cannot assume the role" in outcome(cloud, started(cloud, machine))["cause"]


def test_branches_act_as_the_role_too(cloud: Running, name: str) -> None:
    branch = {"StartAt": "One", "States": {"One": {"End": True, **call(cloud)}}}
    state = {"Type": "Parallel", "Branches": [branch, branch], "End": True}
    machine = define(cloud, name, state)
    assert outcome(cloud, started(cloud, machine))["status"] == "SUCCEEDED"
    with without(cloud, cloud.outputs["MachineRole"], "lambda:InvokeFunction"):
        assert outcome(cloud, started(cloud, machine))["status"] == "FAILED"


def test_a_job_is_stopped_when_its_tasks_time_is_up(cloud: Running, name: str) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
        "Parameters": job_request(cloud, name, sleep="30"),
        "TimeoutSeconds": 1,
        "End": True,
    }
    found = outcome(cloud, started(cloud, define(cloud, name, task)))
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    until(lambda: status(cloud, name) == "Stopped")


def test_an_execution_ends_when_its_own_time_is_up(cloud: Running, name: str) -> None:
    machine = define(cloud, name, {"Type": "Wait", "Seconds": 30, "End": True}, TimeoutSeconds=1)
    assert outcome(cloud, started(cloud, machine))["status"] == "TIMED_OUT"


def test_an_api_call_without_waiting_answers_at_once(cloud: Running, name: str) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:createTrainingJob",
        "Parameters": job_request(cloud, name),
        "End": True,
    }
    found = outcome(cloud, started(cloud, define(cloud, name, task)))
    assert json.loads(found["output"])["TrainingJobArn"].endswith(f"training-job/{name}")


def test_an_exception_of_a_handler_has_its_class_for_a_name(cloud: Running, name: str) -> None:
    state = {
        **call(cloud, {"raise": True}),
        "Catch": [{"ErrorEquals": ["KeyError"], "Next": "Caught"}],
        "Next": "Caught",
    }
    machine = define(cloud, name, state, more={"Caught": {"Type": "Pass", "End": True}})
    found = outcome(cloud, started(cloud, machine))
    assert found["status"] == "SUCCEEDED", found
    cause = json.loads(json.loads(found["output"])["Cause"])
    assert (cause["errorType"], cause["errorMessage"]) == ("KeyError", "'what the handler raised'")
    assert "in handler" in "".join(cause["stackTrace"])


def test_a_function_whose_process_ends_is_named_as_lambda_names_it(cloud: Running, name: str) -> None:
    # Lambda's runtime interface emulator, and its own logs: Runtime.ExitError, "Runtime exited with error"
    state = {
        **call(cloud, {"rawPath": "/die"}),
        "Catch": [{"ErrorEquals": ["Runtime.ExitError"], "Next": "Caught"}],
        "Next": "Caught",
    }
    machine = define(cloud, name, state, more={"Caught": {"Type": "Pass", "End": True}})
    assert outcome(cloud, started(cloud, machine))["status"] == "SUCCEEDED"


def call(cloud: Running, payload: dict[str, object] | None = None) -> dict[str, object]:
    parameters = {"FunctionName": cloud.outputs["Function"], "Payload": payload or {}}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters}


def define(
    cloud: Running,
    name: str,
    state: dict[str, object],
    *,
    role: str = "",
    more: dict[str, object] | None = None,
    **settings: object,
) -> str:
    """Create a state machine of one state, and more."""
    definition = {"StartAt": "Only", "States": {"Only": state, **(more or {})}, **settings}
    answer = cloud.client("stepfunctions").create_state_machine(
        name=name,
        roleArn=role or f"arn:aws:iam::123456789012:role/{cloud.outputs['MachineRole']}",
        definition=json.dumps(definition),
    )
    arn: str = answer["stateMachineArn"]
    return arn


def started(cloud: Running, machine: str) -> str:
    arn: str = cloud.client("stepfunctions").start_execution(stateMachineArn=machine, input="{}")[
        "executionArn"
    ]
    return arn


def status(cloud: Running, job: str) -> str:
    found = cloud.client("sagemaker").list_training_jobs(NameContains=job)["TrainingJobSummaries"]
    return str(found[0]["TrainingJobStatus"]) if found else ""


def run_of(cloud: Running, name: str, states: Record) -> Record:
    """Run a machine of these states, which begins with "First"; how it ended."""
    client = cloud.client("stepfunctions")
    machine = client.create_state_machine(
        name=name,
        roleArn=f"arn:aws:iam::123456789012:role/{cloud.outputs['MachineRole']}",
        definition=json.dumps({"StartAt": "First", "States": states}),
    )["stateMachineArn"]
    return outcome(cloud, client.start_execution(stateMachineArn=machine, input="{}")["executionArn"])


def test_an_execution_that_goes_round_for_ever_fails_after_25000_events(cloud: Running, name: str) -> None:
    """Step Functions quotas: 25,000 events in the history of one execution."""
    found = run_of(
        cloud,
        name,
        {"First": {"Type": "Pass", "Next": "Second"}, "Second": {"Type": "Pass", "Next": "First"}},
    )
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "maximum number of history events (25000)" in found["cause"]


@pytest.mark.parametrize(("characters", "status"), [(262_142, "SUCCEEDED"), (262_143, "FAILED")])
def test_what_a_state_gives_has_at_most_256_kilobytes(
    cloud: Running, name: str, characters: int, status: str
) -> None:
    """Step Functions quotas: 262,144 bytes of data as a UTF-8 string; else States.DataLimitExceeded."""
    stem = re.sub("[^a-z]+", "-", name)[-60:]
    first = {"Type": "Pass", "Result": "x" * characters, "End": True}
    found = run_of(cloud, f"{stem}-{characters}", {"First": first})
    assert found["status"] == status
    assert found.get("error") == (None if status == "SUCCEEDED" else "States.DataLimitExceeded")
