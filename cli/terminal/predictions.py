"""Predictions as the API said them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_said(prediction: Mapping[str, Any]) -> dict[str, Any]:
    """Return a prediction's fields without a threshold where the version that answered has none."""
    return {name: value for name, value in prediction.items() if name != "threshold" or value is not None}
