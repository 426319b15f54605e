"""Answers are held against those on record: machines may differ, models may not."""

from __future__ import annotations

from typing import Any

import pytest

from relearn.recorded import difference


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
