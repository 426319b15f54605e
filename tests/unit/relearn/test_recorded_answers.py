"""Answers are held against those on record: machines may differ, models may not."""

from __future__ import annotations

from typing import Any

import pytest

from relearn.data.recorded_answers import difference


def label(name: str, **probabilities: float) -> dict[str, Any]:
    return {"label": name, "probabilities": probabilities}


def ranked(*items: tuple[str, float], basis: str = "visitor") -> dict[str, Any]:
    return {"items": [{"item": item, "score": score} for item, score in items], "basis": basis}


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({"value": 100.0}, {"value": 100.00001}),
        ({"value": 0.0}, {"value": 0.0}),
        (label("a", a=0.7, b=0.3), label("a", a=0.7004, b=0.2996)),
        (label("a", a=0.5002, b=0.4998), label("b", a=0.4999, b=0.5001)),
        (ranked(("x", 2.0), ("y", 1.0)), ranked(("x", 2.0000001), ("y", 1.0))),
        (ranked(("x", 2.0), ("y", 2.0)), ranked(("y", 2.0), ("x", 2.0))),
        (ranked(), ranked()),
    ],
)
def test_what_only_machines_differ_by_is_the_same(was: dict[str, Any], now: dict[str, Any]) -> None:
    assert difference([was], [now]) is None


def cut(name: str, chance: float, at: float = 0.3) -> dict[str, Any]:
    return {**label(name, no=1 - chance, yes=chance), "threshold": {"label": "yes", "probability": at}}


def test_near_the_threshold_either_label_is_right_and_nowhere_else() -> None:
    assert difference([cut("yes", 0.3001)], [cut("no", 0.2999)]) is None
    assert difference([cut("yes", 0.5001)], [cut("no", 0.4999)]) is not None
    assert difference([cut("yes", 0.9)], [cut("yes", 0.9, at=0.4)]) is not None
    assert difference([cut("yes", 0.9)], [label("yes", no=0.1, yes=0.9)]) is not None


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ({"value": 100.0}, {"value": 101.0}),
        ({"value": 100.0}, label("a", a=1.0)),
        (label("a", a=0.7, b=0.3), label("b", a=0.3, b=0.7)),
        (label("a", a=0.7, b=0.3), label("a", a=0.6, b=0.4)),
        (label("a", a=0.7, b=0.3), label("a", a=0.7, c=0.3)),
        (label("a", a=0.7, b=0.3), label("b", a=0.7, b=0.3)),
        (ranked(("x", 2.0), ("y", 1.0)), ranked(("y", 2.0), ("x", 1.0))),
        (ranked(("x", 2.0)), ranked(("z", 1.0))),
        (ranked(("x", 2.0)), ranked()),
        (ranked(("x", 2.0)), ranked(("x", 2.0), basis="popularity")),
    ],
)
def test_another_model_answers_otherwise(was: dict[str, Any], now: dict[str, Any]) -> None:
    said = difference([was, was], [was, now])
    assert said is not None
    assert said.startswith("1 of 2 answers are not those of the model that was judged")


def listed_by(*pairs: tuple[str, float]) -> dict[str, Any]:
    return {"basis": "history", "items": [{"item": item, "score": score} for item, score in pairs]}


def test_two_items_may_change_places_where_their_scores_are_as_good_as_equal() -> None:
    was = listed_by(("a", 1.0), ("b", 0.9999), ("c", 0.5))
    assert difference([was], [listed_by(("b", 1.0), ("a", 0.9999), ("c", 0.5))]) is None
    assert difference([was], [listed_by(("a", 1.0), ("c", 0.9999), ("b", 0.5))]) is not None


def test_an_item_that_was_not_listed_may_only_come_last_and_as_good_as_the_last() -> None:
    was = listed_by(("a", 1.0), ("b", 0.7), ("c", 0.5))
    assert difference([was], [listed_by(("a", 1.0), ("b", 0.7), ("new", 0.5))]) is None
    assert difference([was], [listed_by(("a", 1.0), ("new", 0.7), ("c", 0.5))]) is not None


def test_answers_that_differ_are_counted_and_the_first_is_told() -> None:
    was, now = [{"value": 1.0}, {"value": 2.0}], [{"value": 1.0}, {"value": 3.0}]
    assert difference(was, now) == (
        "1 of 2 answers are not those of the model that was judged: 3, and it gave 2"
    )


@pytest.mark.parametrize(("given", "same"), [(100.1, True), (100.11, False), (99.9, True), (99.89, False)])
def test_a_figure_may_differ_by_a_thousandth_of_the_largest(given: float, *, same: bool) -> None:
    assert (difference([{"value": 100.0}], [{"value": given}]) is None) is same


def test_answers_of_another_kind_or_basis_or_length_differ() -> None:
    was = listed_by(("a", 1.0))
    others = [{"value": 1.0}, {**was, "basis": "popularity"}, listed_by(("a", 1.0), ("b", 0.9))]
    assert all(difference([was], [other]) for other in others)
