"""Poisoned uploads of any size before the real judge: none is promoted where the rows held out before show it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pyarrow as pa
import pytest

from relearn.lifecycle.promotion import Decision, decide
from relearn.spec.tables import HELD_OUT
from tests.chaos import data
from tests.chaos.invariants.order import FEWEST_ROWS, LOSS
from tests.chaos.judging import HeldOut, Shown
from tests.chaos.models import PLAIN
from tests.chaos.training import quality

GOOD = 8
"""Good uploads before the poisoned one."""


def shard(body: data.Body) -> pa.Table:
    """Return an upload as a shard, of which every fourth row is held out."""
    rows = list(csv.DictReader(io.StringIO(body.content.decode())))
    columns = {name: [float(row[name]) for row in rows] for name in ("length", "width")}
    held = [at % 4 == 3 for at in range(len(rows))]
    return pa.table({**columns, "kind": [row["kind"] for row in rows], HELD_OUT: held})


def judged(body: data.Body) -> tuple[Decision, Shown, float]:
    """Judge a candidate that learnt good uploads and this one; return also what the rows show, and its true loss."""
    good = {f"good-{at}": shard(data.good(at)) for at in range(GOOD)}
    shards = {**good, "new": shard(body)}
    held = HeldOut.of(shards, ["new"])
    mine, theirs = (1 - quality(PLAIN, list(tables.values())) for tables in (shards, good))
    candidate, champion = ({"f1_macro": held.value(PLAIN, wrong)} for wrong in (mine, theirs))
    metric = replace(PLAIN.metric, minimum=0.1)
    decision = decide(candidate, champion, metric, None, held.compare(PLAIN, mine, theirs))
    return decision, held.show(mine, theirs), mine - theirs


@pytest.mark.parametrize("share", data.POISON_SHARES)
@pytest.mark.parametrize("times", data.POISON_TIMES)
def test_a_poisoned_version_is_not_promoted_without_a_person(times: float, share: float) -> None:
    decision, shown, loss = judged(data.poison(GOOD, times, share))
    assert shown.known >= 100
    if loss >= LOSS:
        assert decision.asks or decision.verdict == "reject"
    if shown.lost_known > LOSS * shown.known >= LOSS * FEWEST_ROWS:
        assert decision.asks or decision.verdict == "reject"


def test_some_of_them_lead_by_their_own_rows_and_a_person_decides() -> None:
    decision, shown, _ = judged(data.poison(GOOD, 50, 1.0))
    assert shown.lost < 0 < shown.lost_known
    assert (decision.verdict, decision.asks) == ("promote", True)


def test_a_good_upload_is_promoted_without_a_person() -> None:
    decision, shown, _ = judged(data.good(GOOD))
    assert (decision.verdict, decision.asks, shown.lost) == ("promote", False, 0)
