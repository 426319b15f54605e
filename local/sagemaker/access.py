"""IAM actions and resources that a SageMaker call needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local import principals
from local.sagemaker.errors import denied, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.principals import Principal
    from local.sagemaker.context import Context

SERVICE = "sagemaker.amazonaws.com"
_KINDS = {
    "TrainingJobName": "training-job",
    "TransformJobName": "transform-job",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job",
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "ModelName": "model",
    "ModelPackageGroupName": "model-package-group",
}
_ROLES = ("RoleArn", "ExecutionRoleArn")


def authorise(context: Context, action: str, request: dict[str, Any], caller: Principal) -> None:
    """Refuse a caller whose policies do not allow the call, the roles it passes or the tags it sets.

    Raises
    ------
    ApiError
        ``AccessDeniedException``; ``ValidationException`` for a role that SageMaker cannot assume.
    """
    resources = list(_resources(context, action, request))
    names = [f"sagemaker:{action}"] + (
        ["sagemaker:AddTags"] if request.get("Tags") and action != "AddTags" else []
    )
    for name in names:
        for resource in resources:
            if not caller.allowed(name, resource):
                raise denied(caller.denial(name, resource))
    for role_arn in _passed(request):
        _pass_role(caller, role_arn)


def _resources(context: Context, action: str, request: dict[str, Any]) -> Iterator[str]:
    if action.startswith("List") and action != "ListTags":
        yield "*"
        return
    for key in ("ResourceArn", "ModelPackageArn", "ModelPackageName"):
        if str(request.get(key, "")).startswith("arn:"):
            yield request[key]
            return
    if action == "CreateModelPackage" and "ModelPackageGroupName" in request:
        group = request["ModelPackageGroupName"].rpartition("/")[2]
        yield context.arn("model-package", f"{group}/*")
        return
    keys = [key for key in _KINDS if isinstance(request.get(key), str)]
    if action == "CreateTransformJob":
        keys.remove("ModelName")  # AWS authorizes it on the job only
    yield from (context.arn(_KINDS[key], request[key].rpartition("/")[2]) for key in keys)
    if not keys:
        yield "*"


def _passed(request: dict[str, Any]) -> list[str]:
    nested = request.get("TrainingJobDefinition") or {}
    return [place[key] for place in (request, nested) for key in _ROLES if place.get(key)]


def _pass_role(caller: Principal, role_arn: str) -> None:
    if not caller.allowed("iam:PassRole", role_arn, {"iam:PassedToService": SERVICE}):
        raise denied(caller.denial("iam:PassRole", role_arn))
    if principals.role(role_arn, SERVICE) is None:
        raise invalid(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{SERVICE}' to assume the role."
        )
