"""Scalable targets and scaling policies as records, and the table of operations."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING

from local.sagemaker.containers import CONFIGS, ENDPOINTS
from local.sagemaker.errors import ApiError, invalid
from local.sagemaker.scaled import TARGETS, keep_between
from local.sagemaker.state import Record
from local.scaling import permissions

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.principals import Principal
    from local.sagemaker.context import Context

POLICIES = "scaling_policies"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
_BURSTABLE = ("ml.t2.", "ml.t3.")
_METRIC = "SageMakerVariantInvocationsPerInstance"


def register(context: Context, request: Record, caller: Principal) -> Record:
    """Register or change a target, and move the endpoint's number of instances into its bounds.

    Raises
    ------
    ApiError
        ``ValidationException`` when the endpoint cannot be scaled, the bounds are missing or contradictory,
        or the caller lacks a permission.
    """
    endpoint = _scaled(context, request)
    permissions.validate(context, endpoint, request["ResourceId"], caller)
    permissions.link_role(context, caller)
    known = context.state.get(TARGETS, request["ResourceId"])
    bounds: Record = {key: request[key] for key in ("MinCapacity", "MaxCapacity") if key in request}
    made: Record = {**_new(context, request), **(known or {}), **bounds}
    if not {"MinCapacity", "MaxCapacity"} <= made.keys():
        raise invalid("MinCapacity and MaxCapacity are required to register a scalable target")
    if made["MinCapacity"] > made["MaxCapacity"]:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    context.state.remove(TARGETS, request["ResourceId"])
    context.state.add(TARGETS, request["ResourceId"], made)
    keep_between(context, endpoint["EndpointName"], made["MinCapacity"], made["MaxCapacity"])
    return {"ScalableTargetARN": made["ScalableTargetARN"]}


def deregister(context: Context, request: Record, _caller: Principal) -> Record:
    """Remove a target and its policies; the endpoint does not change.

    Raises
    ------
    ApiError
        ``ObjectNotFoundException`` when the target is not registered.
    """
    _known(context, request)
    context.state.remove(TARGETS, request["ResourceId"])
    for policy in _of_resource(context, POLICIES, request):
        context.state.remove(POLICIES, _key(policy))
    return {}


def put_policy(context: Context, request: Record, _caller: Principal) -> Record:
    """Record or replace a policy of a registered target.

    Raises
    ------
    ApiError
        ``ObjectNotFoundException`` when the target is not registered, ``ValidationException`` for any policy
        but target tracking of invocations per instance.
    """
    _known(context, request)
    tracked = request.get("TargetTrackingScalingPolicyConfiguration", {})
    metric = tracked.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    if request.get("PolicyType") != "TargetTrackingScaling" or metric != _METRIC:
        raise invalid(
            f"a policy of the laptop cloud tracks {_METRIC}, got {request.get('PolicyType')} of {metric}"
        )
    place = f"{context.settings.region}:{context.settings.account}"
    which = f"resource/sagemaker/{request['ResourceId']}:policyName/{request['PolicyName']}"
    arn = f"arn:aws:autoscaling:{place}:scalingPolicy:{secrets.token_hex(16)}:{which}"
    made = {**request, "PolicyARN": arn, "CreationTime": time.time(), "Alarms": []}
    if old := context.state.remove(POLICIES, _key(request)):
        made |= {key: old[key] for key in ("PolicyARN", "CreationTime")}
    context.state.add(POLICIES, _key(request), made)
    return {"PolicyARN": made["PolicyARN"], "Alarms": []}


def describe_targets(context: Context, request: Record, _caller: Principal) -> Record:
    """Return the targets, of the requested resources or of all."""
    wanted = request.get("ResourceIds")
    found = [one for one in context.state.all(TARGETS) if wanted is None or one["ResourceId"] in wanted]
    return {"ScalableTargets": found if request["ServiceNamespace"] == "sagemaker" else []}


def describe_policies(context: Context, request: Record, _caller: Principal) -> Record:
    """Return the policies, of the requested resource or of all."""
    found = (
        _of_resource(context, POLICIES, request) if "ResourceId" in request else context.state.all(POLICIES)
    )
    return {"ScalingPolicies": found if request["ServiceNamespace"] == "sagemaker" else []}


OPERATIONS: dict[str, Callable[[Context, Record, Principal], Record]] = {
    "RegisterScalableTarget": register,
    "DeregisterScalableTarget": deregister,
    "PutScalingPolicy": put_policy,
    "DescribeScalableTargets": describe_targets,
    "DescribeScalingPolicies": describe_policies,
}


def _scaled(context: Context, request: Record) -> Record:
    """Return the endpoint that a request names.

    Raises
    ------
    ApiError
        ``ValidationException`` when it does not exist, has no instances, or has burstable ones.
    """
    found = _RESOURCE.fullmatch(request["ResourceId"])
    if request["ServiceNamespace"] != "sagemaker" or request["ScalableDimension"] != DIMENSION or not found:
        raise invalid("Unsupported service namespace, resource type or scalable dimension")
    endpoint = context.state.get(ENDPOINTS, found[1])
    variants = {one["VariantName"]: one for one in (endpoint or {}).get("ProductionVariants", [])}
    if endpoint is None or "CurrentInstanceCount" not in variants.get(found[2], {}):
        raise invalid(f"no variant on instances found for {request['ResourceId']}")
    config = context.state.get(CONFIGS, endpoint["EndpointConfigName"]) or {"ProductionVariants": [{}]}
    instance = config["ProductionVariants"][0].get("InstanceType", "")
    if instance.startswith(_BURSTABLE):
        raise invalid(f"cannot register a variant with {instance} as a scalable target")
    return endpoint


def _new(context: Context, request: Record) -> Record:
    place = f"{context.settings.region}:{context.settings.account}"
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": request["ResourceId"],
        "ScalableDimension": DIMENSION,
        "RoleARN": f"arn:aws:iam::{context.settings.account}:role/aws-service-role/"
        f"{permissions.LINKED_SERVICE}/{permissions.LINKED_ROLE}",
        "ScalableTargetARN": f"arn:aws:application-autoscaling:{place}:scalable-target/{secrets.token_hex(16)}",
        "CreationTime": time.time(),
    }


def _known(context: Context, request: Record) -> None:
    if context.state.get(TARGETS, request["ResourceId"]) is None:
        about = (
            f"service namespace: {request['ServiceNamespace']}, resource ID: {request['ResourceId']}, "
            f"scalable dimension: {request['ScalableDimension']}"
        )
        raise ApiError("ObjectNotFoundException", f"No scalable target found for {about}")


def _of_resource(context: Context, table: str, request: Record) -> list[Record]:
    return [one for one in context.state.all(table) if one["ResourceId"] == request["ResourceId"]]


def _key(policy: Record) -> str:
    return f"{policy['ResourceId']}:{policy['PolicyName']}"
