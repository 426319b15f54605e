"""Small recommenders for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from relearn.spec.model import DateTime, Id, Metric, ModelSpec, Ranking, Table, Training
from scoring.encode import Array
from scoring.scorer import Input, Scorer, Scores
from training.data import dataset
from training.fitting.ranking import graph
from training.fitting.ranking.fit import Factors
from training.fitting.ranking.interactions import Interactions

SPEC = ModelSpec(
    name="films",
    title="Films that a guest may like",
    tables=(Table("seen", columns=(Id("guest"), Id("film"), DateTime("at")), time="at"),),
    entity="guest",
    columns=(Id("guest", optional=True), Id("like", optional=True)),
    target=Ranking("film", k=3, similar_to="like"),
    metric=Metric("ndcg_at_k", minimum=0.0),
    training=Training(holdout=0.5),
)
K = 3
INPUTS = [Input(name, "string", (name,)) for name in ("guest", "like")]
Row = tuple[str | None, str | None]
"""A request: entity and item for similarity, each may be None."""


@dataclass(frozen=True)
class Small:
    """A recommender with random factors, and its graph."""

    known: Interactions
    factors: Factors
    onnx: bytes
    scorer: Scorer

    def ask(self, *rows: Row) -> Scores:
        return self.scorer.rows(rows)


def interactions(matrix: Sequence[Sequence[float]] | Array) -> Interactions:
    """Return interactions from a matrix.

    Rows are named g0, g1, ..., columns f0, f1, ..., zero-padded so that they sort.
    """
    sparse = csr_matrix(np.asarray(matrix, dtype=np.float32))
    guests, films = (
        np.array([f"{kind}{number:0{len(str(count - 1))}}" for number in range(count)], dtype=object)
        for kind, count in zip("gf", sparse.shape, strict=True)
    )
    return Interactions(guests, films, sparse)


def small(seed: int = 0, *, guests: int = 8, films: int = 9, share: float = 0.4) -> Small:
    """Return a recommender in which every guest has at least one interaction."""
    generator = np.random.default_rng(seed)
    met = generator.random((guests, films)) < share
    met[np.arange(guests), generator.integers(0, films, guests)] = True
    factors = Factors(*(generator.normal(size=(count, 4)).astype(np.float32) for count in (guests, films)))
    return of(interactions(met), factors)


def of(known: Interactions, factors: Factors) -> Small:
    """Return a recommender with the graph of these interactions and factors."""
    drawn = graph.build(graph.Draft(known, factors, K), "films", visitor="guest", similar_to="like")
    onnx = drawn.SerializeToString(deterministic=True)
    return Small(known, factors, onnx, Scorer(onnx, SPEC, INPUTS))


def wanted(model: Small, row: Row) -> tuple[str, list[str], list[float]]:
    """Compute the expected answer to a row in plain steps: basis, items, scores."""
    guests, films = list(model.known.visitors), list(model.known.items)
    if row[1] in films:
        own = films.index(str(row[1]))
        lengths = np.linalg.norm(model.factors.items, axis=1)
        scores = model.factors.items @ model.factors.items[own] / lengths / lengths[own]
        return "similar", *_best(films, scores, without={own})
    if row[0] in guests:
        whose = guests.index(str(row[0]))
        scores = model.factors.items @ model.factors.visitors[whose]
        return "history", *_best(films, scores, without=set(model.known.seen(whose)))
    return "popularity", *_best(films, model.known.popularity, without=set())


def _best(films: list[str], scores: Array, *, without: set[int]) -> tuple[list[str], list[float]]:
    left = [number for number in range(len(films)) if number not in without]
    best = sorted(left, key=lambda number: -scores[number])[:K]
    return [films[number] for number in best], [float(scores[number]) for number in best]


def data(rows: Mapping[bool, Sequence[tuple[str, str, float]]]) -> dataset.Dataset:
    """Return a dataset of (guest, film, weight) rows, by whether they are held out."""
    sides = [_table(rows.get(held, ())) for held in (False, True)]
    return dataset.Dataset(sides[0], sides[1], "0" * 64, 1, {"seen": {"shards": 1, "rows": 0}})


def _table(rows: Sequence[tuple[Any, ...]]) -> dataset.Table:
    guests, films, weights = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {"guest": np.array(guests, dtype=object), "weight": np.array(weights, dtype=np.float32)}
    return dataset.Table(columns, np.array(films, dtype=object))
