"""What the demo prints of predictions of every kind."""

from __future__ import annotations

import pytest

from demo.narrator import text_of
from relearn_client import Classification, Prediction, RankedItem, Ranking, Regression

ITEMS = tuple(RankedItem(name, 1.0) for name in ("tea", "cup", "pot", "tin"))


@pytest.mark.parametrize(
    ("prediction", "text"),
    [
        (Classification("setosa", {"setosa": 0.99771, "versicolor": 0.00229}, "1"), "setosa (0.998)"),
        (Regression(152.133, "1"), "152.1"),
        (Ranking(ITEMS, "history", "1"), "tea > cup > pot"),
        (Ranking((), "popularity", "1"), "no items"),
    ],
)
def test_a_prediction_is_told_in_a_few_words(prediction: Prediction, text: str) -> None:
    assert text_of(prediction) == text
