"""Records of batches in the ledger: ``sk = BATCH#<batch id>``, with the fields of `relearn.lifecycle.batches.Batch`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from lambdas.aws.dynamo.table import LONGEST_ID, Put, Records, Update
from relearn.errors import ConflictError, NotFoundError
from relearn.ledger import items
from relearn.lifecycle import batches
from relearn.lifecycle.batches import Batch, BatchState
from relearn.naming import ledger_keys


class BatchRecords(Records):
    """Reads and writes batches; writes are conditional."""

    def create(self, model: str, new_id: Callable[[], str]) -> Batch:
        """Create a batch that waits for its file.

        Parameters
        ----------
        model
            Name of the model.
        new_id
            Returns a new id; called again when the id is taken.
        """
        while True:
            now = self._now()
            batch = Batch(
                batch_id=new_id(), model=model, created_at=now, times={BatchState.WAITING_FOR_FILE: now}
            )
            try:
                self._table.write(
                    Put(
                        pk=ledger_keys.partition(model),
                        sk=ledger_keys.batch(batch.batch_id),
                        item=asdict(batch),
                    )
                )
            except ConflictError:
                continue
            return batch

    def batch(self, model: str, batch_id: str) -> Batch:
        """Return a batch.

        Raises
        ------
        NotFoundError
            The model has no such batch.
        """
        item = (
            self._table.get(ledger_keys.partition(model), ledger_keys.batch(batch_id))
            if len(batch_id) <= LONGEST_ID
            else None
        )
        if item is None:
            raise NotFoundError(f"model {model} has no batch {batch_id[:LONGEST_ID]!r}")
        return items.batch(item)

    def newest(self, model: str, count: int) -> list[Batch]:
        """Return at most ``count`` batches of a model, newest first."""
        return [
            items.batch(item)
            for item in self._table.query(ledger_keys.partition(model), ledger_keys.BATCHES, newest=count)
        ]

    def waiting(self, model: str) -> list[Batch]:
        """Return the batches of a model that wait for their file."""
        where = {"state": [BatchState.WAITING_FOR_FILE]}
        return [
            items.batch(item)
            for item in self._table.query(ledger_keys.partition(model), ledger_keys.BATCHES, where)
        ]

    def running(self, model: str) -> list[Batch]:
        """Return the running batches of a model."""
        where = {"state": [BatchState.RUNNING]}
        return [
            items.batch(item)
            for item in self._table.query(ledger_keys.partition(model), ledger_keys.BATCHES, where)
        ]

    def move(self, batch: Batch, state: BatchState, reason: str = "", **changes: Any) -> Batch:
        """Move a batch to a state, and return it.

        Raises
        ------
        IllegalTransitionError
            The state cannot follow the batch's state.
        ConflictError
            Another writer moved the batch first.
        """
        batches.check_transition(batch.state, state)
        now = self._now()
        moved = replace(batch, state=state, reason=reason, times={**batch.times, state: now}, **changes)
        known = asdict(moved)
        new = {name: known[name] for name in ("state", "reason", *changes)} | {f"times.{state}": now}
        self._table.write(
            Update(
                pk=ledger_keys.partition(batch.model),
                sk=ledger_keys.batch(batch.batch_id),
                changes=new,
                expected={"state": batch.state},
            )
        )
        return moved
