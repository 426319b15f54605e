"""SageMaker endpoints, one per version, each with a model and an endpoint configuration of the same name."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from lambdas.aws.sagemaker.scaling import VARIANT, Scaling
from lambdas.aws.sagemaker.status import Status
from relearn.errors import ConflictError, QuotaExceededError
from relearn.lifecycle.runs import Version
from relearn.naming import resources
from relearn.spec.hosting import Realtime, Serverless

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

# SageMaker uses the same codes for "does not exist", "exists already" and "not now".
_REFUSED = {"ValidationException", "ValidationError", "ResourceNotFound", "ResourceInUse"}
_NO_MORE = "ResourceLimitExceeded"
_POLL_SECONDS = 2.0
_log = logging.getLogger(__name__)


class Resource(NamedTuple):
    """An endpoint, endpoint configuration or model.

    Parameters
    ----------
    name, arn
        Name and ARN of the resource.
    made_at
        Time of its creation, aware.
    """

    name: str
    arn: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Creates and removes the endpoints of a stage.

    Parameters
    ----------
    client
        A SageMaker client.
    stage
        Name of the stage, part of every name and tag.
    scaling
        Scales endpoints on instances.
    sleep
        Sleeps for a number of seconds.
    """

    client: SageMakerClient
    stage: str
    scaling: Scaling
    sleep: Callable[[float], None] = time.sleep

    def status(self, name: str) -> Status | None:
        """Return the status of an endpoint; None when it does not exist."""
        found = _exists(self.client.describe_endpoint, EndpointName=name)
        if found is None:
            return None
        return Status(found["EndpointStatus"], found.get("FailureReason", ""))

    def ensure(self, hosting: Serverless | Realtime, version: Version, role_arn: str) -> Status:
        """Create the endpoint of a version unless it exists, and return its status.

        Scaling of an endpoint on instances is registered before it is reported in service, so before it gets
        any traffic.

        Parameters
        ----------
        hosting
            Kind of endpoint, with its settings.
        version
            A registered version.
        role_arn
            ARN of the container's execution role.

        Raises
        ------
        QuotaExceededError
            The account's quota for such endpoints is used up. What was created remains, and the next call
            continues.
        ConflictError
            Another change of its scaling is in progress; call again later.
        """
        name = resources.endpoint(self.stage, version.model, version.version)
        if (status := self.status(name)) is None:
            self._make(name, hosting, version, role_arn)
            status = self.status(name) or Status("Creating")
        if status.status == "InService" and isinstance(hosting, Realtime):
            self.scaling.register(name, hosting)
        return status

    def _make(self, name: str, hosting: Serverless | Realtime, version: Version, role_arn: str) -> None:
        # Serverless inference does not support network isolation: "Feature exclusions" in the SageMaker
        # Developer Guide.
        self.ensure_model(version, role_arn, isolated=isinstance(hosting, Realtime))
        tags, client = self._tags(version), self.client
        _ensure(
            (client.create_endpoint_config, client.describe_endpoint_config, {"EndpointConfigName": name}),
            ProductionVariants=[_variant(hosting, name)],
            Tags=tags,
        )
        _ensure(
            (client.create_endpoint, client.describe_endpoint, {"EndpointName": name}),
            EndpointConfigName=name,
            Tags=tags,
        )

    def ensure_model(self, version: Version, role_arn: str, *, isolated: bool = True) -> None:
        """Create SageMaker's model of a version, which endpoints and batch transforms use, unless it exists.

        Parameters
        ----------
        version
            A registered version.
        role_arn
            ARN of the container's execution role.
        isolated
            Whether the container is isolated from the network, and gets no credentials.
        """
        container = {
            "ModelPackageName": version.package_arn,
            "Environment": _environment(version),
        }
        client = self.client
        name = resources.endpoint(self.stage, version.model, version.version)
        _ensure(
            (client.create_model, client.describe_model, {"ModelName": name}),
            PrimaryContainer=container,
            ExecutionRoleArn=role_arn,
            EnableNetworkIsolation=isolated,
            Tags=self._tags(version),
        )

    def remove_version(self, version: Version) -> None:
        """Remove a version's endpoint, endpoint configuration and model, as `remove` does."""
        self.remove(resources.in_sagemaker(self.stage, version.model, version.version, version.endpoint))

    def remove(self, name: str, wait_seconds: float = 90) -> None:
        """Remove an endpoint with its configuration and model; missing ones are ignored.

        Parameters
        ----------
        name
            Name of all three.
        wait_seconds
            Time to wait for the deletion of the endpoint, in seconds.

        Raises
        ------
        ConflictError
            The endpoint still exists, or another change of its scaling is in progress; call again later.
        """
        # First, and for every kind of hosting: a scalable target outlives its endpoint, and the hosting is
        # not known here.
        self.scaling.deregister(name)
        waited = 0.0
        while (status := self.status(name)) is not None:
            if waited >= wait_seconds:
                raise ConflictError(f"endpoint {name} is still {status.status} after {waited:.0f} s")
            if status.status != "Deleting":
                _unless_refused(self.client.delete_endpoint, EndpointName=name)
            self.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
        _unless_refused(self.client.delete_endpoint_config, EndpointConfigName=name)
        _unless_refused(self.client.delete_model, ModelName=name)

    def all(self) -> Iterator[Resource]:
        """Yield every endpoint, endpoint configuration and model whose name has the stage's prefix."""
        client, prefix = self.client, resources.prefix(self.stage)
        listings: tuple[tuple[Any, str], ...] = (
            (client.get_paginator("list_endpoints"), "Endpoint"),
            (client.get_paginator("list_endpoint_configs"), "EndpointConfig"),
            (client.get_paginator("list_models"), "Model"),
        )
        for paginator, kind in listings:
            yield from _listed(paginator, kind, prefix)

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a resource; empty when it no longer exists."""
        found = _exists(self.client.list_tags, ResourceArn=arn) or {"Tags": []}
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}

    def _tags(self, version: Version) -> list[Any]:
        values = {
            "stage": self.stage,
            "model": version.model,
            "version": str(version.version),
            "run": version.run_id,
        }
        return [{"Key": resources.tag(key), "Value": value} for key, value in values.items()]


def _variant(hosting: Serverless | Realtime, name: str) -> Any:
    whole = {"VariantName": VARIANT, "ModelName": name}
    if isinstance(hosting, Realtime):
        return {
            **whole,
            "InstanceType": hosting.instance,
            "InitialInstanceCount": hosting.minimum,
            "InitialVariantWeight": 1.0,
        }
    config = {"MemorySizeInMB": hosting.memory_mb, "MaxConcurrency": hosting.max_concurrency}
    if hosting.provisioned:
        config["ProvisionedConcurrency"] = hosting.provisioned
    return {**whole, "ServerlessConfig": config}


def _environment(version: Version) -> dict[str, str]:
    """Return the container's environment: its version, and the digest of the only artifact that it serves.

    A version runs the image that it was registered with. An old image checks the digest of the graph only.
    """
    told = {"RELEARN_MODEL_VERSION": str(version.version)}
    if version.contents_sha256:
        return {**told, "RELEARN_ARTIFACT_SHA256": version.contents_sha256}
    return {**told, "RELEARN_ONNX_SHA256": version.onnx_sha256} if version.onnx_sha256 else told


def _exists(describe: Callable[..., Any], **key: str) -> Any:
    """Return the description of a resource; None when it does not exist."""
    try:
        return describe(**key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _REFUSED:
            return None
        raise


def _ensure(calls: tuple[Callable[..., Any], Callable[..., Any], dict[str, str]], **parameters: Any) -> None:
    """Create a resource unless it exists.

    Raises
    ------
    QuotaExceededError
        The account's quota is used up.
    """
    create, describe, key = calls
    try:
        create(**key, **parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] == _NO_MORE:
            asked = f"{error.operation_name} of {', '.join(key.values())}"
            raise QuotaExceededError(asked, error.response["Error"]["Message"]) from error
        if error.response["Error"]["Code"] not in _REFUSED or _exists(describe, **key) is None:
            raise


def _unless_refused(delete: Callable[..., Any], **key: str) -> None:
    """Delete a resource; ignore a refusal, because the resource is missing or busy, which the next look shows."""
    try:
        delete(**key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _REFUSED:
            raise
        _log.info("not deleted: %s", error)


def _listed(paginator: Any, kind: str, prefix: str) -> Iterator[Resource]:
    for page in paginator.paginate(NameContains=prefix):
        for item in page[f"{kind}s"]:
            if item[f"{kind}Name"].startswith(prefix):
                yield Resource(item[f"{kind}Name"], item[f"{kind}Arn"], item["CreationTime"])
