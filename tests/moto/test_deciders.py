"""People who decide while a step asks, in any order of their reads and writes: one decision stands, and the run hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdas.aws.dynamo.ledger import Ledger, Task
from lambdas.aws.dynamo.table import Put, Table, Update
from lambdas.rollout.approval_request import ApprovalRequests
from lambdas.rollout.approvals import Approvals
from relearn.errors import ConflictError, NotWaitingError
from relearn.ledger.attribute_values import Item
from relearn.lifecycle import approval
from relearn.lifecycle.approval import Decision, DecisionRequest
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from tests.support.dynamo import ledger_table
from tests.support.turns import Clock, Writer

MODEL, NOW = "flowers", datetime(2026, 5, 4, 10, tzinfo=UTC)
ORDER = st.lists(st.integers(0, 3), max_size=40)
"""Who goes on, step by step: who asks (its first attempt, and its second), and the two who decide."""


class WritersTable:
    """The table, as one of them reaches it."""

    def __init__(self, table: Table, writer: Writer) -> None:
        self._table = table
        self._writer = writer

    def get(self, pk: str, sk: str) -> Item | None:
        self._writer.turn()
        return self._table.get(pk, sk)

    def query(self, *given: Any, **more: Any) -> Iterator[Item]:
        self._writer.turn()
        return self._table.query(*given, **more)

    def write(self, *writes: Put | Update) -> None:
        self._writer.turn()
        self._table.write(*writes)


class Step:
    """The step that waits: Step Functions knows the newest token alone."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    def wake(self, token: str) -> None:
        self.woken.append(token)


class Nobody:
    """Is told, and does nothing."""

    def tell(self, *_told: str) -> None:
        return


class Question:
    """One version about which a step asks twice, and two people decide."""

    def __init__(self) -> None:
        self.table, self.step, clock = ledger_table(), Step(), Clock()
        table: Any = self.table
        self.ledger = Ledger(table, lambda: NOW)
        run = self.ledger.create_run(Run(run_id="r", model=MODEL, state=RunState.JUDGING))
        asked = approval.begin(NOW, 72)
        self.ledger.register(run, Version(model=MODEL, version=8, run_id="r", approval=asked))
        self.writers = [Writer(clock) for _ in range(4)]
        requests = [self._approval_requests(writer) for writer in self.writers[:2]]
        ann, bob = (self._approvals(writer) for writer in self.writers[2:])
        self.writers[0].begin(lambda: requests[0].ask(MODEL, 8, Task("old", "now#0000")))
        self.writers[1].begin(lambda: requests[1].ask(MODEL, 8, Task("new", "now#0001")))
        self.writers[2].begin(lambda: ann.decide(MODEL, 8, DecisionRequest(Decision.APPROVE, "good"), "ann"))
        self.writers[3].begin(lambda: bob.decide(MODEL, 8, DecisionRequest(Decision.REJECT, "bad"), "bob"))

    def play(self, order: list[int]) -> None:
        for number in [*order, *(n for n in range(4) for _ in range(20))]:
            self.writers[number].step()
        assert all(writer.is_over for writer in self.writers)

    def _approvals(self, writer: Writer) -> Approvals:
        table: Any = WritersTable(self.table, writer)
        told: Any = self.step
        nobody: Any = Nobody()
        return Approvals(
            ledger=Ledger(table, lambda: NOW),
            callbacks=told,
            registry=nobody,
            notifier=nobody,
            clock=lambda: NOW,
        )

    def _approval_requests(self, writer: Writer) -> ApprovalRequests:
        table: Any = WritersTable(self.table, writer)
        nobody: Any = Nobody()
        return ApprovalRequests(
            ledger=Ledger(table, lambda: NOW), notifier=nobody, approvals=self._approvals(writer)
        )


@given(ORDER)
def test_one_decision_stands_and_the_other_hears_whose_it_is(order: list[int]) -> None:
    question = Question()
    question.play(order)
    lost = [writer.error for writer in question.writers[2:] if writer.error is not None]
    (refused,) = lost
    assert isinstance(refused, NotWaitingError)
    version = question.ledger.version(MODEL, 8)
    assert version is not None
    assert version.approval is not None
    winner, loser = ("ann", "bob") if question.writers[2].error is None else ("bob", "ann")
    assert (version.approval.who, loser in str(refused)) == (winner, False)
    assert f"by {winner}" in str(refused)
    assert version.state is (VersionState.REGISTERED if winner == "ann" else VersionState.FAILED)


@given(ORDER)
def test_the_step_that_waits_is_woken_whoever_was_first(order: list[int]) -> None:
    question = Question()
    question.play(order)
    beaten = question.writers[1].error
    if beaten is None:
        assert "new" in question.step.woken
    else:  # the attempts wrote at the same time: the machine makes another
        assert isinstance(beaten, ConflictError)


@given(ORDER)
def test_the_newest_token_is_kept(order: list[int]) -> None:
    question = Question()
    question.play(order)
    version = question.ledger.version(MODEL, 8)
    assert version is not None
    if question.writers[1].error is None:
        assert question.ledger.task(version).token == "new"
