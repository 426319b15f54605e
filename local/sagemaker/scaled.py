"""Effects of Application Auto Scaling on endpoints; targets are registered in ``local.scaling``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sagemaker.containers import CONFIGS, ENDPOINTS, found
from local.sagemaker.errors import invalid
from local.sagemaker.state import Record

if TYPE_CHECKING:
    from local.sagemaker.context import Context

TARGETS = "scalable_targets"
"""Table of the scalable targets."""


def keep_between(context: Context, name: str, least: int, most: int) -> None:
    """Move the number of instances of an endpoint into bounds; do nothing unless it is in service."""
    with context.state.lock:
        endpoint = context.state.get(ENDPOINTS, name)
        if endpoint is None or endpoint["EndpointStatus"] != "InService":
            return
        (variant,) = endpoint["ProductionVariants"]
        count = min(max(variant["DesiredInstanceCount"], least), most)
        shown = {**variant, "CurrentInstanceCount": count, "DesiredInstanceCount": count}
        context.state.change(ENDPOINTS, name, ProductionVariants=[shown])


def refuse_change(context: Context, endpoint: Record, config: str) -> None:
    """Refuse an update that removes a scaled variant or changes its instance type, as SageMaker does.

    Raises
    ------
    ApiError
        ``ValidationException``.
    """
    before = found(context, CONFIGS, "EndpointConfig", endpoint["EndpointConfigName"])["ProductionVariants"][
        0
    ]
    after = found(context, CONFIGS, "EndpointConfig", config)["ProductionVariants"][0]
    name = before["VariantName"]
    target = context.state.get(TARGETS, f"endpoint/{endpoint['EndpointName']}/variant/{name}")
    same = name == after["VariantName"] and before.get("InstanceType") == after.get("InstanceType")
    if target and not same:
        raise invalid(
            f'The variant(s) "[{name}]" must be deregistered as scalable targets with AWS Auto Scaling before they '
            "can be removed or have their instance type updated."
        )
