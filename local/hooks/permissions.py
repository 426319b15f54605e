"""IAM actions and resources that a Step Functions task needs.

SageMaker's own actions are authorized where SageMaker is called (``local.sagemaker.access``); the additional
ones of the waiting ``.sync`` form are here.
"""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions

if TYPE_CHECKING:
    from collections.abc import Iterator

    Needed = tuple[str, str]

_TARGETS = {"sns": ("TopicArn",), "states": ("StateMachineArn",)}
_SYNC_RULES = {
    "createTrainingJob": "StepFunctionsGetEventsForSageMakerTrainingJobsRule",
    "createHyperParameterTuningJob": "StepFunctionsGetEventsForSageMakerTuningJobsRule",
    "startExecution": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
}
_POLLED = {"glue": ("glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun")}
"""Actions with which Step Functions polls and stops jobs; AWS does not document which it checks when."""
_RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")


def service_of(resource: str) -> str:
    """Return the service in a task's resource: ``sagemaker``, ``lambda``, ``sns``, ..."""
    return _split(resource)[0]


def denied_error(resource: str) -> str:
    """Return the error name with which a task fails when its call is denied."""
    service = service_of(resource)
    if service == "lambda":
        return "Lambda.AWSLambdaException"
    if service == "glue":
        return "Glue.AWSGlueException"
    prefix = stepfunctions._AWS_SDK_ERROR_PREFIX.get(service, service.capitalize())
    return f"{prefix}.{prefix}Exception" if "aws-sdk:" in resource else f"{prefix}.Amazon{prefix}Exception"


def of_task(resource: str, data: Any) -> Iterator[Needed]:
    """Yield every (action, resource) that the state machine's role needs for a task, except SageMaker's own."""
    service, action = _split(resource)
    pascal = action[:1].upper() + action[1:]
    if service == "lambda":
        yield "lambda:InvokeFunction", _function(resource, data)
    elif service in _TARGETS and "aws-sdk:" not in resource:
        yield f"{service}:{pascal}", next((data[key] for key in _TARGETS[service] if key in data), "*")
    elif service != "sagemaker" and ":::" in resource:
        needed, target = _of_api_call(service, pascal, data)
        yield needed, target
        if ".sync" in resource:
            yield from ((polled, target) for polled in _POLLED.get(service, ()))
    if ".sync" in resource and action in _SYNC_RULES:
        rule = f"arn:aws:events:{get_region()}:{get_account_id()}:rule/{_SYNC_RULES[action]}"
        yield from ((needed, rule) for needed in _RULE_ACTIONS)


def _split(resource: str) -> tuple[str, str]:
    """Return (service, action) of a resource such as ``arn:aws:states:::aws-sdk:sagemaker:createModel``."""
    if ":::" not in resource:
        return resource.split(":")[2], "invoke"
    name = resource.partition(":::")[2].removeprefix("aws-sdk:")
    service, _, action = name.partition(":")
    return service, action.partition(".")[0]


def _function(resource: str, data: Any) -> str:
    name = str(data.get("FunctionName", "")) if ":::" in resource else resource
    return (
        name
        if name.startswith("arn:")
        else f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{name}"
    )


def _of_api_call(service: str, action: str, data: Any) -> Needed:
    """Return the (action, resource) that MiniStack would authorize for the same call over HTTP."""
    known = stepfunctions._AWS_SDK_SERVICE_MAP.get(service, {})
    key = known.get("service_key", service)
    namespace = iam_actions.SERVICE_TO_IAM_NAMESPACE.get(key, key)
    path = (
        "/" + "/".join(str(data[part]) for part in ("Bucket", "Key") if part in data)
        if service == "s3"
        else "/"
    )
    headers = {"x-amz-target": f"{known.get('target_prefix', '')}.{action}"}
    query = {name: [value] for name, value in data.items() if isinstance(value, str)}
    target = iam_actions.extract_resource_arn(
        key, "POST", path, headers, json.dumps(data).encode(), query, get_region(), get_account_id()
    )
    return f"{namespace}:{action}", target
