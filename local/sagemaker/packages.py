"""The model registry: model package groups and their versions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from local.sagemaker import tags
from local.sagemaker.context import announce
from local.sagemaker.control import operation
from local.sagemaker.errors import ApiError, invalid
from local.sagemaker.state import Record, page

if TYPE_CHECKING:
    from local.sagemaker.context import Context

GROUPS = "model_package_groups"
PACKAGES = "model_packages"
_LISTED = (
    "ModelPackageArn",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelApprovalStatus",
    "ModelPackageStatus",
)


@operation
def create_model_package_group(context: Context, request: Record) -> Record:
    """Record a model package group."""
    name = request["ModelPackageGroupName"]
    arn = context.arn("model-package-group", name)
    record = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "ModelPackageGroupArn": arn,
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": time.time(),
        "LastVersion": 0,
    }
    if not context.state.add(GROUPS, name, record):
        raise invalid(f"Model Package Group already exists: {arn}")
    tags.keep(context, arn, request.get("Tags", []))
    return {"ModelPackageGroupArn": arn}


@operation
def describe_model_package_group(context: Context, request: Record) -> Record:
    """Return a model package group."""
    return _group(context, request["ModelPackageGroupName"])


@operation
def list_model_package_groups(context: Context, request: Record) -> Record:
    """Return a page of groups."""
    groups, more = page(context.state.all(GROUPS), request, name="ModelPackageGroupName")
    return {"ModelPackageGroupSummaryList": groups, **more}


@operation
def delete_model_package_group(context: Context, request: Record) -> Record:
    """Delete a group; refused while it has packages."""
    group = _group(context, request["ModelPackageGroupName"])
    if any(
        package["ModelPackageGroupName"] == group["ModelPackageGroupName"]
        for package in context.state.all(PACKAGES)
    ):
        raise ApiError(
            "ConflictException", "Model Package Group cannot be deleted as it still contains model packages."
        )
    context.state.remove(GROUPS, group["ModelPackageGroupName"])
    return {}


@operation
def create_model_package(context: Context, request: Record) -> Record:
    """Record the next version of a group."""
    if "ModelPackageGroupName" not in request:
        raise invalid(
            "a model package of the laptop cloud is a version of a group: ModelPackageGroupName is missing"
        )
    with context.state.lock:
        group = _group(context, request["ModelPackageGroupName"])
        name, version = group["ModelPackageGroupName"], group["LastVersion"] + 1
        context.state.change(GROUPS, name, LastVersion=version)
    arn = context.arn("model-package", f"{name}/{version}")
    record = {
        "ModelApprovalStatus": "PendingManualApproval",
        **{key: value for key, value in request.items() if key not in ("Tags", "ClientToken")},
        "ModelPackageGroupName": name,
        "ModelPackageVersion": version,
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CreationTime": time.time(),
    }
    context.state.add(PACKAGES, arn, record)
    tags.keep(context, arn, request.get("Tags", []))
    _announce(record)
    return {"ModelPackageArn": arn}


@operation
def describe_model_package(context: Context, request: Record) -> Record:
    """Return a version by its ARN."""
    return _package(context, request["ModelPackageName"])


@operation
def list_model_packages(context: Context, request: Record) -> Record:
    """Return a page of versions, of one group or of all."""
    name = request.get("ModelPackageGroupName", "").rpartition("/")[2]
    found = [
        package
        for package in context.state.all(PACKAGES)
        if not name or package["ModelPackageGroupName"] == name
    ]
    wanted = request.get("ModelApprovalStatus")
    found = [package for package in found if wanted in (None, package["ModelApprovalStatus"])]
    packages, more = page(found, request, name="ModelPackageArn", status="ModelPackageStatus")
    return {"ModelPackageSummaryList": packages, **more}


@operation
def update_model_package(context: Context, request: Record) -> Record:
    """Change a version's approval status and metadata."""
    arn = request["ModelPackageArn"]
    with context.state.lock:
        package = _package(context, arn)
        metadata = {
            **package.get("CustomerMetadataProperties", {}),
            **request.get("CustomerMetadataProperties", {}),
        }
        for key in request.get("CustomerMetadataPropertiesToRemove", []):
            metadata.pop(key, None)
        kept = {key: value for key, value in request.items() if key not in ("ModelPackageArn", "ClientToken")}
        kept.pop("CustomerMetadataPropertiesToRemove", None)
        changed = context.state.change(PACKAGES, arn, **{**kept, "CustomerMetadataProperties": metadata})
    _announce(changed)
    return {"ModelPackageArn": arn}


@operation
def delete_model_package(context: Context, request: Record) -> Record:
    """Delete a version; its number is never reused."""
    package = _package(context, request["ModelPackageName"])
    context.state.remove(PACKAGES, package["ModelPackageArn"])
    return {}


def _group(context: Context, name: str) -> Record:
    group = context.state.get(GROUPS, name.rpartition("/")[2])
    if group is None:
        raise invalid(f"Model Package Group {name} does not exist.")
    return group


def _package(context: Context, arn: str) -> Record:
    package = context.state.get(PACKAGES, arn)
    if package is None:
        raise invalid(f"Model Package {arn} does not exist.")
    return package


def _announce(package: Record) -> None:
    detail = {key: package[key] for key in _LISTED} | {
        "CustomerMetadataProperties": package.get("CustomerMetadataProperties", {}),
        "CreationTime": int(package["CreationTime"] * 1000),
    }
    announce("SageMaker Model Package State Change", package["ModelPackageArn"], detail)
