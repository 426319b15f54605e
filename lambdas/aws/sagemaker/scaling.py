"""Scales endpoints on instances: Application Auto Scaling keeps the invocations per instance at a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from relearn.errors import ConflictError, QuotaExceededError
from relearn.spec.hosting import Realtime

VARIANT = "AllTraffic"
"""Name of an endpoint's only variant."""
METRIC = "SageMakerVariantInvocationsPerInstance"
"""Predefined metric that scaling keeps at its target."""
_GONE = "ObjectNotFoundException"
_CHANGING = "ConcurrentUpdateException"
_NO_MORE = "LimitExceededException"


@dataclass(frozen=True, slots=True)
class Scaling:
    """Registers and deregisters endpoints for scaling.

    Parameters
    ----------
    client
        A client of Application Auto Scaling.
    """

    client: Any

    def register(self, endpoint: str, hosting: Realtime) -> None:
        """Register an endpoint in service for scaling, if its hosting says so; idempotent.

        Raises
        ------
        QuotaExceededError
            The account's quota for scalable targets is used up.
        ConflictError
            Another change is in progress; call again later.
        """
        if not hosting.scales:
            return
        target = _target(endpoint)
        self._call(
            "register_scalable_target", **target, MinCapacity=hosting.minimum, MaxCapacity=hosting.maximum
        )
        self._call(
            "put_scaling_policy",
            **target,
            PolicyName=endpoint,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": float(hosting.target_invocations),
                "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
            },
        )

    def deregister(self, endpoint: str) -> None:
        """End the scaling of an endpoint, with its policy and alarms; one that is not scaled is ignored.

        Raises
        ------
        ConflictError
            Another change is in progress; call again later.
        """
        try:
            self._call("deregister_scalable_target", **_target(endpoint))
        except ClientError as error:
            if _code(error) != _GONE:
                raise

    def _call(self, operation: str, **parameters: Any) -> None:
        try:
            getattr(self.client, operation)(**parameters)
        except ClientError as error:
            said = error.response["Error"]["Message"]
            if _code(error) == _CHANGING:
                raise ConflictError(f"{operation} of {parameters['ResourceId']}: {said}") from error
            if _code(error) == _NO_MORE:
                asked = f"{error.operation_name} of {parameters['ResourceId']}"
                raise QuotaExceededError(asked, said) from error
            raise


def _target(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
