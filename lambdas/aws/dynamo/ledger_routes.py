"""The ledger's routes: how each stands, who moved it and why, and which version is being deployed again.

Beside a model's ``ROUTE`` its history: ``ROUTE#<revision>``, written in the same transaction; and ``RESTORE``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime

from lambdas.aws.dynamo import ledger_items
from lambdas.aws.dynamo.ledger_items import partition, version_key
from lambdas.aws.dynamo.table import Put, Table, Update
from relearn.errors import ConflictError
from relearn.lifecycle.runs import Version, VersionState
from relearn.traffic.route import Change, Moved, Route
from relearn.traffic.route_changes import Restore, RestoreState

VersionSteps = Mapping[int, tuple[VersionState, VersionState]]


class RouteLedger:
    """Typed reads and conditional writes of routes.

    Parameters
    ----------
    table
        The table.
    clock
        Gives the time, aware.
    """

    def __init__(self, table: Table, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._clock = clock

    def route(self, model: str) -> Route:
        """Read the route; an empty one when the model never served."""
        item = self._table.get(partition(model), "ROUTE")
        return Route() if item is None else Route(**ledger_items.known(Route, item))

    def route_history(self, model: str, *, newest: int) -> list[Moved]:
        """Read so many writes of a route, newest first."""
        return [
            ledger_items.moved(item) for item in self._table.query(partition(model), "ROUTE#", newest=newest)
        ]

    def write_route(self, model: str, old: Route, new: Route, steps: VersionSteps, change: Change) -> None:
        """Replace a route and take the versions it concerns to their next states, all or nothing.

        Parameters
        ----------
        model
            Whose.
        old, new
            The route as read, and as it shall be.
        steps
            Version to its state now and its next; one that becomes FAILED does so for the change's reason.
        change
            Who does so, and why: kept in the route's history.

        Raises
        ------
        ConflictError
            The route is no longer ``old``, and which revision came first; or a version is not in the state given.
        """
        now = self._now()
        item = {**asdict(new), "changed_at": now}
        entry = {**asdict(new), "change": asdict(change), "at": now}
        expected = {"revision": old.revision} if old.revision else None
        updates = [
            Update(
                pk=partition(model),
                sk=version_key(number),
                changes={"state": after, "reason": change.why if after is VersionState.FAILED else ""},
                expected={"state": before},
            )
            for number, (before, after) in steps.items()
        ]
        put = Put(pk=partition(model), sk="ROUTE", item=item, expected=expected)
        history = Put(pk=partition(model), sk=ledger_items.moved_key(new.revision), item=entry)
        try:
            self._table.write(put, history, *updates)
        except ConflictError as error:
            raise ConflictError(self._beaten(model, old, error)) from error

    def _beaten(self, model: str, old: Route, error: ConflictError) -> str:
        """Say which write of a route came before ours; the table's own words when none did."""
        now = self.route(model)
        item = self._table.get(partition(model), ledger_items.moved_key(now.revision))
        if now.revision == old.revision or item is None:
            return str(error)
        return f"the route of {model} was read at revision {old.revision}; first came {ledger_items.moved(item).words}"

    def restore(self, model: str) -> Restore | None:
        """Read the last time that a version had to be deployed again; None when none ever had."""
        item = self._table.get(partition(model), "RESTORE")
        return None if item is None else ledger_items.restore(item)

    def begin_restore(self, version: Version, restore: Restore, before: Restore | None) -> Restore:
        """Write down that a version is deployed again, and make it deployable, both or neither.

        Raises
        ------
        ConflictError
            Another one is being deployed again, or the version changed meanwhile.
        """
        begun = replace(restore, started_at=self._now())
        # A version that the route names has lost nothing but its endpoint.
        named = version.state in (VersionState.LIVE, VersionState.PREVIOUS)
        state = version.state if named else VersionState.REGISTERED
        expected = None if before is None else {"started_at": before.started_at, "state": before.state}
        pk = partition(version.model)
        self._table.write(
            Put(pk=pk, sk="RESTORE", item=asdict(begun), expected=expected),
            Update(
                pk=pk,
                sk=version_key(version.version),
                changes={"state": state, "reason": ""},
                expected={"state": version.state},
            ),
        )
        return begun

    def end_restore(self, model: str, restore: Restore, state: RestoreState, reason: str = "") -> None:
        """Write down how it ended; one that has ended stays as it is."""
        changes = {"state": state, "reason": reason, "ended_at": self._now()}
        expected = {"started_at": restore.started_at, "state": RestoreState.RESTORING}
        try:
            self._table.write(Update(pk=partition(model), sk="RESTORE", changes=changes, expected=expected))
        except ConflictError:
            return

    def now(self) -> datetime:
        """Give the time that is written down, aware."""
        return self._clock()

    def _now(self) -> str:
        return self._clock().isoformat(timespec="milliseconds")
