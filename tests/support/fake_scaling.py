"""Rules of Application Auto Scaling that moto lacks, checked before moto answers.

moto registers targets for anything, answers ValidationException for an unregistered target, accepts policies
for one, and keeps the policies of a deregistered one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import boto3

from tests.support.fake_sagemaker import Answer, FakeSageMaker

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@dataclass
class FakeScaling:
    """Scaling of the endpoints of a `FakeSageMaker`.

    Parameters
    ----------
    sagemaker
        The account's endpoints.
    calls
        Calls that were made, except Describe*.
    refuses
        Call to the error code that it is refused with, once.
    """

    sagemaker: FakeSageMaker
    calls: list[str] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Check every call of the session's clients; return a function that detaches the fake."""
        name, hook = "before-call.application-autoscaling", cast("Any", self._look)
        session.events.register(name, hook)
        self._client = cast("Any", session.client("application-autoscaling"))
        return lambda: session.events.unregister(name, hook)

    @property
    def targets(self) -> dict[str, dict[str, Any]]:
        """Scalable targets by endpoint name."""
        found = self._client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return {target["ResourceId"].split("/")[1]: target for target in found}

    def policy(self, endpoint: str) -> dict[str, Any]:
        """Return the only policy of an endpoint."""
        resource = f"endpoint/{endpoint}/variant/AllTraffic"
        found = self._client.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=resource)
        (policy,) = found["ScalingPolicies"]
        return dict(policy)

    def refuse_unknown(self, model: Any, params: dict[str, Any]) -> tuple[Answer, dict[str, Any]]:
        """Answer a call that AWS refuses because its target is unknown."""
        answer = self._look(model, params)
        assert answer is not None, f"{model.name} is moto's to answer"
        return answer

    def _look(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]] | None:
        if model.name.startswith("Describe"):
            return None
        self.calls.append(model.name)
        if model.name in self.refuses:
            return _refused(self.refuses.pop(model.name), f"{model.name} is refused")
        endpoint = json.loads(params["body"])["ResourceId"].split("/")[1]
        if model.name == "RegisterScalableTarget":
            there = self.sagemaker.endpoints.get(endpoint, {}).get("EndpointStatus") == "InService"
            return None if there else _refused("ValidationException", f"Endpoint {endpoint} is not there")
        known = endpoint in self.targets
        return None if known else _refused("ObjectNotFoundException", f"No scalable target for {endpoint}")


def _refused(code: str, message: str) -> tuple[Answer, dict[str, Any]]:
    return Answer(400), {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
