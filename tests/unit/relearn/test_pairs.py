"""The pairs of a shadow are held against what the evaluation set predicts, in all and by label."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import pytest

from relearn.spec.rollout import Limits
from relearn.traffic import pairs, version_stats
from relearn.traffic.pairs import Predicted
from relearn.traffic.version_stats import Live

ALARM = 0.001
TENTH = Predicted(300, 30, {"a": (200, 10), "b": (100, 20)})
USUAL = pytest.mark.parametrize("predicted", [TENTH, None], ids=["predicted", "unpredicted"])


def shadow(labels: Mapping[str, tuple[int, int]], rows_a_request: int = 1) -> Live:
    """Requests whose pairs have this label of the champion, and so many of them another of the candidate."""
    rows = sum(count for count, _ in labels.values())
    flips = sum(flipped for _, flipped in labels.values())
    return Live(
        requests=rows // rows_a_request,
        answers={"a": rows},
        compared=rows,
        equal=rows - flips,
        pairs={label: count for label, (count, _) in labels.items()},
        flips={label: flipped for label, (_, flipped) in labels.items()},
    )


def found(live: Live, predicted: Predicted | None = TENTH, limits: Limits | None = None) -> str | None:
    return pairs.disagrees(live, predicted, limits or Limits(), {}, ALARM)


@USUAL
def test_a_shadow_that_agrees_on_nothing_never_passes(predicted: Predicted | None) -> None:
    for count in (50, 200, 5_000):
        assert found(shadow({"a": (count, count)}), predicted) is not None


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_not_one_equal_answer_is_beyond_any_limit_whatever_is_predicted(share: float) -> None:
    predicted = Predicted(1000, int(1000 * share), {})
    assert found(shadow({"a": (200, 200)}), predicted) == "not one of 200 answers is the champion's"
    assert found(shadow({"a": (200, 200)}), predicted, Limits(flips=1)) is None


def test_a_shadow_that_flips_as_predicted_passes() -> None:
    assert found(shadow({"a": (200, 10), "b": (100, 20)})) is None


def test_more_flips_within_the_limit_pass_however_sure_they_are() -> None:
    assert found(shadow({"a": (50_000, 7_000), "b": (50_000, 17_000)})) is None


def test_flips_beyond_the_limit_that_may_be_chance_pass() -> None:
    assert found(shadow({"a": (6, 3)})) is None


def test_flips_beyond_the_limit_are_told_with_what_was_predicted() -> None:
    assert found(shadow({"a": (200, 100)})) == (
        "50.0% of 200 answers differ from the champion's; the evaluation set predicts 10.0%, allowed: 30.0%"
    )


def test_a_label_that_flips_is_found_though_all_together_do_not() -> None:
    told = found(shadow({"a": (900, 40), "b": (100, 80)}))
    assert told is not None
    assert told.startswith("80.0% of 100 answers where it says b differ from the champion's")


def test_rows_of_one_request_count_as_one() -> None:
    labels = {"a": (1000, 500)}
    assert found(shadow(labels)) is not None
    assert found(shadow(labels, rows_a_request=200)) is None


def test_a_shadow_without_pairs_has_nothing_to_judge() -> None:
    assert found(Live(requests=50, answers={"a": 50})) is None


@pytest.mark.parametrize("flips", [0.05, 0.3])
def test_pairs_that_flip_as_predicted_are_withdrawn_at_most_as_often_as_stated(flips: float) -> None:
    generator, alarms = np.random.default_rng(0), 0
    for _ in range(2_000):
        known, seen = generator.binomial(150, flips, 2), generator.binomial(40, flips, 2)
        classes = {label: (150, int(count)) for label, count in zip("ab", known, strict=True)}
        live = shadow({label: (40, int(count)) for label, count in zip("ab", seen, strict=True)})
        predicted = Predicted(300, int(known.sum()), classes)
        alarms += pairs.disagrees(live, predicted, Limits(flips=0), {}, 0.05) is not None
    assert alarms <= 0.05 * 2_000


def values(distances: list[float]) -> Live:
    answered = [version_stats.counted([{"value": one}], 5.0) for one in distances]
    alike = [version_stats.agreement([{"value": one}], [{"value": 0.0}]) for one in distances]
    return reduce(version_stats.add, [*answered, *alike])


@pytest.mark.parametrize(("distance", "harmful"), [(1.0, False), (2.9, False), (3.2, True)])
def test_values_are_held_against_the_predicted_distance_in_standard_deviations(
    distance: float, *, harmful: bool
) -> None:
    predicted = Predicted(400, 0, {}, 400 * 1.0, 400 * 1.1)
    told = pairs.disagrees(
        values([distance - 0.1, distance + 0.1] * 50), predicted, Limits(), {"std": 10.0}, ALARM
    )
    assert (told is not None) is harmful
    if told is not None:
        assert told.startswith("answers are 0.32 standard deviations from the champion's in the mean of 100")


def test_lists_are_held_against_the_share_of_items_that_differ() -> None:
    def ranked(*items: str) -> dict[str, Any]:
        return {"items": [{"item": item, "score": 1.0} for item in items], "basis": "history"}

    answer = version_stats.counted([ranked("x")], 5.0)
    same = version_stats.add(answer, version_stats.agreement([ranked("x", "y")], [ranked("y", "x")]))
    other = version_stats.add(answer, version_stats.agreement([ranked("x", "y")], [ranked("v", "w")]))
    predicted = Predicted(300, 30.0, {})
    assert found(reduce(version_stats.add, [other] * 60), predicted) is not None
    assert found(reduce(version_stats.add, [same] * 50 + [other] * 10), predicted) is None


def test_a_report_of_an_earlier_release_predicts_nothing() -> None:
    assert Predicted.from_report({}) is None
    assert Predicted.from_report({"champion": {"duel": {"better": 1, "worse": 0}}}) is None
    told = {"rows": 3, "flips": 1, "classes": {"a": [3, 1]}, "distance": 0.0, "distance_squares": 0.0}
    assert Predicted.from_report({"champion": {"agreement": told}}) == Predicted(3, 1, {"a": (3, 1)})
