"""SageMaker endpoints, one per version: made and removed as a whole (model, endpoint config, endpoint of one name)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
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

# SageMaker says "does not exist", "exists already" and "not now" with one and the same code.
_REFUSED = {"ValidationException", "ValidationError", "ResourceNotFound", "ResourceInUse"}
_NO_MORE = "ResourceLimitExceeded"
_POLL_SECONDS = 2.0
_log = logging.getLogger(__name__)


class Resource(NamedTuple):
    """An endpoint, config or model.

    Parameters
    ----------
    name, arn
        Name and ARN of the resource.
    made_at
        When, aware.
    """

    name: str
    arn: str
    made_at: datetime


class Endpoints:
    """Makes and removes the endpoints of a stage.

    Parameters
    ----------
    client
        A SageMaker client.
    stage
        Part of every name and tag.
    scaling
        Scales those that are on instances.
    sleep
        Waits so many seconds.
    """

    def __init__(
        self,
        client: SageMakerClient,
        stage: str,
        scaling: Scaling,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._stage = stage
        self._scaling = scaling
        self._sleep = sleep

    def status(self, name: str) -> Status | None:
        """Say how an endpoint is; None when there is none of that name."""
        found = _exists(self._client.describe_endpoint, EndpointName=name)
        if found is None:
            return None
        return Status(found["EndpointStatus"], found.get("FailureReason", ""))

    def ensure(self, hosting: Serverless | Realtime, version: Version, role_arn: str) -> Status:
        """Make the endpoint of a version unless it is there, and say how it is.

        One on instances is scaled before it is said to be in service: nobody is sent there earlier.

        Parameters
        ----------
        hosting
            What kind of endpoint.
        version
            A registered version.
        role_arn
            Role the container runs with.

        Raises
        ------
        QuotaExceededError
            The account may have no more such endpoints for now; what was made stays for the next try.
        """
        name = resources.endpoint(self._stage, version.model, version.version)
        if (status := self.status(name)) is None:
            self._make(name, hosting, version, role_arn)
            status = self.status(name) or Status("Creating")
        if status.status == "InService" and isinstance(hosting, Realtime):
            self._scaling.register(name, hosting)
        return status

    def _make(self, name: str, hosting: Serverless | Realtime, version: Version, role_arn: str) -> None:
        # Serverless inference knows no network isolation: "Feature exclusions" in SageMaker's guide.
        self.ensure_model(version, role_arn, isolated=isinstance(hosting, Realtime))
        tags, client = self._tags(version), self._client
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
        """Make SageMaker's model of a version unless it is there: what its endpoint serves, and batches are scored with.

        Parameters
        ----------
        version
            A registered version.
        role_arn
            Role the container runs with.
        isolated
            Whether the container is cut off from the network, and gets no credentials.
        """
        container = {
            "ModelPackageName": version.package_arn,
            "Environment": _environment(version),
        }
        client = self._client
        name = resources.endpoint(self._stage, version.model, version.version)
        _ensure(
            (client.create_model, client.describe_model, {"ModelName": name}),
            PrimaryContainer=container,
            ExecutionRoleArn=role_arn,
            EnableNetworkIsolation=isolated,
            Tags=self._tags(version),
        )

    def remove_version(self, version: Version) -> None:
        """Remove what a version has in SageMaker, as `remove` does."""
        self.remove(resources.in_sagemaker(self._stage, version.model, version.version, version.endpoint))

    def remove(self, name: str, wait_seconds: float = 90) -> None:
        """Remove an endpoint with its config and model; what is gone already is no error.

        Parameters
        ----------
        name
            The name all three have.
        wait_seconds
            How long the endpoint may take to go, in seconds.

        Raises
        ------
        ConflictError
            The endpoint is not gone yet; call again later.
        """
        # First, and for every mode: a target outlives its endpoint, and nothing here knows what the version asked for.
        self._scaling.deregister(name)
        waited = 0.0
        while (status := self.status(name)) is not None:
            if waited >= wait_seconds:
                raise ConflictError(f"endpoint {name} is still {status.status} after {waited:.0f} s")
            if status.status != "Deleting":
                _unless_refused(self._client.delete_endpoint, EndpointName=name)
            self._sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
        _unless_refused(self._client.delete_endpoint_config, EndpointConfigName=name)
        _unless_refused(self._client.delete_model, ModelName=name)

    def all(self) -> Iterator[Resource]:
        """List every endpoint, config and model whose name is of the stage."""
        client, prefix = self._client, resources.prefix(self._stage)
        listings: tuple[tuple[Any, str], ...] = (
            (client.get_paginator("list_endpoints"), "Endpoint"),
            (client.get_paginator("list_endpoint_configs"), "EndpointConfig"),
            (client.get_paginator("list_models"), "Model"),
        )
        for paginator, kind in listings:
            yield from _listed(paginator, kind, prefix)

    def tags(self, arn: str) -> dict[str, str]:
        """Read the tags of an endpoint, config or model; none when it is gone."""
        found = _exists(self._client.list_tags, ResourceArn=arn) or {"Tags": []}
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}

    def _tags(self, version: Version) -> list[Any]:
        values = {
            "stage": self._stage,
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
    """Tell the container who it is, and what was judged: it serves nothing else.

    A version has the image of its time: one of before the digest of all its files was kept knows that of the graph.
    """
    told = {"RELEARN_MODEL_VERSION": str(version.version)}
    if version.contents_sha256:
        return {**told, "RELEARN_ARTIFACT_SHA256": version.contents_sha256}
    return {**told, "RELEARN_ONNX_SHA256": version.onnx_sha256} if version.onnx_sha256 else told


def _exists(describe: Callable[..., Any], **key: str) -> Any:
    """Describe a thing; None when it does not exist."""
    try:
        return describe(**key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _REFUSED:
            return None
        raise


def _ensure(calls: tuple[Callable[..., Any], Callable[..., Any], dict[str, str]], **parameters: Any) -> None:
    """Create a thing; that it exists already is right, any other refusal is an error."""
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
    """Delete a thing; that SageMaker refuses (it is gone, or busy) shows when one looks again."""
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
