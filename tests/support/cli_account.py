"""An AWS account for tests of ``relearn doctor``: quotas and endpoints are set by the test, the rest is moto's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

import boto3
from moto import mock_aws
from moto.core.responses import ActionResult
from moto.ecr.responses import ECRResponse

from cli.checks.finding import Finding
from cli.commands.doctor import examine
from cli.stage.target import Target
from relearn.spec.model import ModelSpec
from training import catalog

REGION: Final = "eu-west-1"
NUMBER: Final = "123456789012"
ENDPOINTS: Final = "Maximum number of serverless endpoints"
CONCURRENCY: Final = "Maximum total concurrency that can be allocated across all serverless endpoints"
TRAINING: Final = "ml.m5.large for training job usage"
TRANSFORM: Final = "ml.m5.large for transform job usage"
HOSTED: Final = "ml.m5.large for endpoint usage"
ALL_HOSTED: Final = "Number of instances across active endpoints"
FUNCTIONS: Final = "Concurrent executions"
SPECS: Final = {name: catalog.get(name) for name in ("churn", "iris")}


@dataclass
class Answer:
    status_code: int


@dataclass
class Account:
    """State of the account.

    Parameters
    ----------
    target
        Target of the command.
    own, default
        Applied and default quotas by name, over all services.
    fixed
        Names of quotas that cannot be adjusted.
    endpoints
        Endpoints by name: maximum concurrency of a serverless one, (count, type) of one on instances, or
        None.
    concurrency
        Lambda's total and unreserved concurrency.
    reserved
        Concurrency reserved for predict; None when the function does not exist.
    memory
        Memory of each function of the region, in MB.
    platform
        Platform of the image in ECR.
    denied, broken
        Operations that AWS denies, or answers with an internal error.
    """

    target: Target
    own: dict[str, float] = field(
        default_factory=lambda: {ENDPOINTS: 50, CONCURRENCY: 200, TRAINING: 10, TRANSFORM: 1, FUNCTIONS: 1000}
    )
    default: dict[str, float] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    endpoints: dict[str, int | tuple[int, str] | None] = field(default_factory=dict)
    concurrency: tuple[int, int] = (1000, 1000)
    reserved: int | None = None
    memory: tuple[int, ...] = ()
    platform: str = "linux/amd64"
    denied: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    def bootstrap(self, version: str = "21") -> None:
        name = "/cdk-bootstrap/hnb659fds/version"
        self.target.client("ssm").put_parameter(Name=name, Value=version, Type="String", Overwrite=True)

    def finding(self, check: str, specs: Mapping[str, ModelSpec] = SPECS) -> Finding:
        """Return the finding of one check; `specs` are two models by default."""
        (found,) = [found for found in examine(self.target, specs) if found.check == check]
        return found

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]] | None:
        """Answer a call in place of AWS; None leaves it to moto."""
        if model.name in self.denied:
            return refused(403, "AccessDeniedException", f"not authorized to perform {model.name}")
        if model.name in self.broken:
            return refused(400, "InternalFailure", "it is broken")
        if (found := getattr(self, f"on_{model.name}", None)) is None:
            return None
        parsed = found(params)
        return parsed if isinstance(parsed, tuple) else (Answer(200), parsed)

    def on_ListServiceQuotas(self, _: Any) -> Any:  # noqa: N802
        return {"Quotas": [self._quota(*one) for one in self.own.items()]}

    def on_ListAWSDefaultServiceQuotas(self, _: Any) -> Any:  # noqa: N802
        return {"Quotas": [self._quota(*one) for one in self.default.items()]}

    def on_GetAccountSettings(self, _: Any) -> Any:  # noqa: N802
        total, free = self.concurrency
        return {"AccountLimit": {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": free}}

    def on_GetFunctionConcurrency(self, _: Any) -> Any:  # noqa: N802
        if self.reserved is None:
            return refused(404, "ResourceNotFoundException", "no such function")
        return {"ReservedConcurrentExecutions": self.reserved}

    def on_ListFunctions(self, _: Any) -> Any:  # noqa: N802
        return {"Functions": [{"MemorySize": size} for size in self.memory]}

    def on_ListEndpoints(self, _: Any) -> Any:  # noqa: N802
        return {"Endpoints": [{"EndpointName": name} for name in self.endpoints]}

    def on_DescribeEndpoint(self, params: dict[str, Any]) -> Any:  # noqa: N802
        name = json.loads(params["body"])["EndpointName"]
        shown: dict[str, Any] = {"VariantName": "AllTraffic"}
        match self.endpoints[name]:
            case int() as limit:
                shown["CurrentServerlessConfig"] = {"MemorySizeInMB": 2048, "MaxConcurrency": limit}
            case (count, _):
                shown["CurrentInstanceCount"] = count
        return {"EndpointConfigName": name, "ProductionVariants": [shown]}

    def on_DescribeEndpointConfig(self, params: dict[str, Any]) -> Any:  # noqa: N802
        found = self.endpoints[json.loads(params["body"])["EndpointConfigName"]]
        assert isinstance(found, tuple)
        return {"ProductionVariants": [{"VariantName": "AllTraffic", "InstanceType": found[1]}]}

    def configuration(self, url: str) -> bytes:
        """Answer as a presigned link of ECR to the configuration of the image."""
        assert url.startswith("https://layers.example/sha256:")
        system, _, architecture = self.platform.partition("/")
        return json.dumps({"os": system, "architecture": architecture}).encode()

    def _quota(self, name: str, value: float) -> dict[str, Any]:
        code = f"L-{sum(map(ord, name)):08X}"
        return {"QuotaName": name, "QuotaCode": code, "Value": value, "Adjustable": name not in self.fixed}


def refused(status: int, code: str, message: str) -> tuple[Answer, dict[str, Any]]:
    return Answer(status), {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }


def link_to_layer(request: ECRResponse) -> ActionResult:
    """Answer GetDownloadUrlForLayer, which moto does not know."""
    digest = request._get_param("layerDigest")
    return ActionResult({"downloadUrl": f"https://layers.example/{digest}", "layerDigest": digest})


@contextmanager
def account() -> Iterator[Account]:
    """Open an account in which every check passes."""
    with mock_aws():
        session = boto3.Session(
            aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION
        )
        made = Account(Target("dev", session))
        session.events.register("before-call", cast("Any", made.answer))
        made.bootstrap()
        yield made
