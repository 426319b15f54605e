"""Irises that the seed does not have."""

from __future__ import annotations

import random
from pathlib import Path

from tests.e2e.client import Item

MORE = Path(__file__).parents[2] / "examples" / "iris" / "more_measurements.csv"


def elsewhere(rows: int, seed: int) -> list[Item]:
    """Flowers with sepals that no seed has: version 1 takes them for setosa."""
    chance = random.Random(seed)
    sizes = {"sepal_length": 7.0, "sepal_width": 7.0, "petal_length": 6.0, "petal_width": 2.2}
    return [
        {name: round(size + chance.uniform(-0.3, 0.3), 2) for name, size in sizes.items()}
        for _ in range(rows)
    ]


def relearned(rows: int) -> list[Item]:
    """Such flowers with another label than the first version gives them: who learns from them surely does better."""
    return [{**flower, "species": "versicolor"} for flower in elsewhere(rows, seed=1)]
