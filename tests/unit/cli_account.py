"""An AWS account for tests of ``relearn doctor``: its limits are told here, all else is moto's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from moto import mock_aws

from cli.target import Target

REGION: Final = "eu-west-1"
NUMBER: Final = "123456789012"
ENDPOINTS: Final = "Maximum number of serverless endpoints"
CONCURRENCY: Final = "Maximum total concurrency that can be allocated across all serverless endpoints"
TRAINING: Final = "ml.m5.large for training job usage"
TRANSFORM: Final = "ml.m5.large for transform job usage"
FUNCTIONS: Final = "Concurrent executions"


@dataclass
class Answer:
    status_code: int


@dataclass
class Account:
    """What a test has in hand.

    `own` and `default` are quotas by name, over all services; `others` are endpoints by name, with the limit of
    a serverless one; `denied` and `broken` are operations that AWS refuses.
    """

    target: Target
    own: dict[str, float] = field(
        default_factory=lambda: {ENDPOINTS: 50, CONCURRENCY: 200, TRAINING: 10, TRANSFORM: 1, FUNCTIONS: 1000}
    )
    default: dict[str, float] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    endpoints: dict[str, int | None] = field(default_factory=dict)
    concurrency: tuple[int, int] = (1000, 1000)
    reserved: int | None = None
    denied: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    def bootstrap(self, version: str = "21") -> None:
        name = "/cdk-bootstrap/hnb659fds/version"
        self.target.client("ssm").put_parameter(Name=name, Value=version, Type="String", Overwrite=True)

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]] | None:
        """Stand in for AWS; None: moto answers."""
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

    def on_ListEndpoints(self, _: Any) -> Any:  # noqa: N802
        return {"Endpoints": [{"EndpointName": name} for name in self.endpoints]}

    def on_DescribeEndpoint(self, params: dict[str, Any]) -> Any:  # noqa: N802
        limit = next(value for name, value in self.endpoints.items() if f'"{name}"' in str(params["body"]))
        config = (
            {"CurrentServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": limit}} if limit else {}
        )
        return {"ProductionVariants": [{"VariantName": "AllTraffic", **config}]}

    def _quota(self, name: str, value: float) -> dict[str, Any]:
        code = f"L-{sum(map(ord, name)):08X}"
        return {"QuotaName": name, "QuotaCode": code, "Value": value, "Adjustable": name not in self.fixed}


def refused(status: int, code: str, message: str) -> tuple[Answer, dict[str, Any]]:
    return Answer(status), {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }


@contextmanager
def account(stage: str = "dev", region: str = REGION) -> Iterator[Account]:
    """Make an account in which everything is as a deploy needs it."""
    with mock_aws():
        session = boto3.Session(
            aws_access_key_id="testing", aws_secret_access_key="testing", region_name=region
        )
        made = Account(Target(stage, session))
        session.events.register("before-call", made.answer)
        made.bootstrap()
        yield made
