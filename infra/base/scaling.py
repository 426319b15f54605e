"""Permissions that Application Auto Scaling requires to scale an endpoint, as narrow as AWS allows.

It makes calls with the caller's permissions to validate that scaling would work ("Permissions validation" in
its user guide). So the caller needs what its service-linked role does later, on the endpoint and on the
alarms.
"""

from __future__ import annotations

from aws_cdk import Stack

from infra.base import grants
from infra.base.grants import Grant

SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_OURS = {
    "application-autoscaling:service-namespace": "sagemaker",
    "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
}


def allow(stack: Stack, *actions: str) -> Grant:
    """Allow ``actions`` (without ``application-autoscaling:``) on the scaling of endpoints' instances."""
    return Grant(
        actions=[f"application-autoscaling:{action}" for action in actions],
        resources=[
            stack.format_arn(service="application-autoscaling", resource="scalable-target", resource_name="*")
        ],
        because="AWS asks this of scalable-target/* itself and never of one target, whose id it makes up; "
        "narrowed to instances of SageMaker's endpoints by conditions",
        conditions={"StringEquals": _OURS},
    )


def register(stack: Stack, *, prefix: str) -> list[Grant]:
    """Return the grants for registering an endpoint, besides those on SageMaker.

    Parameters
    ----------
    stack
        Stack of the grants.
    prefix
        Prefix of the names of the stage's endpoints.
    """
    role = f"aws-service-role/{SERVICE}/{ROLE}"
    return [
        allow(stack, "RegisterScalableTarget", "PutScalingPolicy"),
        Grant(
            actions=["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
            resources=[grants.alarm(stack, f"TargetTracking-endpoint/{prefix}*")],
            because=f"AWS names the alarms: after the endpoint, which starts with {prefix}, and an id of its own",
        ),
        grants.look_at_alarms(stack),
        Grant(  # the account's first scaled endpoint creates it
            actions=["iam:CreateServiceLinkedRole"],
            resources=[stack.format_arn(service="iam", region="", resource="role", resource_name=role)],
            conditions={"StringEquals": {"iam:AWSServiceName": SERVICE}},
        ),
    ]
