"""SageMaker, as the account's administrator: stand-ins for versions that are to go, and tidying up."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.client import Stage

NO_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/nothing:here"
"""An endpoint of it is Failed at once, and costs no process."""


SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1}}
INSTANCE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
MODEL = "iris"
"""With its role what is made here is served."""
LINKED_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


class Hosting:
    """Makes and removes models, endpoint configs and endpoints of one name, and what scales them."""

    def __init__(self, stage: Stage) -> None:
        self.client = stage.client("sagemaker")
        self._scaling = stage.client("application-autoscaling")
        self._iam = stage.client("iam")
        deploy = stage.client("lambda").get_function_configuration(
            FunctionName=f"relearn-{stage.name}-deploy"
        )
        self.role: str = deploy["Environment"]["Variables"]["ENDPOINT_ROLES"] + MODEL

    def stand_in(self, name: str, *, endpoint: bool) -> None:
        """Make what a version leaves, with its endpoint or without; all of it, and nothing else."""
        self.remove(name)
        self.make(name, {"Image": NO_IMAGE})
        if endpoint:
            self.client.create_endpoint(EndpointName=name, EndpointConfigName=name)
            self.settle(name)

    def put_in_service(self, name: str, package: str) -> None:
        """Make an endpoint of a registered version, on an instance, and wait until it answers."""
        self.remove(name)
        self.make(name, {"ModelPackageName": package}, on=INSTANCE)
        self.client.create_endpoint(EndpointName=name, EndpointConfigName=name)
        assert self.settle(name) == "InService", self.client.describe_endpoint(EndpointName=name)

    def nothing_of(self, group: str) -> str:
        """Register a version of an image that is nowhere; its ARN."""
        media = ["application/json"]
        specification = {
            "Containers": [{"Image": NO_IMAGE}],
            "SupportedContentTypes": media,
            "SupportedResponseMIMETypes": media,
        }
        try:
            self.client.create_model_package_group(ModelPackageGroupName=group)
        except ClientError as error:
            if "already exists" not in error.response["Error"]["Message"]:
                raise
        registered = self.client.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            InferenceSpecification=specification,
        )
        return str(registered["ModelPackageArn"])

    def scaled(self) -> list[str]:
        """Name the endpoints that are scaled."""
        found = self._scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return sorted(target["ResourceId"].split("/")[1] for target in found)

    def scale_nothing(self) -> None:
        """As in an account in which no endpoint was scaled yet."""
        for target in self._scaling.describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ]:
            key = ("ServiceNamespace", "ResourceId", "ScalableDimension")
            self._scaling.deregister_scalable_target(**{name: target[name] for name in key})
        if LINKED_ROLE in [role["RoleName"] for role in self._iam.list_roles(PathPrefix="/")["Roles"]]:
            self._iam.delete_service_linked_role(RoleName=LINKED_ROLE)

    def make(self, name: str, container: Any, on: Any = SERVERLESS) -> None:
        """Make a model and an endpoint config of a container."""
        self.client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self.role)
        variant = {"VariantName": "AllTraffic", "ModelName": name, **on}
        self.client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    def remove(self, *names: str) -> None:
        """Remove everything of these names, as far as it is there."""
        for name in names:
            if self.settle(name):
                self.client.delete_endpoint(EndpointName=name)
        for name in names:
            self.settle(name)
            for delete, key in (
                (self.client.delete_endpoint_config, "EndpointConfigName"),
                (self.client.delete_model, "ModelName"),
            ):
                try:
                    delete(**{key: name})
                except ClientError as error:
                    if error.response["Error"]["Code"] != "ValidationException":
                        raise

    def settle(self, name: str) -> str:
        """Wait until an endpoint is neither on its way up nor down; its status, empty for none."""
        while (status := self.status(name)) in ("Creating", "Deleting"):
            time.sleep(0.05)
        return status

    def status(self, name: str) -> str:
        try:
            return str(self.client.describe_endpoint(EndpointName=name)["EndpointStatus"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            return ""
