"""Answers of a version's container."""

from __future__ import annotations

from typing import Any


def answer(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Answer an invocation like a healthy container."""
    version = int(endpoint.rsplit("-v", 1)[1])
    predictions = [
        {"label": label, "probabilities": {"rose": 0.5, "tulip": 0.5}}
        for row in body["instances"]
        for label in ("rose" if row["length"] < 5 else "tulip",)
    ]
    return 200, {"model": "m", "version": version, "predictions": predictions}
