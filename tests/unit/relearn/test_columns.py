"""What a column takes, and what it says of everything else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from relearn.errors import SpecError
from relearn.spec.columns import Boolean, Category, Column, Number, Text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Number("x", minimum=float("inf")), "'x.minimum': got inf; allowed: a finite number"),
        (lambda: Number("x", maximum=float("nan")), "'x.maximum': got nan; allowed: a finite number"),
        (lambda: Number("x", minimum=2, maximum=2), "'x.minimum': got 2; allowed: below maximum, 2"),
        (lambda: Category("x", values=["a", "b"]), "'x.values': got ['a', 'b']; allowed: a tuple of strings"),  # type: ignore[arg-type]
        (
            lambda: Category("x", values=("a", "b ")),
            "'x.values': got ('a', 'b '); allowed: non-empty strings without spaces around them",
        ),
        (
            lambda: Category("x", values=("a", "")),
            "'x.values': got ('a', ''); allowed: non-empty strings without spaces around them",
        ),
        (lambda: Category("x", values=("a",)), "'x.values': got ('a',); allowed: at least two values"),
        (lambda: Category("x", values=("a", "a")), "'x.values': got ('a', 'a'); allowed: each value once"),
        (
            lambda: Text("x", max_length=0),
            "'x.max_length': got 0; allowed: a whole number of characters, at least 1",
        ),
    ],
)
def test_a_column_that_is_declared_wrong_says_what_is_right(make: Callable[[], Column], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        make()
    assert str(caught.value) == f"spec field {said}"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Number("x", minimum=1, maximum=2), 1),
        (Number("x", minimum=1, maximum=2), 2.0),
        (Category("x", values=("a", "b")), "b"),
        (Text("x", max_length=2), "ab"),
        (Text("x", max_length=1), ""),
        (Boolean("x"), False),
    ],
)
def test_what_a_column_allows_is_right_up_to_its_limits(column: Column, value: object) -> None:
    assert column.problem(value) is None


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (Number("x"), "1", "got '1'; allowed: a finite number"),
        (Number("x"), True, "got True; allowed: a finite number"),
        (Number("x", minimum=1), 0.5, "got 0.5; allowed: at least 1"),
        (Number("x", maximum=2), 3, "got 3; allowed: at most 2"),
        (Category("x", values=("a", "b")), "c", "got 'c'; allowed: one of a, b"),
        (Category("x", values=("a", "b")), 1, "got 1; allowed: one of a, b"),
        (Text("x"), 1, "got 1; allowed: a string"),
        (Text("x", max_length=2), "abc", "got 3 characters; allowed: at most 2"),
    ],
)
def test_what_a_column_does_not_allow_is_told_with_what_it_does(
    column: Column, value: object, said: str
) -> None:
    assert column.problem(value) == said


def test_the_bounds_of_what_is_stored_are_the_nearest_float32_outside() -> None:
    low, high = Number("x", minimum=0.1, maximum=0.3).stored_bounds
    assert low <= 0.1
    assert high >= 0.3
    assert Number("x").stored_bounds == (float("-inf"), float("inf"))
    assert Number("x", minimum=1, maximum=2).stored_bounds == (1.0, 2.0)
    assert [Number("x", minimum=1, maximum=2).holds(value) for value in (0.5, 1.0, 2.0, 2.5)] == [
        False,
        True,
        True,
        False,
    ]
