"""The model registry keeps what it is given and refuses what AWS refuses."""

from __future__ import annotations

from tests.local.actions import refusal
from tests.local.conftest import Running


def test_versions_are_numbered_and_no_number_is_given_twice(cloud: Running, name: str) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    arns = [sagemaker.create_model_package(ModelPackageGroupName=name)["ModelPackageArn"] for _ in range(2)]
    assert [arn.rpartition("/")[2] for arn in arns] == ["1", "2"]
    sagemaker.delete_model_package(ModelPackageName=arns[1])
    third = sagemaker.create_model_package(ModelPackageGroupName=name)["ModelPackageArn"]
    assert third.endswith(f"model-package/{name}/3")


def test_what_a_version_was_registered_with_comes_back(cloud: Running, name: str) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    given = {
        "CustomerMetadataProperties": {"run_id": "r1", "snapshot": "abc"},
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/k"}}
        },
        "ModelApprovalStatus": "Approved",
        "Tags": [{"Key": "stage", "Value": "toy"}],
    }
    arn = sagemaker.create_model_package(ModelPackageGroupName=name, **given)["ModelPackageArn"]
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["CustomerMetadataProperties"] == given["CustomerMetadataProperties"]
    assert found["ModelMetrics"] == given["ModelMetrics"]
    assert (found["ModelApprovalStatus"], found["ModelPackageStatus"]) == ("Approved", "Completed")
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == given["Tags"]


def test_an_update_changes_approval_and_adds_metadata(cloud: Running, name: str) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    request = {"ModelPackageGroupName": name, "CustomerMetadataProperties": {"kept": "1", "gone": "2"}}
    arn = sagemaker.create_model_package(**request)["ModelPackageArn"]
    assert (
        sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"]
        == "PendingManualApproval"
    )
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Rejected",
        ApprovalDescription="worse",
        CustomerMetadataProperties={"new": "3"},
        CustomerMetadataPropertiesToRemove=["gone"],
    )
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Rejected", "worse")
    assert found["CustomerMetadataProperties"] == {"kept": "1", "new": "3"}


def test_versions_are_listed_newest_first_in_pages(cloud: Running, name: str) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    for _ in range(3):
        sagemaker.create_model_package(ModelPackageGroupName=name)
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=name, PaginationConfig={"PageSize": 2}
    )
    found = [[item["ModelPackageVersion"] for item in page["ModelPackageSummaryList"]] for page in pages]
    assert found == [[3, 2], [1]]


def test_a_group_with_versions_can_not_be_deleted(cloud: Running, name: str) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    arn = sagemaker.create_model_package(ModelPackageGroupName=name)["ModelPackageArn"]
    assert refusal(sagemaker.delete_model_package_group, ModelPackageGroupName=name)[0] == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    assert "does not exist" in refusal(sagemaker.describe_model_package_group, ModelPackageGroupName=name)[1]


def test_tags_are_added_changed_and_removed(cloud: Running, name: str) -> None:
    sagemaker = cloud.client("sagemaker")
    arn = sagemaker.create_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "3"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}]
