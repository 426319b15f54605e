"""Settle the side of each row of an upload: held out to measure models, or learnt from.

The side is a hash: of the entity where the row has one, else of the features that have a value, each with its
name. A feature without a value contributes nothing and the order does not matter, so equal rows share a side
whatever file brings them, and a feature that the spec gets later changes no row that lacks it. Values are
hashed in one text for all column types (`preparation.rules.SqlType.canonical`), so a feature of another type
changes nothing either. The target and ids are no part of it.

The hash of a text is the first 8 bytes of its MD5, as an unsigned big-endian number; that of a row is the XOR
of the hashes of the names and values, `SEPARATOR` between them. A row is held out if the first 4 bytes are below the share, times 2**32.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from preparation.rules import SQL_TYPES
from relearn.spec.model import Column, Id, ModelSpec

SEPARATOR = "chr(31)"  # ASCII unit separator, so that ('ab', 'c') differs from ('a', 'bc')


@dataclass(frozen=True, slots=True)
class Sides:
    """What settles the sides of the rows of a table.

    Parameters
    ----------
    entity, target
        Names of the column that names the entity (None: there is none), and of the target.
    share
        Share of the rows that are held out, 0 to 1.
    """

    entity: str | None
    target: str
    share: float

    @classmethod
    def of(cls, spec: ModelSpec) -> Self | None:
        """Return what settles the sides of an upload; None for a model with tables, whose features are split."""
        return None if spec.tables else cls(spec.entity, spec.target.name, spec.training.holdout)

    def depends_on(self, column: Column) -> bool:
        """Return whether the value of a column is part of a row's hash."""
        return not isinstance(column, Id) and column.name != self.target


def hash_of(text: str) -> str:
    """Return SQL of the hash of a text, UBIGINT; NULL where the text is NULL."""
    return f"CAST('0x' || substr(md5({text}), 1, 16) AS UBIGINT)"


def together(hashes: Iterable[str]) -> str:
    """Return SQL of the XOR of hashes, without those that are NULL; 0 where all of them are."""
    return (
        f"coalesce(list_aggregate(CAST([{', '.join(hashes)}] AS UBIGINT[]), 'bit_xor'), CAST(0 AS UBIGINT))"
    )


def named(name: str, text: str) -> str:
    """Return SQL of the text that is hashed for a value of a column; ``text`` is SQL of the value's own text."""
    return f"'{name}' || {SEPARATOR} || {text}"


def of_value(column: Column, value: str) -> str:
    """Return SQL of the hash of a feature's name and typed ``value``."""
    return hash_of(named(column.name, SQL_TYPES[type(column)].canonical(value)))


def bound(share: float) -> int:
    """Return the number below which are the ``share``, 0 to 1, of all 64-bit hashes."""
    return round(share * 2**32) << 32


def is_held_out(hashed: str, share: float) -> str:
    """Return SQL that is true where a hash is below the ``share``, 0 to 1, of all hashes."""
    return f"{hashed} < CAST({bound(share)} AS UBIGINT)"
