"""Changes routes by hand: at once when the new champion has an endpoint, otherwise after it is deployed again.

A run under way is not stopped. The champion that its candidate was judged against no longer serves then, so
its promotion is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.executions import Executions
from lambdas.aws.notify import Notifier
from lambdas.runs.lifecycle import TEARDOWN, Runs
from relearn.errors import ConflictError, NotFoundError, RouteChangedError
from relearn.lifecycle.run_context import RunContext
from relearn.lifecycle.runs import Version, VersionState
from relearn.traffic import route_changes
from relearn.traffic.route import Change, Route
from relearn.traffic.route_changes import TOLD, Action, Restore, RestoreState, RouteChangeRequest

AGAIN_AFTER = timedelta(minutes=15)
"""Time after which a failed redeployment by the sweep is tried again."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteChanges:
    """Changes routes by hand.

    Parameters
    ----------
    ledger, notifier
        Adapters.
    executions
        Executions of the state machine that deploys versions again.
    runs
        Starts runs of uploads that waited.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    executions: Executions
    notifier: Notifier
    runs: Runs
    clock: Callable[[], datetime]

    def change(self, model: str, asked: RouteChangeRequest, who: str) -> tuple[Route, Restore | None]:
        """Change a route, or begin to deploy the version that it needs.

        A request that names the route's revision is idempotent.

        Returns
        -------
        Route, Restore or None
            The current route; and the record of the redeployment when the version must be deployed again
            first.

        Raises
        ------
        RouteChangedError
            The state of the route or version does not allow the change, or another writer was first.
        NotFoundError
            The ledger has no such version.
        """
        route = self.ledger.route(model)
        change = Change(TOLD[asked.action], who or "an unnamed caller", asked.why)
        if asked.revision is not None and (done := self._done_already(model, asked, change, route)):
            return done
        try:
            number = route_changes.target(asked, route)
            version = self._version(model, number) if number else None
            if version is not None and not version.endpoint:
                return route, self._restore(version, change)
            return self._write(model, asked, route, version, change), None
        except ConflictError as error:
            raise RouteChangedError(str(error)) from error

    def _done_already(
        self, model: str, asked: RouteChangeRequest, change: Change, route: Route
    ) -> tuple[Route, Restore | None] | None:
        """Return the result of the same request if it was carried out before; None if it is new."""
        restore = self.ledger.restore(model)
        if restore and restore.state is RestoreState.RESTORING and route.revision == asked.revision:
            same = Change(restore.what, restore.who, restore.why) == change
            return (route, restore) if same and asked.version in (0, restore.version) else None
        if asked.revision is None or route.revision != asked.revision + 1:
            return None
        newest = next(iter(self.ledger.route_history(model, newest=1)), None)
        same = newest is not None and newest.change == change
        return (route, None) if same and asked.version in (0, route.champion) else None

    def finish(self, model: str, number: int) -> Route:
        """Move the route to a version that was deployed again and smoke-tested.

        Raises
        ------
        ConflictError
            The version is not being deployed again, or another writer changed the route at the same time.
        NotFoundError
            The ledger has no such version.
        """
        restore = self._restoring(model, number)
        route = self.ledger.route(model)
        if route.champion != number and (asked := route_changes.finished(restore)) is not None:
            change = Change(restore.what, restore.who, restore.why)
            route = self._write(model, asked, route, self._version(model, number), change)
        self.ledger.end_restore(model, restore, RestoreState.DONE)
        return route

    def give_up(self, model: str, number: int, reason: str) -> None:
        """Record that a version could not be deployed again, and notify people; the champion keeps serving."""
        restore = self._restoring(model, number)
        version = self._version(model, number)
        if version.state is VersionState.REGISTERED:
            self.ledger.change_version(version, state=VersionState.RETIRED, reason=reason)
        self.ledger.end_restore(model, restore, RestoreState.FAILED, reason)
        self.notifier.tell("failed", model, f"version {number} could not be deployed again", reason)

    def bring_back(self, version: Version) -> None:
        """Deploy a version again whose endpoint is gone, unless a redeployment is under way or has just failed."""
        before = self.ledger.restore(version.model)
        if before is not None and (before.state is RestoreState.RESTORING or self._failed_lately(before)):
            return
        change = Change(route_changes.BROUGHT_BACK, "the sweep", "its endpoint was gone")
        headline = f"the endpoint of version {version.version} is gone"
        self.notifier.tell("failed", version.model, headline, "It is deployed again.")
        self._restore(version, change)

    def _failed_lately(self, restore: Restore) -> bool:
        if restore.state is not RestoreState.FAILED or restore.what != route_changes.BROUGHT_BACK:
            return False
        return self.clock() - datetime.fromisoformat(restore.ended_at) < AGAIN_AFTER

    def repair(self, model: str) -> None:
        """Continue a redeployment after a lost event or a dead execution: start it again, or mark it failed."""
        restore = self.ledger.restore(model)
        if restore is None or restore.state is not RestoreState.RESTORING:
            return
        reason = self.executions.ended(route_changes.execution_name(model, restore))
        if reason is None:
            self._start(self._version(model, restore.version), restore)
        elif reason:
            self.give_up(model, restore.version, reason)

    def _write(
        self, model: str, asked: RouteChangeRequest, route: Route, version: Version | None, change: Change
    ) -> Route:
        new = route_changes.moved(asked, route)
        if new is not route:
            steps, chosen = route_changes.steps(route, version), asked.action is Action.PROMOTE
            self.ledger.write_route(model, route, new, steps, change, own_reference=chosen)
            served = f"version {new.champion} serves" if new.champion else "nothing serves"
            headline = f"{change.what} by {change.who}: {served}, revision {new.revision}"
            self.notifier.tell("changed", model, headline, change.why)
            _log.info("%s, revision %d", change.what, new.revision, extra={"model": model})
        if asked.action is Action.UNFREEZE:
            self.runs.ensure_run(model)
        return new

    def _version(self, model: str, number: int) -> Version:
        version = self.ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"model {model} has no version {number}")
        route_changes.refuse_unfit(version)
        return version

    def _restore(self, version: Version, change: Change) -> Restore:
        before = self.ledger.restore(version.model)
        if before is not None and before.state is RestoreState.RESTORING:
            raise ConflictError(
                f"version {before.version} is being deployed again, for {before.who}; wait for it"
            )
        lock = self.ledger.lock(version.model)
        if lock is not None and lock.run_id == TEARDOWN:
            raise ConflictError("the stage is being deleted")
        restore = Restore(version=version.version, **asdict(change))
        begun = self.ledger.begin_restore(version, restore, before)
        self._start(version, begun)
        return begun

    def _start(self, version: Version, restore: Restore) -> None:
        payload: RunContext = {
            "model": version.model,
            "run_id": version.run_id,
            "registration": {"version": version.version},
        }
        self.executions.start(route_changes.execution_name(version.model, restore), payload)

    def _restoring(self, model: str, number: int) -> Restore:
        restore = self.ledger.restore(model)
        if restore is None or restore.version != number or restore.state is not RestoreState.RESTORING:
            raise ConflictError(f"version {number} of {model} is not being deployed again")
        return restore
