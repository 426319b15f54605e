"""Divide rows into those to learn and those to examine, so that no version is examined on what it learnt.

A row of a model without tables has its side in its shard: `preparation.sides` settled it when the upload was
accepted. The features of a model with tables are split by their entity: an entity has the side that it had for
the champion, and a new one the side of its hash. So a row keeps its side in every run, whatever else is in the
snapshot and whatever became of the spec.

For a recommender, the hash chooses visitors. The latest interactions of each are held out and the earlier
ones learnt, because the model is asked what a visitor will do next.

A held-out row that the candidate or a version which it is compared with has learnt is left out of the
evaluation set: its side does not move. That happens when equal rows were accepted under different specs, when
a file is replaced, and when an interaction arrives that is older than the others of its visitor.

With ``Training(evaluate="latest")`` the evaluation set is of the newest window (`training.data.window`), of which nothing is learnt.
A row that is held out has its side as ever: it is never learnt, in the window or not. A row of the other side is examined
while it is in the window, unless a compared version has learnt it, and learnt when the window has moved on. Of a class that
has died out, of which no window of a reasonable length has a row, the newest rows are examined too, and not learnt. Where rows
name an entity it is not: the entities of older rows are learnt, so only rows of new ones could be examined, which are not like the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from preparation.sides import SEPARATOR, bound, hash_of, is_held_out
from relearn.lifecycle.comparison import ExaminedBefore
from relearn.spec.model import ModelSpec
from relearn.spec.tables import AS_OF, HELD_OUT
from scoring.encode import Array
from training.data.learnt import Learner, Learnt, distinct
from training.data.row_keys import Keys, are_in, entity_text, is_comparable, text_of
from training.data.window import Examined, newest, of_lost_classes

LATE_ROWS = (3, 10)
"""Share of a visitor's rows that are late: three of ten, rounded down, at least one row."""
SIDE = "__side"
"""Column of the query with `side_expression`; no column of a spec can have such a name."""


def side_expression(spec: ModelSpec, there: Collection[str]) -> str:
    """Return the DuckDB expression of a row's side; for features of tables, of whether the row may be held out.

    Parameters
    ----------
    spec
        Spec of the model.
    there
        Names of the columns of the shards.
    """
    if spec.tables:
        return _is_late(spec) if spec.kind == "ranking" else "true"
    earlier = earlier_side(spec)  # of shards from before sides were settled
    return f"coalesce({HELD_OUT}, {earlier})" if HELD_OUT in there else earlier


def earlier_side(spec: ModelSpec) -> str:
    """Return the DuckDB expression of a row's side in releases that settled none: by the entity, or all features.

    What a version of such a release learnt is known by this alone.
    """
    return is_held_out(hash_of(earlier_key(spec)), spec.training.holdout)


def earlier_key(spec: ModelSpec) -> str:
    """Return the DuckDB expression of the text that decided a row's side in releases that settled none."""
    if spec.entity is not None:
        return f"coalesce({entity_text(spec.entity)}, '')"
    parts = [f"coalesce({text_of(column)}, '')" for column in spec.features]
    return f"concat_ws({SEPARATOR}, {', '.join(parts)})"


def earlier_sides(spec: ModelSpec, learners: Sequence[Learner]) -> dict[str, str]:
    """Return the DuckDB expressions of `earlier_side` for learners of such releases, by the name of their column."""
    there = {column.name for column in spec.made}
    return {
        earlier_of(place): earlier_side(learner.spec)
        for place, learner in enumerate(learners)
        if learner.learnt is None
        and is_comparable(learner.spec, spec)
        and (learner.spec.entity is None or learner.spec.entity in there)
    }


def earlier_of(place: int) -> str:
    """Return the column with the side that a row had for the learner at a ``place``."""
    return f"{SIDE}{place}"


def order_expression(spec: ModelSpec) -> str:
    """Return the ORDER BY clause of the rows: a ranking's windows lose the order of the files; else empty."""
    return f" ORDER BY {', '.join(_time_order(spec))}" if spec.kind == "ranking" else ""


def _time_order(spec: ModelSpec) -> tuple[str, ...]:
    return (f'"{spec.entity}"', f'"{AS_OF}"', f'"{spec.target.name}"')


def _is_late(spec: ModelSpec) -> str:
    entity, *order = _time_order(spec)
    rows = f"count(*) OVER (PARTITION BY {entity})"
    place = f"row_number() OVER (PARTITION BY {entity} ORDER BY {', '.join(order)})"
    share, of = LATE_ROWS
    return f"{place} > {rows} - greatest(1, {rows} * {share} // {of})"


