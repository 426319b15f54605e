"""Who is surely better at the same questions, and who may have been lucky."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.traffic.duel import ERROR_RATE, Duel


@pytest.mark.parametrize(
    ("better", "worse", "surely"),
    [
        (0, 0, False),
        (5, 5, False),
        (9, 3, False),
        (13, 0, False),
        (14, 0, True),
        (36, 1, True),
        (1, 36, False),
    ],
)
def test_a_lead_that_chance_may_give_is_not_sure(better: int, worse: int, *, surely: bool) -> None:
    assert Duel(better, worse).surely_better is surely


@given(st.integers(1, 300))
def test_two_that_are_equally_good_are_told_apart_no_more_often_than_said(questions: int) -> None:
    wins = [better for better in range(questions + 1) if Duel(better, questions - better).surely_better]
    assert sum(math.comb(questions, better) for better in wins) <= ERROR_RATE * 2**questions


def test_a_report_that_compares_with_nobody_has_no_duel() -> None:
    assert Duel.from_report({}) is None
    assert Duel.from_report({"champion": None}) is None
    assert Duel.from_report({"champion": {"version": 1}}) is None
    assert Duel.from_report({"champion": {"duel": {"better": 3, "worse": 1}}}) == Duel(3, 1)
