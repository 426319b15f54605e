"""Hashes by which two rows are the same row, whatever upload or snapshot they are in.

The hash of a row is the XOR of the hashes of its features with a value, as in `preparation.sides`, but with the
value as exact as a model sees it. The hashes are 64 bits long.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from preparation.rules import SQL_TYPES, expression
from preparation.sides import hash_of, named, together
from relearn.spec.model import Column, Id, ModelSpec
from relearn.spec.tables import AS_OF
from scoring.encode import Array
from training.data.column_types import LEARNT_TYPES
from training.data.learnt import Learner, Learnt, cut

ROW, IDS, TARGET, ENTITY, MOMENT = "__row", "__ids", "__target", "__entity", "__moment"
"""Columns of the query: no column of a spec can have such a name."""


def text_of(column: Column) -> str:
    """Return the DuckDB expression of a value of a shard as text, as exact as a model sees it."""
    return LEARNT_TYPES[type(column)].hashed.format(expression(column))


def entity_text(name: str) -> str:
    """Return the DuckDB expression of the name of an entity."""
    return f'CAST("{name}" AS VARCHAR)'


def compared(spec: ModelSpec) -> tuple[Column, ...]:
    """Return the columns of which the hash of a row is made: the features; for a ranking, entity and item."""
    if spec.kind == "ranking":
        return tuple(column for column in spec.made if isinstance(column, Id))
    return spec.features


def is_comparable(learner: ModelSpec, spec: ModelSpec) -> bool:
    """Return whether rows of ``spec`` have all columns that ``learner`` compares rows by, in its types."""
    there = {column.name: type(column) for column in spec.made}
    return learner.kind == spec.kind and all(
        there.get(column.name) is type(column) for column in compared(learner)
    )


def may_answer(learner: ModelSpec, spec: ModelSpec) -> bool:
    """Return whether a version can be asked about rows of ``spec``: they have all columns that it needs."""
    if "ranking" in (learner.kind, spec.kind):
        return is_comparable(learner, spec)
    there = {column.name for column in spec.made}
    needed = {column.name for column in learner.features if not column.optional}
    return learner.kind == spec.kind and needed <= there


def expressions(spec: ModelSpec, learners: Sequence[Learner], there: Collection[str]) -> dict[str, str]:
    """Return the DuckDB expressions of `Keys`, by the name of their column.

    Parameters
    ----------
    spec
        Spec of the candidate.
    learners
        Versions that it is compared with.
    there
        Names of the columns of the shards, which may have some that the spec no longer has.
    """
    found = {ROW: _hash(compared(spec)), TARGET: _hash([spec.target])}
    found |= {
        row_of(place): together(
            hash_of(named(column.name, text))
            for column in compared(learner.spec)
            if (text := _as_learnt(column, spec, there)) is not None
        )
        for place, learner in enumerate(learners)
        if may_answer(learner.spec, spec)
    }
    if spec.entity is not None:
        found[ENTITY] = hash_of(entity_text(spec.entity))
    if spec.tables:
        found[MOMENT] = hash_of(named(AS_OF, f'CAST(epoch_us("{AS_OF}") AS VARCHAR)'))
    elif ids := [column for column in spec.columns if isinstance(column, Id)]:
        found[IDS] = _hash(ids)
    return found


def _as_learnt(column: Column, spec: ModelSpec, there: Collection[str]) -> str | None:
    """Return the DuckDB expression of a value as text, as a version with this column learnt it; None without values.

    The shards may have the column in another type by now, or the spec may have lost it.
    """
    if any(one.name == column.name and type(one) is type(column) for one in spec.made):
        return text_of(column)
    if column.name not in there:
        return None
    kind = SQL_TYPES[type(column)]
    value = kind.read.format(f'TRY_CAST(CAST("{column.name}" AS VARCHAR) AS {kind.type})')
    return LEARNT_TYPES[type(column)].hashed.format(value)


def row_of(place: int) -> str:
    """Return the column with the hash of a row by the columns of the learner at a ``place``."""
    return f"{ROW}{place}"


def _hash(columns: Sequence[Column]) -> str:
    return together(hash_of(named(column.name, text_of(column))) for column in columns)


@dataclass(frozen=True, slots=True)
class Keys:
    """Hashes of rows, each of shape (rows,), uint64.

    Parameters
    ----------
    row
        Hash of the features; for a ranking, of entity and item.
    ids
        Hash of all ids.
    target
        Hash of the target.
    entity, names_entity
        Hash of the entity, and whether the row names one.
    moment
        Hash of the moment of a row of features.
    by_learner
        Hash of the features that each learner has; None for one that cannot answer such rows.
    """

    row: Array
    ids: Array
    target: Array
    entity: Array
    names_entity: Array
    moment: Array
    by_learner: tuple[Array | None, ...]

    @classmethod
    def of(cls, fetched: Mapping[str, Any], learners: int) -> Self:
        """Take the hashes from the result of a query for `expressions` of so many ``learners``."""
        none = np.zeros(len(fetched[ROW]), dtype=np.uint64)
        row, target, ids, moment = (
            np.ma.getdata(fetched.get(name, none)) for name in (ROW, TARGET, IDS, MOMENT)
        )
        entity = fetched.get(ENTITY, np.ma.masked_array(none, mask=True))
        theirs = [fetched.get(row_of(place)) for place in range(learners)]
        return cls(
            row,
            ids,
            target,
            np.ma.getdata(entity),
            ~np.ma.getmaskarray(entity),
            moment,
            tuple(None if found is None else np.ma.getdata(found) for found in theirs),
        )

    @property
    def whole(self) -> Array:
        """Hashes of whole rows: features, ids, target and moment."""
        return np.asarray(self.row ^ self.ids ^ self.target ^ self.moment)

    def examined(self, row: Array, *, of_features: bool) -> Array:
        """Return the hashes of rows with their target, by the columns of one version.

        Parameters
        ----------
        row
            Hashes of the features of that version.
        of_features
            Whether rows are features of an entity at a moment, which then are part of the hash.
        """
        found = row ^ self.target
        return np.asarray(found ^ self.entity ^ self.moment if of_features else found)

    def were_learnt(self, learnt: Learnt, row: Array, learner: ModelSpec, entity: str | None) -> Array:
        """Return which rows a version has learnt: by their entity where they name it, else by their features.

        Parameters
        ----------
        learnt
            What the version learnt.
        row
            Hashes of the features of that version.
        learner
            Its spec.
        entity
            Column that names the entity of these rows.
        """
        found = are_in(row, learnt.rows) | (self.names_entity & are_in(self.entity, learnt.entities))
        if learner.kind != "ranking":
            decided = self.names_entity & (learner.entity == entity)
            found |= ~decided & are_in(row, learnt.entity_rows)
        return np.asarray(found)

    def entities_in(self, hashes: Array) -> Array:
        """Return which rows name an entity of a set."""
        return np.asarray(self.names_entity & are_in(self.entity, hashes))


def are_in(hashes: Array, known: Array) -> Array:
    """Return which 64-bit hashes are in a sorted set of hashes that were cut."""
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    short = cut(hashes)
    places = np.minimum(np.searchsorted(known, short), len(known) - 1)
    return np.asarray(known[places] == short)