@dataclass(frozen=True, slots=True)
class Division:
    """Rows of a snapshot by what becomes of them; arrays have the shape (rows,).

    Parameters
    ----------
    train, examined
        Whether a row is learnt, and whether it is in the evaluation set; some rows are neither.
    again
        Whether a row equals an earlier one in every column.
    contradictions
        Number of rows that equal another in every column but the target.
    not_examined
        Number of held-out rows that a compared version has learnt.
    new
        Whether the champion was not examined on the row with this target; False for all where that is not
        known.
    before
        What is left of the rows, or the visitors of a ranking, that the champion was examined on; None where it
        kept no record of them.
    learnt
        Record of the candidate.
    aside
        Whether a row is neither learnt nor examined, and no copy of another row that is.
    unlearnt
        Whether a row is learnt now, and was not by the champion; False for all where there is none.
    unit
        Hash of the unit of chance that a row belongs to: of its entity where it names one, else of its features.
    latest
        Window whose rows are examined; None where rows of any time are.
    """

    train: Array
    examined: Array
    again: Array
    contradictions: int
    not_examined: int
    new: Array
    before: ExaminedBefore | None
    learnt: Learnt
    aside: Array
    unlearnt: Array
    unit: Array
    latest: Examined | None = None


def divide(  # noqa: PLR0917 - what is divided, and by what
    spec: ModelSpec,
    keys: Keys,
    side: Array,
    learners: Sequence[Learner] = (),
    earlier: Sequence[Array | None] = (),
    usable: Array | None = None,
    *,
    time: Array | None = None,
    now: datetime | None = None,
) -> Division:
    """Divide the rows of a snapshot.

    Parameters
    ----------
    spec
        Spec of the candidate.
    keys
        Hashes of the rows.
    side
        Result of `side_expression`, shape (rows,).
    learners
        Versions that the candidate is compared with, the champion first.
    earlier
        For each learner, the result of `earlier_sides`; None where it has none.
    usable
        Whether a row is learnt or examined at all, shape (rows,); None: all are.
    time
        Time of each row, shape (rows,), ``datetime64[us]``; None where rows have none.
    now
        Clock of the run, aware; None: no clock.
    """
    held = side & _chosen(spec, keys, learners) if spec.tables else side
    again = np.zeros(len(held), dtype=bool)
    kept, contradictions = ~again, 0
    if not spec.tables:
        again = ~_are_first(keys.whole)
        contradictions = _contradictions(keys)
        if spec.training.duplicates == "drop":
            kept = _are_first(keys.whole ^ held.astype(np.uint64))  # on either side, the first
    if usable is not None:
        kept &= usable
    train, examined = kept & ~held, kept & held
    theirs = _learnt_by_others(spec, keys, learners, earlier)
    within = None
    if time is not None:
        may = kept & (held | _has_spare_rows(spec, learners))
        within = newest(spec, time[kept], (may & ~theirs)[kept], keys.target[kept], now)
        if within is not None:
            lost = np.zeros_like(kept)
            lost[kept] = of_lost_classes(spec, within, time[kept], (may & ~theirs)[kept], keys.target[kept])
            train, examined = (
                train & within.precedes(time) & ~lost,
                (may & within.holds(time)) | lost,
            )
    learnt = _learnt(spec, keys, train, held, side)
    blocked = theirs | _learnt_itself(spec, keys, learnt)
    not_examined = int((examined & held & blocked).sum())
    examined &= ~blocked
    aside = kept & ~train & ~examined
    latest = None
    if time is not None and within is not None:
        rows = int((kept & within.holds(time)).sum())
        latest = Examined(within, rows, int(examined.sum()), int(aside.sum()))
    found = keys.examined(keys.row, of_features=bool(spec.tables))
    new = _are_new(keys, learners)
    return Division(
        train,
        examined,
        again,
        contradictions,
        not_examined,
        new,
        _examined_before(keys, learners, examined, new),
        replace(learnt, examined=distinct(found[examined])),
        aside,
        train & ~_learnt_by(spec, keys, learners, earlier, 0) if learners else np.zeros_like(train),
        np.where(keys.names_entity, keys.entity, keys.row),
        latest,
    )


def _has_spare_rows(spec: ModelSpec, learners: Sequence[Learner]) -> bool:
    """Return whether rows that are not held out may be examined, because it is surely known of each who has learnt it."""
    known = all(learner.learnt is not None and is_comparable(learner.spec, spec) for learner in learners)
    return known and spec.entity is None


