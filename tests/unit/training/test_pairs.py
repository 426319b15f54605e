"""What a training job says of the agreement of two models is what a shadow counts of the same answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from relearn.spec.model import Metric, ModelSpec, Number
from relearn.traffic import version_stats
from scoring.scorer import Scores
from tests.support.models import FLOWERS
from training.fitting import pairs

VALUES: ModelSpec = replace(FLOWERS, target=Number("price"), metric=Metric("mae", maximum=9.0))


def scores(*predictions: Any) -> Scores:
    return Scores(np.asarray(predictions), None)


def test_flips_are_counted_by_the_label_of_the_other_model() -> None:
    mine, theirs = ("rose", "rose", "tulip", "rose"), ("rose", "tulip", "tulip", "tulip")
    found = pairs.agreement(FLOWERS, scores(*mine), scores(*theirs))
    live = version_stats.agreement(
        [{"label": one, "probabilities": {}} for one in mine],
        [{"label": one, "probabilities": {}} for one in theirs],
    )
    assert found["rows"] == live.compared
    assert found["flips"] == live.compared - live.equal == 2
    assert found["classes"] == {"rose": [1, 0], "tulip": [3, 2]}
    assert {label: one[0] for label, one in found["classes"].items()} == live.pairs


def test_distances_of_values_are_summed() -> None:
    found = pairs.agreement(VALUES, scores(1.0, 2.0, 3.5), scores(1.0, 2.5, 2.5))
    live = version_stats.agreement(
        [{"value": 1.0}, {"value": 2.0}, {"value": 3.5}], [{"value": 1.0}, {"value": 2.5}, {"value": 2.5}]
    )
    assert (found["rows"], found["flips"], found["classes"]) == (3, 0, {})
    assert found["distance"] == pytest.approx(live.distance)
    assert found["distance_squares"] == pytest.approx(live.distance_squares)
