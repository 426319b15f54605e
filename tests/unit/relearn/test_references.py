"""Which version candidates are compared with beside the champion."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.lifecycle import references
from relearn.lifecycle.runs import Run, Version

RUN = Run(run_id="r", model="iris", champion_version=5, reference_version=3, reference_metrics={"f1": 0.9})


def version(number: int, reference: int) -> Version:
    return Version(model="iris", version=number, reference_version=reference)


@pytest.mark.parametrize(("reference", "beside"), [(0, 0), (5, 0), (3, 3)])
def test_a_third_version_is_compared_with_only_where_it_is_not_the_champion(
    reference: int, beside: int
) -> None:
    assert references.beside(version(5, reference)) == beside


def test_a_candidate_without_a_seen_difference_keeps_the_reference_of_its_run() -> None:
    assert references.after(RUN, 6) == 3
    assert references.after(replace(RUN, reference_version=0, reference_metrics={}), 6) == 5


def test_a_candidate_that_is_surely_better_is_its_own_reference() -> None:
    assert references.after(replace(RUN, becomes_reference=True), 6) == 6


def test_a_first_version_is_its_own_reference() -> None:
    assert references.after(Run(run_id="r", model="iris"), 1) == 1


def test_where_the_reference_could_not_be_compared_with_the_champion_takes_its_place() -> None:
    assert references.after(replace(RUN, reference_metrics={}), 6) == 5


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.booleans()), max_size=30))
def test_a_reference_is_never_newer_than_what_serves(
    events: list[tuple[bool, int, bool]],
) -> None:
    """Runs are promoted, surely better or not, and people roll back to any version."""
    versions: dict[int, Version] = {}
    champion = 0
    for better, back, is_rollback in events:
        if is_rollback and champion:
            champion = 1 + back % len(versions)
            continue
        beside = references.beside(versions[champion]) if champion else 0
        run = Run(
            run_id="r",
            model="iris",
            champion_version=champion,
            reference_version=beside,
            reference_metrics={"f1": 0.9} if beside else {},
            becomes_reference=better,
        )
        number = len(versions) + 1
        versions[number] = version(number, references.after(run, number))
        champion = number
    assert all(0 < one.reference_version <= one.version for one in versions.values())
