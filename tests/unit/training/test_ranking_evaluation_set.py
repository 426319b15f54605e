"""What a recommender is asked, what it is asked of, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import DataError, SpecError
from relearn.spec.model import ModelSpec
from scoring.scorer import Scores
from tests.support.examples import examples
from tests.support.ranking_kit import SPEC, data
from training.data import row_keys, split
from training.data.learnt import Learner
from training.data.row_keys import Keys
from training.data.split import SIDE, Division
from training.fitting.ranking import task
from training.fitting.ranking.evaluation_set import FEWEST_VISITORS, make_evaluation_set
from training.fitting.ranking.interactions import Interactions, numbers_of
from training.fitting.tasks import Answers

Met = tuple[str, str, float]
ENOUGH = [(f"g{number}", f"f{number % 5}", 1.0) for number in range(FEWEST_VISITORS)]
LATER = [(f"g{number}", f"f{(number + 1) % 5}", 1.0) for number in range(FEWEST_VISITORS)]


def held_out(rows: Sequence[tuple[str, str, int]]) -> list[bool]:
    """Split rows, guest, film and hour, as the reader of the snapshot does."""
    return [bool(side) for side in divided(rows).examined]


def divided(rows: Sequence[tuple[str, str, int]], *learners: Learner, spec: ModelSpec = SPEC) -> Division:
    connection = _duckdb()
    connection.execute(
        "CREATE OR REPLACE TABLE made (guest VARCHAR, film VARCHAR, as_of TIMESTAMP, place INT)"
    )
    values = [(guest, film, f"2026-01-01 {hour:02d}:00", at) for at, (guest, film, hour) in enumerate(rows)]
    columns = [list(column) for column in zip(*values, strict=True)]
    connection.execute("INSERT INTO made SELECT unnest(?), unnest(?), unnest(?), unnest(?)", columns)
    chosen = row_keys.expressions(spec, learners, ()) | split.earlier_sides(spec, learners)
    chosen |= {SIDE: split.side_expression(spec, ())}
    listed = ", ".join(f"{value} AS {name}" for name, value in chosen.items())
    fetched: dict[str, Any] = connection.execute(f"SELECT {listed} FROM made ORDER BY place").fetchnumpy()  # noqa: S608 - our own
    earlier = [fetched.get(split.earlier_of(place)) for place in range(len(learners))]
    return split.divide(spec, Keys.of(fetched, len(learners)), fetched[SIDE], learners, earlier)


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    """Connect once: it takes 20 ms."""
    return duckdb.connect()


def rows_of(guest: str, count: int) -> list[tuple[str, str, int]]:
    return [(guest, f"f{hour}", hour) for hour in range(count)]


def chosen_guest() -> str:
    """Name a guest whom the split holds out."""
    return next(guest for guest in map("g{}".format, range(50)) if any(held_out(rows_of(guest, 5))))


@pytest.mark.parametrize(("count", "late"), [(1, 1), (2, 1), (4, 1), (6, 1), (7, 2), (10, 3), (20, 6)])
def test_the_latest_three_in_ten_rows_of_a_chosen_visitor_are_held_out(count: int, late: int) -> None:
    assert held_out(rows_of(chosen_guest(), count)) == [False] * (count - late) + [True] * late


def test_all_rows_of_the_other_visitors_are_learnt() -> None:
    sides = {guest: any(held_out(rows_of(guest, 5))) for guest in map("g{}".format, range(100))}
    assert 30 < sum(sides.values()) < 70  # the spec holds out half
    other = next(guest for guest, chosen in sides.items() if not chosen)
    assert not any(held_out(rows_of(other, 20)))


@examples(30)
@given(now=st.integers(1, 20), more=st.integers(0, 4))
def test_what_was_learnt_is_never_held_out_when_later_rows_come(now: int, more: int) -> None:
    guest = chosen_guest()
    before, after = held_out(rows_of(guest, now)), held_out(rows_of(guest, min(now + more, 24)))
    assert not any(late for late, was_late in zip(after, before, strict=False) if not was_late)


@examples(30)
@given(before=st.integers(2, 12), older=st.integers(1, 8), later=st.integers(0, 4))
def test_what_the_champion_learnt_is_not_examined_when_older_rows_come(
    before: int, older: int, later: int
) -> None:
    guest = chosen_guest()
    known = [(guest, f"f{hour}", hour) for hour in range(10, 10 + before)]
    more = [(guest, f"f{hour}", hour) for hour in [*range(10 - older, 10), *range(22, 22 + min(later, 2))]]
    first = divided(known)
    champion = Learner(SPEC, first.learnt)
    every = [*known, *more]
    second = divided(every, champion)
    learnt = {row for row, train in zip(known, first.train, strict=True) if train}
    examined = {row for row, held in zip(every, second.examined, strict=True) if held}
    assert not learnt & examined
    assert not second.new[second.examined].any()


def test_a_visitor_is_new_who_was_not_held_out_for_the_champion() -> None:
    guests = [guest for guest in map("g{}".format, range(60)) if any(held_out(rows_of(guest, 5)))]
    first = divided([row for guest in guests[:8] for row in rows_of(guest, 5)])
    rows = [row for guest in guests for row in rows_of(guest, 6)]
    second = divided(rows, Learner(SPEC, first.learnt))
    assert {row[0] for row, new in zip(rows, second.new, strict=True) if not new} == set(guests[:8])


def test_a_visitor_keeps_its_side_when_the_share_held_out_changes() -> None:
    rows = [row for guest in map("g{}".format, range(60)) for row in rows_of(guest, 4)]
    first = divided(rows)
    record = Learner(SPEC, first.learnt)
    narrower = replace(SPEC, training=replace(SPEC.training, holdout=0.05))
    assert list(divided(rows, record, spec=narrower).examined) == list(first.examined)
    assert sum(divided(rows, spec=narrower).examined) < sum(first.examined)


def test_the_truth_is_what_is_met_later_for_the_first_time() -> None:
    dataset = data(
        {
            False: [*ENOUGH, ("g0", "f4", 2.0)],
            True: [*LATER, ("g0", "f0", 1.0), ("g0", "f3", 1.0), ("g0", "f3", 5.0)],
        }
    )
    evaluation_set = make_evaluation_set(SPEC, dataset)
    at = list(evaluation_set.columns["guest"]).index("g0")
    assert [evaluation_set.known.items[number] for number in evaluation_set.met[at]] == ["f0", "f4"]
    assert [evaluation_set.known.items[number] for number in evaluation_set.truths[at]] == ["f1", "f3"]
    assert set(evaluation_set.columns["like"]) == {""}


def test_an_item_that_nobody_had_met_is_part_of_the_truth_though_no_list_can_name_it() -> None:
    evaluation_set = make_evaluation_set(
        SPEC, data({False: ENOUGH, True: [*LATER, ("g1", "new", 1.0), ("g1", "newer", 1.0)]})
    )
    at = list(evaluation_set.columns["guest"]).index("g1")
    assert len(evaluation_set.truths[at]) == 3
    assert sum(number >= len(evaluation_set.known.items) for number in evaluation_set.truths[at]) == 2


def test_a_visitor_of_whom_nothing_was_learnt_is_asked_about_too() -> None:
    evaluation_set = make_evaluation_set(SPEC, data({False: ENOUGH, True: [*LATER, ("stranger", "f0", 1.0)]}))
    at = list(evaluation_set.columns["guest"]).index("stranger")
    assert (len(evaluation_set.met[at]), len(evaluation_set.truths[at])) == (0, 1)


def refusal(train: Sequence[Met], late: Sequence[Met], **changes: Any) -> str:
    dataset, spec = data({False: train, True: late}), replace(SPEC, **changes)
    try:
        task.refuse_unusable(spec, dataset)
        task.make_evaluation_set(spec, dataset)
    except (DataError, SpecError) as error:
        return str(error)
    raise AssertionError("nothing was refused")


def test_nothing_held_out_is_refused() -> None:
    assert "keeps none of 20 rows for holdout" in refusal(ENOUGH, [])


def test_nothing_to_learn_is_refused() -> None:
    assert "keeps none of 20 rows for train" in refusal([], LATER)


def test_too_few_visitors_who_met_something_new_are_refused() -> None:
    known_already = [*LATER[:-1], ENOUGH[-1]]
    assert "of 20 visitors held out 19 met an item that they had not met before; needed: 20" in refusal(
        ENOUGH, known_already
    )


def test_no_more_items_than_an_answer_has_are_refused() -> None:
    few = [(guest, f"f{int(film[1:]) % 3}", weight) for guest, film, weight in ENOUGH]
    assert "there are 3 different films to recommend; needed: more than the 3 of an answer" in refusal(
        few, LATER
    )


def test_a_weight_of_nothing_is_refused() -> None:
    assert "1 of 20 rows have a weight of 0; needed: above 0" in refusal(
        [*ENOUGH[:-1], ("g1", "f1", 0.0)], LATER
    )


def test_interactions_sum_the_weights_of_a_pair_and_sort_the_names() -> None:
    known = Interactions.of(
        np.array(["b", "a", "b"], object), np.array(["y", "x", "y"], object), np.array([1, 2, 4], np.float32)
    )
    assert (list(known.visitors), list(known.items)) == (["a", "b"], ["x", "y"])
    assert known.matrix.toarray().tolist() == [[2, 0], [0, 5]]
    assert list(known.popularity) == [0.5, 0.5]


@given(names=st.lists(st.text(max_size=3)), known=st.sets(st.text(min_size=1, max_size=3)))
def test_a_name_has_its_place_and_a_stranger_none(names: list[str], known: set[str]) -> None:
    places = sorted(known)
    found = numbers_of(np.array(names, dtype=object), np.array(places, dtype=object))
    assert [places[at] if at >= 0 else None for at in found] == [
        name if name in known else None for name in names
    ]


def test_known_and_new_visitors_are_compared_apart() -> None:
    evaluation_set = make_evaluation_set(SPEC, data({False: ENOUGH, True: LATER}))
    guests, truths = evaluation_set.columns["guest"], evaluation_set.truths
    items = evaluation_set.known.items
    right = np.array([[items[truth[0]], "", ""] for truth in truths], dtype=object)
    nothing = np.full(right.shape, "", dtype=object)
    fresh = np.array([guest in {"g1", "g2", "g3"} for guest in guests])
    mine, theirs = (
        Answers(evaluation_set, Scores(lists, None), ())
        for lists in (np.where(fresh[:, None], nothing, right), np.where(fresh[:, None], right, nothing))
    )
    rows = np.array([guest in {"g1", "g2", "g3"} for guest, _, _ in LATER])
    parts = task.compare_parts(SPEC, mine, theirs, rows)
    assert {name: (part.rows, part.difference) for name, part in parts.items()} == {
        "known": (len(guests) - 3, 1.0),
        "new": (3, -1.0),
    }
