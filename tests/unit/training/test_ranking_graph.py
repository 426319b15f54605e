"""A recommender's graph answers as plain steps do, whatever rows come together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.ranking_kit import K, Row, Small, interactions, of, small, wanted
from training.fitting.ranking import graph
from training.fitting.ranking.fit import Factors

GUESTS = st.sampled_from([None, "", "nobody", *(f"g{number}" for number in range(8))])
FILMS = st.sampled_from([None, "", "nothing", *(f"f{number}" for number in range(9))])
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
MODEL = small()


def assert_answers(model: Small, *rows: Row) -> None:
    scores = model.ask(*rows)
    assert scores.basis is not None
    assert scores.scores is not None
    assert scores.predictions.shape == scores.scores.shape == (len(rows), K)
    assert scores.scores.dtype == np.float32
    for at, row in enumerate(rows):
        basis, items, figures = wanted(model, row)
        lacking = K - len(items)
        assert scores.basis[at] == basis
        assert list(scores.predictions[at]) == items + [""] * lacking
        assert list(scores.scores[at]) == pytest.approx(figures + [-np.inf] * lacking, rel=1e-4, abs=1e-6)


@examples(60)
@given(seed=st.integers(0, 10_000), rows=st.lists(st.tuples(GUESTS, FILMS), min_size=1, max_size=12))
def test_rows_of_every_kind_in_any_order_are_answered_each_in_its_own_way(seed: int, rows: list[Row]) -> None:
    assert_answers(small(seed), *rows)


@pytest.mark.parametrize(
    "row", [("g1", None), (None, "f2"), (None, None)], ids=["history", "similar", "popularity"]
)
def test_a_request_of_one_kind_alone_is_answered(row: Row) -> None:
    assert_answers(MODEL, row)
    assert_answers(MODEL, row, row, row)


def test_an_item_to_compare_with_comes_before_whose_the_request_is() -> None:
    assert_answers(MODEL, ("g1", "f2"))
    assert MODEL.ask(("g1", "f2")).basis == ["similar"]


def test_a_visitor_with_an_item_that_nobody_knows_is_answered_by_what_they_met() -> None:
    assert MODEL.ask(("g1", "gone")).basis == ["history"]
    assert_answers(MODEL, ("g1", "gone"))


def test_a_list_has_no_item_where_the_visitor_has_met_nearly_all() -> None:
    met = np.ones((2, 9))
    met[0, 4] = 0
    model = of(interactions(met), MODEL_FACTORS)
    assert list(model.ask(("g0", None)).predictions[0]) == ["f4", "", ""]
    assert list(model.ask(("g1", None)).predictions[0]) == ["", "", ""]
    assert_answers(model, ("g0", None), ("g1", None), (None, "f0"))


MODEL_FACTORS = Factors(small(3, guests=2).factors.visitors, small(3, guests=2).factors.items)


def test_an_item_without_factors_is_like_nothing_and_breaks_nothing() -> None:
    factors = small(4).factors
    factors.items[2] = 0
    model = of(small(4).known, factors)
    scores = model.ask((None, "f2"), (None, "f3")).scores
    assert scores is not None
    assert list(scores[0]) == [0, 0, 0]
    assert np.isfinite(scores).all()


def test_of_what_is_equally_popular_the_first_by_name_comes_first() -> None:
    model = of(interactions(np.eye(8, 9)), small().factors)
    assert list(model.ask((None, None)).predictions[0]) == ["f0", "f1", "f2"]


@examples(30)
@given(names=st.sets(NAMES, min_size=9, max_size=9))
def test_names_of_any_language_come_back_as_they_were(names: set[str]) -> None:
    model = of(replace(MODEL.known, items=np.array(sorted(names), dtype=object)), MODEL.factors)
    answered = model.ask(*((None, name) for name in sorted(names)), ("g0", None))
    assert answered.basis is not None
    assert list(answered.basis) == ["similar"] * 9 + ["history"]
    assert set(answered.predictions.ravel()) <= names | {""}
    for name, items in zip(sorted(names), answered.predictions, strict=False):
        assert name not in items


def test_long_requests_are_scored_in_parts_with_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [(f"g{number % 9}", f"f{number % 4}" if number % 3 else None) for number in range(50)]
    monkeypatch.setattr(graph, "SCORES_AT_ONCE", 63)
    in_parts = small(5)
    whole = in_parts.ask(*rows)
    assert (whole.predictions == np.concatenate([in_parts.ask(row).predictions for row in rows])).all()
    assert_answers(in_parts, *rows)


def test_a_graph_is_sound_and_the_same_bytes_each_time() -> None:
    onnx.checker.check_model(onnx.load_model_from_string(MODEL.onnx), full_check=True)
    assert MODEL.onnx == small().onnx


def test_nothing_in_a_graph_grows_with_visitors_times_items() -> None:
    model = small(guests=200, films=300, share=0.01)
    held = {
        one.name: int(np.prod(one.dims)) for one in onnx.load_model_from_string(model.onnx).graph.initializer
    }
    assert max(held.values()) <= max(model.known.matrix.nnz, 300 * 4)


def test_a_graph_without_an_input_for_items_recommends_all_the_same() -> None:
    draft = graph.Draft(MODEL.known, MODEL.factors, K)
    drawn = graph.build(draft, "films", visitor="guest", similar_to=None)
    assert [one.name for one in drawn.graph.input] == ["guest"]
    onnx.checker.check_model(drawn, full_check=True)
