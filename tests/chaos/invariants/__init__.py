"""What must hold of every run, whatever faults strike: one function for each invariant, defined by its docstring.

Each inspects the recorded history, and the ledger, buckets and SageMaker at rest, and yields violations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.chaos.invariants.evidence import Evidence
from tests.chaos.invariants.order import effect_once, legal_promotion, single_writer
from tests.chaos.invariants.rest import liveness, no_loss, pointer_equals_reality
from tests.chaos.invariants.serving import attribution, availability
from tests.chaos.invariants.sight import visibility
from tests.chaos.invariants.stores import immutability, kept, quarantine
from tests.chaos.invariants.uploads import in_turn, no_future, replacement

Invariant = Callable[[Evidence], Iterator[str]]
INVARIANTS: tuple[Invariant, ...] = (
    no_loss,
    effect_once,
    legal_promotion,
    single_writer,
    pointer_equals_reality,
    availability,
    attribution,
    quarantine,
    liveness,
    visibility,
    immutability,
    no_future,
    replacement,
    in_turn,
    kept,
)


def violations(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield every violation: name of the invariant, and description."""
    for invariant in INVARIANTS:
        for found in invariant(evidence):
            yield invariant.__name__, found
