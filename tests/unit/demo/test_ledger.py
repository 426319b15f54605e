"""What the demo tells of the ledger's changes."""

from __future__ import annotations

from demo.ledger import Ledger
from tests.unit.demo.table import put, table


def test_the_ledger_tells_each_new_state_once_with_its_reason() -> None:
    client = table()
    ledger = Ledger(client, "ledger")
    run = {"pk": "MODEL#iris", "sk": "RUN#20261123-abcdef", "state": "TRAINING"}
    put(client, run)
    (first,) = ledger.changes()
    assert (first.kind, first.state) == ("RUN", "TRAINING")
    assert ledger.changes() == []
    put(client, {**run, "state": "REJECTED", "reason": "worse"})
    (second,) = ledger.changes()
    assert "TRAINING -> REJECTED: worse" in second.text
    assert "iris" in second.text


def test_a_run_that_waits_for_a_person_says_what_to_type() -> None:
    run = {"pk": "MODEL#iris", "sk": "RUN#20261123-abcdef", "state": "AWAITING_APPROVAL", "version": "8"}
    (change,) = Ledger(table({**run, "reason": "better"}), "ledger").changes()
    assert change.text.endswith("AWAITING_APPROVAL: better; you decide: relearn --local approve iris 8")