def _chosen(spec: ModelSpec, keys: Keys, learners: Sequence[Learner]) -> Array:
    """Return whether the entity of a row is held out: as for the champion, else by its hash."""
    chosen = keys.entity < np.uint64(bound(spec.training.holdout))
    champion = learners[0] if learners else None
    if champion is None or champion.learnt is None or champion.spec.entity != spec.entity:
        return np.asarray(chosen)
    chosen |= keys.entities_in(champion.learnt.held_out)
    return np.asarray(chosen & ~keys.entities_in(champion.learnt.entities))


def _are_first(hashes: Array) -> Array:
    """Return whether each hash is the first of its value."""
    found = np.zeros(len(hashes), dtype=bool)
    found[np.unique(hashes, return_index=True)[1]] = True
    return found


def _contradictions(keys: Keys) -> int:
    given = keys.row ^ keys.ids
    order = np.lexsort((keys.target, given))
    values, targets = given[order], keys.target[order]
    starts = np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]
    group = np.cumsum(starts) - 1
    several = np.zeros(int(starts.sum()), dtype=bool)
    differ = ~starts[1:] & (targets[1:] != targets[:-1])
    several[group[1:][differ]] = True
    return int(several[group].sum())


def _learnt(spec: ModelSpec, keys: Keys, train: Array, held: Array, side: Array) -> Learnt:
    if spec.kind == "ranking":
        return Learnt(
            rows=distinct(keys.row[train]),
            entities=distinct(keys.entity[side & ~held]),
            held_out=distinct(keys.entity[held]),
        )
    named, loose = train & keys.names_entity, train & ~keys.names_entity
    return Learnt(
        rows=distinct(keys.row[loose]),
        entity_rows=distinct(keys.row[named]),
        entities=distinct(keys.entity[named]),
        held_out=distinct(keys.entity[held]) if spec.tables else distinct(keys.entity[:0]),
    )


def _learnt_itself(spec: ModelSpec, keys: Keys, mine: Learnt) -> Array:
    """Return which rows the candidate learns."""
    if spec.kind == "ranking":  # what a visitor had met is no part of the truth
        return np.zeros(len(keys.row), dtype=bool)
    return keys.were_learnt(mine, keys.row, spec, spec.entity)


def _learnt_by_others(
    spec: ModelSpec, keys: Keys, learners: Sequence[Learner], earlier: Sequence[Array | None]
) -> Array:
    """Return which rows a learner has learnt."""
    found = np.zeros(len(keys.row), dtype=bool)
    for place in range(len(learners)):
        found |= _learnt_by(spec, keys, learners, earlier, place)
    return found


def _learnt_by(
    spec: ModelSpec, keys: Keys, learners: Sequence[Learner], earlier: Sequence[Array | None], place: int
) -> Array:
    """Return which rows the learner at a place has learnt; none where it cannot answer such rows, so is not examined."""
    learner, row, then = learners[place], keys.by_learner[place], earlier[place]
    if row is not None and learner.learnt is not None:
        return keys.were_learnt(learner.learnt, row, learner.spec, spec.entity)
    if row is not None and then is not None:
        return np.asarray(~then)
    return np.zeros(len(keys.row), dtype=bool)


def _are_new(keys: Keys, learners: Sequence[Learner]) -> Array:
    """Return which rows the champion was not examined on; for a ranking, the rows of visitors not held out for it."""
    if not learners:
        return np.ones(len(keys.row), dtype=bool)
    champion, row = learners[0], keys.by_learner[0]
    if champion.learnt is None or row is None:
        return np.zeros(len(keys.row), dtype=bool)
    if champion.spec.kind == "ranking":  # a visitor is examined, and may have new interactions
        return ~keys.entities_in(champion.learnt.held_out)
    found = keys.examined(row, of_features=bool(champion.spec.tables))
    return ~are_in(found, champion.learnt.examined)


def _examined_before(
    keys: Keys, learners: Sequence[Learner], examined: Array, new: Array
) -> ExaminedBefore | None:
    """Return what is left of what the champion was examined on: rows, or visitors of a ranking."""
    champion, row = (learners[0], keys.by_learner[0]) if learners else (None, None)
    if champion is None or champion.learnt is None or row is None:
        return None
    if champion.spec.kind == "ranking":
        before, found = champion.learnt.held_out, keys.entity
    else:
        before = champion.learnt.examined
        found = keys.examined(row, of_features=bool(champion.spec.tables))
    left = len(distinct(found[examined & ~new]))
    gone = len(np.setdiff1d(before, distinct(found), assume_unique=True))
    return ExaminedBefore(len(before), left, int((examined & new).sum()), gone)
