"""Held-out rows of simulated jobs, what models answer to them, and the comparison that the training container makes.

A model that learnt wrong labels answers as wrong as these were many: a row is answered with the other kind where its luck, a number
between 0 and 1 that it has for every model, is below the model's share of wrong labels. What is true of a row follows from its
length; what its upload calls it is what models are measured by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from relearn.lifecycle.comparison import PARTS, Comparison, ExaminedBefore
from relearn.spec.model import ModelSpec
from relearn.spec.tables import HELD_OUT
from scoring.encode import Array
from scoring.scorer import Scores
from tests.chaos.data import LONGEST_ROSE
from training.data.dataset import Table
from training.fitting import tabular
from training.fitting.tasks import Answers


@dataclass(frozen=True)
class Shown:
    """How many rows two models were compared on, and how many fewer the first has right.

    Parameters
    ----------
    rows, lost
        All rows that are held out.
    known, lost_known
        Those among them that were held out before.
    """

    rows: int = 0
    lost: int = 0
    known: int = 0
    lost_known: int = 0


@dataclass(frozen=True)
class HeldOut:
    """Rows that are held out, arrays of shape (rows,).

    Parameters
    ----------
    rose
        Whether a row is a rose in truth.
    given
        What its upload calls it.
    luck
        Number from 0 to below 1 by the row's values.
    new
        Whether its upload is on trial.
    uploads
        How many rows each upload has.
    """

    rose: Array
    given: Array
    luck: Array
    new: Array
    uploads: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, shards: Mapping[str, pa.Table], on_trial: Collection[str]) -> HeldOut:
        """Return the rows that are held out in shards, given by the id of their upload."""
        lengths, widths, kinds, new = [], [], [], []
        for upload, shard in shards.items():
            held = shard.filter(shard[HELD_OUT])
            lengths.append(held["length"].to_numpy())
            widths.append(held["width"].to_numpy())
            kinds.append(np.asarray(held["kind"].to_pylist(), dtype=object))
            new.append(np.full(len(held), upload.startswith(tuple(on_trial)) if on_trial else False))
        length, width = np.concatenate(lengths), np.concatenate(widths)
        luck = np.abs(np.sin(length * 12.9898 + width * 78.233) * 43758.5453) % 1
        return cls(
            length < LONGEST_ROSE,
            np.concatenate(kinds),
            luck,
            np.concatenate(new),
            dict(zip(shards, map(len, kinds), strict=True)),
        )

    def left_of(self, examined: Mapping[str, int]) -> ExaminedBefore:
        """Return what is left of the rows that a champion was examined on, given by how many each upload had."""
        left = sum(count for upload, count in examined.items() if upload in self.uploads)
        return ExaminedBefore(sum(examined.values()), left, int(self.new.sum()))

    def answers(self, wrong: float) -> Answers:
        """Return what a model answers that learnt a share of wrong labels."""
        rose = self.rose ^ (self.luck < wrong)
        said = np.where(rose, "rose", "tulip").astype(object)
        return Answers(Table({}, self.given), Scores(said, None), ("rose", "tulip"))

    def value(self, spec: ModelSpec, wrong: float) -> float:
        """Return the deciding metric of such a model, NaN where it is undefined."""
        found = tabular.measured(spec, spec.metric.name, self.answers(wrong))
        return float("nan") if found is None else found.value

    def compare(
        self, spec: ModelSpec, mine: float, theirs: float, before: ExaminedBefore | None = None
    ) -> Comparison | None:
        """Compare two such models with the container's own code."""
        both = self.answers(mine), self.answers(theirs)
        found = tabular.compare(spec, *both)
        parts = tabular.compare_parts(spec, *both, self.new)
        known, new, fall = (parts.get(name) for name in PARTS)
        return found and replace(found, known=known, new=new, fall=fall, before=before)

    def show(self, mine: float, theirs: float) -> Shown:
        """Count what two such models show."""
        first, second = (self.answers(one).scores.predictions == self.given for one in (mine, theirs))
        lost = second.astype(int) - first.astype(int)
        return Shown(len(lost), int(lost.sum()), int((~self.new).sum()), int(lost[~self.new].sum()))
