"""SageMaker permissions of a stage's functions: on endpoints, and on versions in the Model Registry."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack

from infra.base import grants, scaling
from infra.base.grants import Grant
from relearn.naming import resources

SAGEMAKER = "sagemaker.amazonaws.com"


class SageMakerAccess:
    """Grants on a stage's SageMaker resources, as one stack refers to them.

    They name the stage's prefix, which no other stage has, and no list of models: the policies of a role have at most
    10,240 characters.
    """

    def __init__(self, stack: Stack, *, stage: str) -> None:
        self._stack = stack
        self._stage = stage
        self._prefix = resources.prefix(stage)

    def allow(self, *actions: str, on: Sequence[str]) -> Grant:
        """Allow SageMaker ``actions`` (without ``sagemaker:``) on resources that runs create.

        Parameters
        ----------
        on
            Kinds of resources, e.g. ``"endpoint"``.
        """
        return Grant(
            actions=[f"sagemaker:{action}" for action in actions],
            resources=[self._arn(kind, f"{self._prefix}*") for kind in on],
            because=f"runs create it: the name starts with {self._prefix} and ends in model and version",
        )

    def ask_endpoints_of(self, model: str) -> Grant:
        """Allow invoking the endpoints of one model."""
        name = f"{resources.group(self._stage, model)}-v*"
        return Grant(
            actions=["sagemaker:InvokeEndpoint"],
            resources=[self._arn("endpoint", name)],
            because="runs create it: the name ends in the version",
        )

    def register_versions(self) -> list[Grant]:
        """Allow adding a version to each model's package group, and creating the group.

        IAM checks the permission to add a version on the version, not on the group.
        """
        return [
            self.versions("CreateModelPackage"),
            self.allow("CreateModelPackageGroup", "AddTags", on=["model-package-group"]),
        ]

    def versions(self, *actions: str) -> Grant:
        """Allow SageMaker ``actions`` on the versions in each model's package group."""
        return Grant(
            actions=[f"sagemaker:{action}" for action in actions],
            resources=[self._arn("model-package", f"{resources.group(self._stage, '*')}/*")],
            because="the groups of the stage's models are named so, and a version's number is known only once it is "
            "registered",
        )

    def drop_endpoints(self) -> list[Grant]:
        """Allow deleting a version's endpoint, endpoint config, model and scaling."""
        return [
            scaling.allow(self._stack, "DeregisterScalableTarget"),
            self.allow("DescribeEndpoint", "DeleteEndpoint", on=["endpoint"]),
            self.allow("DeleteEndpointConfig", on=["endpoint-config"]),
            self.allow("DeleteModel", on=["model"]),
        ]

    def scale_endpoints(self) -> list[Grant]:
        """Allow registering a version's endpoint for scaling."""
        return [
            *scaling.register(self._stack, prefix=self._prefix),
            self.allow("UpdateEndpointWeightsAndCapacities", on=["endpoint"]),
        ]

    def look_for_endpoints(self) -> list[Grant]:
        """Allow listing endpoints, endpoint configs and models with their tags."""
        return [
            grants.list_sagemaker("Endpoints", "EndpointConfigs", "Models"),
            self.allow("ListTags", on=["endpoint", "endpoint-config", "model"]),
        ]

    def pass_roles(self, prefix: str) -> Grant:
        """Allow passing the roles whose ARN starts with ``prefix`` to SageMaker."""
        return grants.pass_roles(prefix, to=SAGEMAKER)

    def _arn(self, resource: str, name: str) -> str:
        return self._stack.format_arn(service="sagemaker", resource=resource, resource_name=name)
