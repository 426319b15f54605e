"""SageMaker's endpoints in simulated time: creation and deletion take time, and containers load their artifact."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import boto3

from relearn.naming import s3_keys
from tests.chaos.faults import Faults
from tests.support.agenda import Clock
from tests.support.fake_sagemaker import NO_MORE, REGION, FakeSageMaker, RefusedError, _present
from tests.support.world import contents_digest, tar_gz

CREATING_SECONDS, DELETING_SECONDS = 100, 15
NOT_LOADED = "The primary container for production variant AllTraffic did not pass the ping health check."


@dataclass
class TimedSageMaker(FakeSageMaker):
    """Fake of SageMaker with simulated time.

    Parameters
    ----------
    clock, faults
        The run's clock and faults.
    s3
        Client that reads artifacts.
    asked_last
        Version of the endpoint that was invoked last.
    """

    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    s3: Any = None
    asked_last: int = 0
    too_early: list[str] = field(default_factory=list)
    """Configs that somebody tried to delete while their endpoint existed."""
    changed: Callable[[str], object] = lambda _arn: None
    """Called with the ARN of each changed model package."""
    lived: dict[str, int] = field(default_factory=dict)
    """Endpoints that have been in service, with their versions."""

    def on_CreateEndpoint(self, EndpointName: str, EndpointConfigName: str, **rest: Any) -> Any:  # noqa: N802, N803
        if self.faults.strikes("endpoint_quota"):
            raise RefusedError("ResourceLimitExceeded", NO_MORE)
        answer = super().on_CreateEndpoint(EndpointName, EndpointConfigName, **rest)
        if EndpointName not in self.lived and self.faults.strikes("metadata_swapped"):
            self._swap_metadata(EndpointName)
        made = self.endpoints[EndpointName]
        made["then"] = self.clock.now + timedelta(seconds=CREATING_SECONDS)
        made["reason"] = "it failed" if self.faults.strikes("endpoint_failed") else ""
        return answer

    def on_DescribeEndpoint(self, EndpointName: str) -> Any:  # noqa: N802, N803
        self.settle(EndpointName)
        return _present(self.endpoints, EndpointName)

    def on_DeleteEndpoint(self, EndpointName: str) -> Any:  # noqa: N802, N803
        self.settle(EndpointName)
        found = _present(self.endpoints, EndpointName)
        if found["EndpointStatus"] != "Deleting":
            then = self.clock.now + timedelta(seconds=DELETING_SECONDS)
            found |= {"EndpointStatus": "Deleting", "then": then}

    def on_DeleteEndpointConfig(self, EndpointConfigName: str) -> Any:  # noqa: N802, N803
        if EndpointConfigName in self.configs and self.faults.strikes("config_in_use"):
            raise RefusedError("ValidationException", f"{EndpointConfigName} is in use")
        for name in list(self.endpoints):
            self.settle(name)
        if any(found["EndpointConfigName"] == EndpointConfigName for found in self.endpoints.values()):
            self.too_early.append(EndpointConfigName)
        return super().on_DeleteEndpointConfig(EndpointConfigName)

    def on_DescribeModelPackage(self, ModelPackageName: str) -> Any:  # noqa: N802, N803
        return _present(self.packages, ModelPackageName)

    def on_UpdateModelPackage(self, ModelPackageArn: str, **changes: Any) -> Any:  # noqa: N802, N803
        answer = super().on_UpdateModelPackage(ModelPackageArn, **changes)
        self.changed(ModelPackageArn)
        return answer

    def settle(self, name: str) -> None:
        """Update an endpoint's status to the current time."""
        found = self.endpoints.get(name)
        if found is None or found.get("then") is None or self.clock.now < found["then"]:
            return
        found["then"] = None
        if found["EndpointStatus"] == "Deleting":
            del self.endpoints[name]
            return
        reason = found["reason"] or self._cannot_load(name)
        found |= {"EndpointStatus": "Failed" if reason else "InService", "FailureReason": reason}
        if not reason:
            self.lived[name] = self._version(name)

    def in_service(self, name: str) -> bool:
        self.settle(name)
        return bool(self.endpoints.get(name, {}).get("EndpointStatus") == "InService")

    def vanish(self, name: str) -> None:
        """Delete an endpoint at once, outside of our code."""
        self.endpoints.pop(name, None)

    def _container(self, name: str) -> Mapping[str, Any]:
        config = self.configs[self.endpoints[name]["EndpointConfigName"]]
        model = self.models[config["ProductionVariants"][0]["ModelName"]]
        container: Mapping[str, Any] = model["PrimaryContainer"]
        return container

    def _version(self, name: str) -> int:
        return int(self._container(name)["Environment"]["RELEARN_MODEL_VERSION"])

    def _cannot_load(self, name: str) -> str:
        """Load the artifact as the container does; return why it fails, or ""."""
        try:
            archive = self.s3.get_object(**self._artifact(name))["Body"].read()
            load(archive)
        except Exception as error:  # noqa: BLE001 - whatever it is, the container does not start
            return f"{NOT_LOADED} {error}"
        judged = self._container(name)["Environment"]["RELEARN_ARTIFACT_SHA256"]
        return "" if contents_digest(archive) == judged else f"{NOT_LOADED} it is not what was judged"

    def _artifact(self, name: str) -> dict[str, str]:
        package = self.packages[self._container(name)["ModelPackageName"]]
        bucket, key = s3_keys.parse_uri(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
        return {"Bucket": bucket, "Key": key}

    def _swap_metadata(self, name: str) -> None:
        """Change the artifact's metadata, not its graph, between Deploy's check and the container's load."""
        place = self._artifact(name)
        somebody: Any = boto3.session.Session(region_name=REGION).client("s3")
        files = unpack(somebody.get_object(**place)["Body"].read())
        told = {**json.loads(files["model.json"]), "columns": ["width", "length"]}
        somebody.put_object(**place, Body=tar_gz({**files, "model.json": json.dumps(told).encode()}))

    def _answer(self, name: str, body: dict[str, Any]) -> bytes:
        self.settle(name)
        self.asked_last = self.lived.get(name, 0)
        return super()._answer(name, body)


def load(artifact: bytes) -> dict[str, Any]:
    """Return the model.json of a model.tar.gz whose parts belong together.

    Raises
    ------
    ValueError
        When the graph does not have the digest in model.json.
    """
    files = unpack(artifact)
    told: dict[str, Any] = json.loads(files["model.json"])
    if hashlib.sha256(files["model.onnx"]).hexdigest() != told["onnx_sha256"]:
        raise ValueError("model.onnx does not have the SHA-256 that model.json says")
    return told


def unpack(artifact: bytes) -> dict[str, bytes]:
    """Return the files of a model.tar.gz."""
    files = {}
    with tarfile.open(fileobj=io.BytesIO(artifact), mode="r:gz") as tar:
        for member in tar:
            file = tar.extractfile(member)
            files[member.name] = file.read() if file is not None else b""
    return files
