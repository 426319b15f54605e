"""Random points in a tuning job's parameter ranges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random


def draw(ranges: dict[str, Any], chance: random.Random) -> dict[str, str]:
    """Return one random point in a tuning job's ParameterRanges.

    Every value is a text, as hyperparameters are.
    """
    point = {}
    for item in ranges.get("CategoricalParameterRanges", []):
        point[item["Name"]] = chance.choice(item["Values"])
    for item in ranges.get("ContinuousParameterRanges", []):
        point[item["Name"]] = repr(_between(item, chance))
    for item in ranges.get("IntegerParameterRanges", []):
        low, high = int(item["MinValue"]), int(item["MaxValue"])
        point[item["Name"]] = str(min(high, max(low, round(_between(item, chance)))))
    return point


def _between(item: dict[str, str], chance: random.Random) -> float:
    low, high = float(item["MinValue"]), float(item["MaxValue"])
    scaling = item.get("ScalingType", "Linear")
    if scaling == "Logarithmic":
        return math.exp(chance.uniform(math.log(low), math.log(high)))
    if scaling == "ReverseLogarithmic":
        return 1.0 - math.exp(chance.uniform(math.log1p(-high), math.log1p(-low)))
    return chance.uniform(low, high)
