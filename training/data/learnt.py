"""Record of what a version learnt, kept in its artifact, so that no later job examines it on any of that.

The record holds hashes of rows, not rows: it does not depend on which uploads are in a later snapshot, nor on
the columns of a later spec. Hashes are cut to 32 bits; a row that was not learnt has the hash of one that was
in n of 2**32 cases, with n learnt rows, and is then left out of an evaluation set for nothing.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from relearn.api import strict_json
from relearn.errors import ArchiveError, ArtifactError
from relearn.spec.model import ModelSpec
from scoring.artifact import LEARNT, MAX_BYTES
from scoring.encode import Array

FORMAT = 1
_BITS = np.uint64(32)


def cut(hashes: Array) -> Array:
    """Return the upper 32 bits of 64-bit hashes, shape as given, uint32."""
    return np.asarray((hashes >> _BITS).astype(np.uint32))


def distinct(hashes: Array) -> Array:
    """Return the different hashes, cut and sorted, as a record holds them."""
    return np.unique(cut(hashes))


def nothing() -> Array:
    """Return an empty set of hashes."""
    return np.array([], dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a version learnt, and what it was examined on: sets of hashes, cut to 32 bits, sorted, uint32.

    Parameters
    ----------
    rows
        Features of each training row that named no entity; for a recommender, each pair of entity and item.
    entity_rows
        Features of each training row that named its entity.
    entities
        Entities with training rows; for a recommender, those with no row held out.
    held_out
        Entities of a model with tables that were held out.
    examined
        Rows of the evaluation set, with their target.
    """

    rows: Array = field(default_factory=nothing)
    entity_rows: Array = field(default_factory=nothing)
    entities: Array = field(default_factory=nothing)
    held_out: Array = field(default_factory=nothing)
    examined: Array = field(default_factory=nothing)

    def as_bytes(self) -> bytes:
        """Return the record as JSON; each set is base64 of little-endian numbers."""
        sets = {one.name: getattr(self, one.name) for one in fields(self)}
        packed = {
            name: base64.b64encode(found.astype("<u4").tobytes()).decode() for name, found in sets.items()
        }
        return json.dumps({"format": FORMAT, **packed}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a record that `as_bytes` returned.

        Raises
        ------
        ArtifactError
            It is no such record.
        """
        try:
            found: dict[str, Any] = strict_json.loads(data, LEARNT, MAX_BYTES)
            if found["format"] != FORMAT:
                raise ArtifactError(f"{LEARNT} has format {found['format']!r}; allowed: {FORMAT}")
            return cls(**{one.name: _unpacked(found[one.name]) for one in fields(cls)})
        except (ArchiveError, ValueError, LookupError, TypeError) as error:
            raise ArtifactError(f"{LEARNT} is not a record of what was learnt: {error!r}") from error


def _unpacked(text: str) -> Array:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<u4").astype(np.uint32)


@dataclass(frozen=True, slots=True)
class Learner:
    """Version that is compared with the candidate, and may not be examined on what it learnt.

    Parameters
    ----------
    spec
        Spec that it was trained for.
    learnt
        What it learnt; None for a version of a release that kept no record.
    """

    spec: ModelSpec
    learnt: Learnt | None
