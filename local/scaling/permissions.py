"""IAM checks of a caller who scales an endpoint.

According to its user guide ("Permissions validation for Application Auto Scaling API calls") the service
calls the scaled service and CloudWatch with the caller's permissions. The SageMaker guide lists the actions
of SageMaker.
"""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ministack.services import iam

from local.sagemaker.errors import denied, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.principals import Principal
    from local.sagemaker.context import Context

LINKED_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
LINKED_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def authorise(context: Context, action: str, request: dict[str, Any], caller: Principal) -> None:
    """Refuse a caller whose policies do not allow the call.

    The resource is ``scalable-target/*``, because AWS authorizes no single target; namespace and dimension
    are condition keys.

    Raises
    ------
    ApiError
        ``AccessDeniedException``.
    """
    name = f"application-autoscaling:{action}"
    resource, keys = "*", {}
    if not action.startswith("Describe"):
        place = f"{context.settings.region}:{context.settings.account}"
        resource = f"arn:aws:application-autoscaling:{place}:scalable-target/*"
        keys = {
            "application-autoscaling:service-namespace": request["ServiceNamespace"],
            "application-autoscaling:scalable-dimension": request["ScalableDimension"],
        }
    if not caller.allowed(name, resource, keys):
        raise denied(caller.denial(name, resource))


def validate(context: Context, endpoint: dict[str, Any], resource_id: str, caller: Principal) -> None:
    """Refuse a caller who lacks the permissions that scaling the endpoint uses.

    Raises
    ------
    ApiError
        ``ValidationException``, which lists the missing permissions.
    """
    lacking = [
        f"{action} on {resource}"
        for action, resource in _needed(context, endpoint, resource_id)
        if not caller.allowed(action, resource)
    ]
    if lacking:
        raise invalid(f"Missing permissions for {caller.arn}: {', '.join(lacking)}")


def link_role(context: Context, caller: Principal) -> None:
    """Create the account's service-linked role unless it exists.

    Raises
    ------
    ApiError
        ``ValidationException`` when it does not exist and the caller may not create it.
    """
    if LINKED_ROLE in iam._roles:
        return
    path = f"/aws-service-role/{LINKED_SERVICE}/"
    arn = f"arn:aws:iam::{context.settings.account}:role{path}{LINKED_ROLE}"
    if not caller.allowed("iam:CreateServiceLinkedRole", arn, {"iam:AWSServiceName": LINKED_SERVICE}):
        raise invalid(
            f"Unable to create the service-linked role: {caller.denial('iam:CreateServiceLinkedRole', arn)}"
        )
    trust = {"Effect": "Allow", "Principal": {"Service": LINKED_SERVICE}, "Action": "sts:AssumeRole"}
    iam._roles[LINKED_ROLE] = {
        "RoleName": LINKED_ROLE,
        "Arn": arn,
        "RoleId": f"AROA{time.monotonic_ns():017d}",
        "CreateDate": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "Path": path,
        "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        "Description": "",
        "MaxSessionDuration": 3600,
        "AttachedPolicies": [],
        "InlinePolicies": {},
        "Tags": [],
    }


def _needed(context: Context, endpoint: dict[str, Any], resource_id: str) -> Iterator[tuple[str, str]]:
    arn = context.arn("endpoint", endpoint["EndpointName"])
    yield "sagemaker:DescribeEndpoint", arn
    yield "sagemaker:DescribeEndpointConfig", context.arn("endpoint-config", endpoint["EndpointConfigName"])
    yield "sagemaker:UpdateEndpointWeightsAndCapacities", arn
    alarms = f"arn:aws:cloudwatch:{context.settings.region}:{context.settings.account}:alarm:"
    yield "cloudwatch:PutMetricAlarm", f"{alarms}TargetTracking-{resource_id}-AlarmHigh"
    yield "cloudwatch:DeleteAlarms", f"{alarms}TargetTracking-{resource_id}-AlarmHigh"
    yield "cloudwatch:DescribeAlarms", f"{alarms}*"
