"""Which schedule expressions a spec takes: those that EventBridge Scheduler takes, and that come again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import SpecError
from relearn.spec.policies import Retrain
from relearn.spec.schedules import problem

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def numbers(lowest: int, highest: int) -> st.SearchStrategy[str]:
    """One field of a cron expression: a number, a range, a list, a step, or every one."""
    one = st.integers(lowest, highest)
    spans = st.lists(one, min_size=2, max_size=2).map(lambda pair: f"{min(pair)}-{max(pair)}")
    items = st.one_of(one.map(str), spans)
    steps = st.builds(
        lambda base, step: f"{base}/{step}", st.one_of(st.just("*"), items), st.integers(1, min(12, highest))
    )
    return st.one_of(st.just("*"), st.lists(st.one_of(items, steps), min_size=1, max_size=3).map(",".join))


DAY_OF_MONTH = st.one_of(numbers(1, 31), st.just("L"), st.just("LW"), st.just("15W"))
DAY_OF_WEEK = st.one_of(
    numbers(1, 7), st.sampled_from(DAYS), st.just("MON-FRI"), st.just("6#3"), st.just("FRIL"), st.just("L")
)
MONTH = st.one_of(numbers(1, 12), st.sampled_from(MONTHS), st.just("JAN,JUL"))
DATES = st.one_of(
    st.tuples(DAY_OF_MONTH, MONTH, st.just("?")),
    st.tuples(st.just("?"), MONTH, DAY_OF_WEEK),
)
CRONS = st.builds(
    lambda minute, hour, date, year: f"cron({minute} {hour} {' '.join(date)} {year})",
    numbers(0, 59),
    numbers(0, 23),
    DATES,
    numbers(1970, 2199),
)


@given(st.integers(2, 10**6), st.sampled_from(["minutes", "hours", "days"]))
def test_a_rate_of_several_units_is_taken(number: int, unit: str) -> None:
    assert problem(f"rate({number} {unit})") is None


@pytest.mark.parametrize("unit", ["minute", "hour", "day"])
def test_a_rate_of_one_unit_is_written_without_an_s(unit: str) -> None:
    assert problem(f"rate(1 {unit})") is None
    assert problem(f"rate(1 {unit}s)") == f"rate(1 {unit})"
    assert problem(f"rate(7 {unit})") == f"rate(7 {unit}s)"


@given(CRONS)
def test_a_cron_expression_of_the_grammar_is_taken(expression: str) -> None:
    assert problem(expression) is None


@given(st.text(max_size=40))
def test_any_text_is_taken_or_answered_with_what_is_allowed(text: str) -> None:
    for expression in (text, f"rate({text})", f"cron({text})"):
        assert problem(expression) is None or problem(expression)


@given(CRONS, st.integers(0, 5), st.sampled_from(["60-", "99999", "x", "-1", "*/0", "1,,2", "5-1", ""]))
def test_one_wrong_field_is_enough(expression: str, field: int, wrong: str) -> None:
    fields = expression[5:-1].split()
    fields[field] = wrong
    assert problem(f"cron({' '.join(fields)})") is not None


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("daily", "as rate(1 day)"),
        ("at(2026-05-04T10:00:00)", "as rate(1 day)"),
        ("rate(0 days)", "whole number above 0"),
        ("rate(1.5 hours)", "whole number above 0"),
        ("rate(2 weeks)", "minutes|hours|days"),
        ("cron(0 3 * * *)", "these are 5"),
        ("cron(0 3 * * * *)", "exactly one of day of month and day of week is ?"),
        ("cron(0 3 ? * ? *)", "exactly one of day of month and day of week is ?"),
        ("cron(60 3 * * ? *)", "minutes '60'"),
        ("cron(0 24 * * ? *)", "hours '24'"),
        ("cron(0 3 ? FOO MON *)", "month 'FOO': 'FOO' is not *, 1-12 or JAN-DEC"),
        ("cron(0 ? * * ? *)", "hours cannot be ?"),
        ("cron(0 3 ? * 2#6 *)", "day of week '2#6'"),
        (3600, "as rate(1 day)"),
    ],
)
def test_a_mistake_is_named(expression: object, said: str) -> None:
    assert said in (problem(expression) or "")


def test_a_spec_says_the_field_the_value_and_what_is_allowed() -> None:
    with pytest.raises(SpecError, match=r"retrain\.schedule.*'rate\(1 days\)'; allowed: rate\(1 day\)"):
        Retrain(schedule="rate(1 days)")


def test_uploads_that_start_no_run_need_a_schedule() -> None:
    with pytest.raises(SpecError, match=r"retrain\.on_upload.*False; allowed: True, or a schedule"):
        Retrain(on_upload=False)
    assert Retrain(on_upload=False, schedule="rate(1 day)").schedule == "rate(1 day)"
