"""Scaling of endpoints on instances: Application Auto Scaling keeps the invocations of one instance at a target."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from relearn.errors import ConflictError, QuotaExceededError
from relearn.spec.hosting import Realtime

VARIANT = "AllTraffic"
"""The one variant of an endpoint."""
METRIC = "SageMakerVariantInvocationsPerInstance"
_GONE = "ObjectNotFoundException"
_CHANGING = "ConcurrentUpdateException"
_NO_MORE = "LimitExceededException"


class Scaling:
    """Registers and deregisters what is scaled.

    Parameters
    ----------
    client
        A client of Application Auto Scaling.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def register(self, endpoint: str, hosting: Realtime) -> None:
        """Let an endpoint that is in service grow and shrink; again changes nothing.

        Raises
        ------
        QuotaExceededError
            The account may have nothing more that is scaled.
        ConflictError
            AWS is at it, for us or for others; call again later.
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
        """Scale an endpoint no more; its policy and alarms go too. What is not scaled is no error.

        Raises
        ------
        ConflictError
            AWS is at it, for us or for others; call again later.
        """
        try:
            self._call("deregister_scalable_target", **_target(endpoint))
        except ClientError as error:
            if _code(error) != _GONE:
                raise

    def _call(self, operation: str, **parameters: Any) -> None:
        try:
            getattr(self._client, operation)(**parameters)
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
