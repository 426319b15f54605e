"""The ledger: the state of every upload, run, version and route, in one DynamoDB table.

Keys: ``pk = MODEL#<model>`` and ``sk`` one of ``ROUTE``, ``ROUTE#<revision>`` (its history, written in the
same transaction), ``RESTORE``, ``LOCK``, ``UPLOAD#<id>``, ``RUN#<id>``, ``LIST#<digest>`` (part of a run's
list that is too long for its item, `relearn.lifecycle.id_lists`), ``VERSION#<n>``. Attributes are the fields
of the dataclasses of `relearn`, and for uploads and runs ``times``: state to the time at which it was
reached, ISO 8601. A version's item also has ``approval``, and ``task`` with a ``token`` and the ``attempt``
that wrote it. The token is read here and passed to Step Functions; no value that a caller sees holds it.

Every read is strongly consistent and every change is conditional, so that of two writers exactly one wins.
Repeating a completed step is no error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from lambdas.aws.dynamo.table import Put, Records, Update
from relearn.errors import ConflictError, NotFoundError
from relearn.ledger import items
from relearn.ledger.attribute_values import Item
from relearn.lifecycle import id_lists, retries, runs, uploads
from relearn.lifecycle.approval import Approval, ApprovalState
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import ledger_keys
from relearn.traffic.route import Change, Route, RouteWrite
from relearn.traffic.route_changes import Restore, RestoreState

VersionSteps = Mapping[int, tuple[VersionState, VersionState]]
"""Version to its expected state and its next state."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Lock of a model: one run at a time may change it.

    Parameters
    ----------
    run_id
        Run that holds it.
    taken_at
        ISO 8601, UTC.
    """

    run_id: str
    taken_at: str


@dataclass(frozen=True, slots=True)
class Task:
    """Step of a run that waits for a decision.

    Parameters
    ----------
    token
        Task token of Step Functions; empty before the step began. It is never shown, not even in a traceback.
    attempt
        Attempt of the step; later attempts sort after earlier ones.
    """

    token: str = field(default="", repr=False)
    attempt: str = ""


class Ledger(Records):
    """Typed reads and conditional writes of the ledger."""

    def now(self) -> datetime:
        """Return the current time as the ledger records it, aware."""
        return self._clock()

    # uploads

    def upload(self, model: str, upload_id: str) -> Upload | None:
        """Return an upload; None when it is unknown."""
        item = self._table.get(ledger_keys.partition(model), ledger_keys.upload(upload_id))
        return None if item is None else items.upload(item)

    def uploads(self, model: str, *states: UploadState) -> list[Upload]:
        """Return the uploads of a model in any of the states; without states, all of them."""
        where = {"state": states} if states else None
        return [
            items.upload(item)
            for item in self._table.query(ledger_keys.partition(model), ledger_keys.UPLOADS, where)
        ]

    def receive(self, upload: Upload) -> Upload:
        """Record an upload unless it is known, and return its record."""
        upload = replace(upload, times={upload.state: upload.received_at})
        put = Put(
            pk=ledger_keys.partition(upload.model),
            sk=ledger_keys.upload(upload.upload_id),
            item=asdict(upload),
        )
        try:
            self._table.write(put)
        except ConflictError:
            return self.upload(upload.model, upload.upload_id) or upload
        return upload

    def move_upload(self, upload: Upload, state: UploadState, reason: str = "", **changes: Any) -> Upload:
        """Move an upload to a state, and return it. Idempotent.

        Raises
        ------
        IllegalTransitionError
            The state cannot follow the upload's state.
        ConflictError
            Another writer moved the upload to another state first.
        """
        uploads.check_transition(upload.state, state)
        now_at = self._now()
        moved = replace(upload, state=state, reason=reason, times={**upload.times, state: now_at}, **changes)
        new = {"state": state, "reason": reason, **changes, f"times.{state}": now_at}
        try:
            self._table.write(self._upload_update(upload, new))
        except ConflictError:
            now = self.upload(upload.model, upload.upload_id)
            if now is None or now.state != state:
                raise
            return now
        return moved

    def begin_check(self, upload: Upload, until: datetime) -> Upload:
        """Record that a check of a RECEIVED upload begins, with its deadline ``until``, and return the upload.

        An upload that is decided, or whose check another delivery began, is returned as it is.
        """
        begun = uploads.begin_check(upload, self._clock(), until)
        if begun is upload:
            return upload
        new = {name: getattr(begun, name) for name in ("checks", "silent", "checking_until")}
        try:
            self._table.write(self._upload_update(upload, new, unless={"checks": begun.checks}))
        except ConflictError:
            return self.upload(upload.model, upload.upload_id) or upload
        return begun

    def count_send(self, upload: Upload) -> bool:
        """Record that an undecided upload is sent to ingest again; return False when it has changed meanwhile."""
        new = {"sends": upload.sends + 1, "sent_at": self._now()}
        try:
            self._table.write(self._upload_update(upload, new, unless={"sends": upload.sends + 1}))
        except ConflictError:
            return False
        return True

    def put_off(self, upload: Upload, until: datetime, reason: str) -> bool:
        """Record that an undecided upload is sent again at ``until``; return False when it has changed meanwhile."""
        until_at = until.isoformat(timespec="milliseconds")
        update = self._upload_update(upload, {"sent_at": until_at, "reason": reason})
        try:
            self._table.write(replace(update, expected={**update.expected, "sent_at": upload.sent_at}))
        except ConflictError:
            return False
        return True

    def note_trouble(self, upload: Upload, reason: str) -> None:
        """Record why a check could not decide an upload; an upload that was decided meanwhile is left as it is."""
        try:
            self._table.write(self._upload_update(upload, {"reason": reason, "checking_until": ""}))
        except ConflictError:
            return

    def retry_upload(self, upload: Upload) -> Upload:
        """Move a failed upload back to the state where it begins again, and keep how it ended.

        Raises
        ------
        NothingToRetryError
            The upload has not failed.
        ConflictError
            The upload has changed since it was read.
        """
        changes = retries.begin_again(upload, self._now())
        ended = f"times.{upload.state}"
        expected = {"state": upload.state, ended: upload.times.get(upload.state, "")}
        pk, sk = ledger_keys.partition(upload.model), ledger_keys.upload(upload.upload_id)
        self._table.write(Update(pk=pk, sk=sk, changes=changes, expected=expected))
        return replace(upload, **changes)

    def count_failed_run(self, upload: Upload, run_id: str, reason: str) -> None:
        """Record that a run of a pending upload failed; counted once for each run."""
        state, why, attempts = uploads.after_failed_run(upload, reason)
        new = {"state": state, "reason": why, "attempts": attempts, "failed_run": run_id}
        if state != upload.state:
            uploads.check_transition(upload.state, state)
            new[f"times.{state}"] = self._now()
        try:
            self._table.write(self._upload_update(upload, new, unless={"failed_run": run_id}))
        except ConflictError:
            return  # counted already, or no longer pending

    def leave_undecided(self, upload: Upload, run_id: str, reason: str) -> None:
        """Record that a run came to no decision about an ACCEPTED upload; one that was moved is left as it is."""
        try:
            self._table.write(self._upload_update(upload, {"run_id": run_id, "reason": reason}))
        except ConflictError:
            return

    # runs

    def run(self, model: str, run_id: str) -> Run:
        """Return a run.

        Raises
        ------
        NotFoundError
            The model has no such run.
        """
        item = self._table.get(ledger_keys.partition(model), ledger_keys.run(run_id))
        if item is None:
            raise NotFoundError(f"model {model} has no run {run_id}")
        return items.run(item, self._parts(model))

    def latest_run(self, model: str) -> Run | None:
        """Return the newest run; None when there is none."""
        return next(iter(self.runs(model, newest=1)), None)

    def runs(self, model: str, *, newest: int, before: str = "") -> list[Run]:
        """Return the newest runs of a model, newest first.

        Parameters
        ----------
        model
            Name of the model.
        newest
            Largest number of runs, at least 1.
        before
            Only runs whose id sorts before this one; empty: all.
        """
        last = ledger_keys.run(before) if before else ""
        found = self._table.query(ledger_keys.partition(model), ledger_keys.RUNS, newest=newest, before=last)
        part = self._parts(model)
        return [items.run(item, part) for item in found]

    def create_run(self, run: Run) -> Run:
        """Record a run unless it is known, and return its record."""
        run = replace(run, times={run.state: run.started_at})
        item, parts = _in_parts(asdict(run))
        for key, part in parts:
            with suppress(ConflictError):  # exists already: a part is named by its content
                self._table.write(
                    Put(pk=ledger_keys.partition(run.model), sk=key, item=part, whole=tuple(part))
                )
        try:
            self._table.write(
                Put(pk=ledger_keys.partition(run.model), sk=ledger_keys.run(run.run_id), item=item)
            )
        except ConflictError:
            return self.run(run.model, run.run_id)
        return run

    def move_run(self, run: Run, state: RunState, reason: str = "", **changes: Any) -> Run:
        """Move a run to a state, and return it; a final state also sets its end. Idempotent.

        Raises
        ------
        IllegalTransitionError
            The state cannot follow the run's state.
        ConflictError
            Another writer moved the run to another state first.
        """
        held, parts = _in_parts(changes)
        moved, update = self._run_update(run, state, reason, changes, held)
        for key, part in parts:
            with suppress(ConflictError):
                self._table.write(Update(pk=update.pk, sk=key, changes=part, makes=True, whole=tuple(part)))
        try:
            self._table.write(update)
        except ConflictError:
            now = self.run(run.model, run.run_id)
            if now.state != state:
                raise
            return now
        return moved

    def _parts(self, model: str) -> Callable[[str], Sequence[str]]:
        """Return a function that reads parts of long lists, each once."""

        @cache
        def part(key: str) -> Sequence[str]:
            item = self._table.get(ledger_keys.partition(model), key)
            if item is None:
                raise NotFoundError(f"a list of a run of {model} lacks its part {key}")
            return id_lists.ids_of(item)

        return part

    # versions

    def version(self, model: str, number: int) -> Version | None:
        """Return a version; None when it is unknown."""
        item = self._table.get(ledger_keys.partition(model), ledger_keys.version(number))
        return None if item is None else items.version(item)

    def versions(self, model: str) -> list[Version]:
        """Return all versions of a model, ascending."""
        found = [
            items.version(item)
            for item in self._table.query(ledger_keys.partition(model), ledger_keys.VERSIONS)
        ]
        return sorted(found, key=lambda version: version.version)

    def register(self, run: Run, version: Version) -> None:
        """Record a new version, and its run's next state, in one transaction.

        Raises
        ------
        IllegalTransitionError
            The run is not in a state that registers a version.
        ConflictError
            The version is recorded already, or the run has changed since it was read.
        """
        changes = {"version": version.version}
        state = RunState.DEPLOYING if version.approval is None else RunState.AWAITING_APPROVAL
        _, update = self._run_update(run, state, run.reason, changes)
        put = Put(
            pk=ledger_keys.partition(version.model),
            sk=ledger_keys.version(version.version),
            item=_item(version),
        )
        self._table.write(put, update)

    def change_version(self, version: Version, **changes: Any) -> Version:
        """Change fields of a version, and return it.

        Raises
        ------
        ConflictError
            The state of the version has changed since it was read.
        """
        pk, sk = ledger_keys.partition(version.model), ledger_keys.version(version.version)
        self._table.write(Update(pk=pk, sk=sk, changes=changes, expected={"state": version.state}))
        return replace(version, **changes)

    def forget_version(self, version: Version) -> None:
        """Delete the record of a version that is no longer in the Model Registry."""
        self._table.delete(
            ledger_keys.partition(version.model),
            ledger_keys.version(version.version),
            {"state": version.state},
        )

    # the lock

    def lock(self, model: str) -> Lock | None:
        """Return the lock of a model; None when it is free."""
        item = self._table.get(ledger_keys.partition(model), ledger_keys.LOCK)
        return None if item is None else Lock(**items.known(Lock, item))

    def take_lock(self, model: str, run_id: str) -> Lock:
        """Take the model's lock for a run if it is free; return the lock, which may be another run's."""
        lock = Lock(run_id, self._now())
        while True:
            try:
                self._table.write(
                    Put(pk=ledger_keys.partition(model), sk=ledger_keys.LOCK, item=asdict(lock))
                )
            except ConflictError:
                if (holder := self.lock(model)) is not None:
                    return holder
            else:
                return lock

    def replace_lock(self, model: str, holder: Lock | None, run_id: str) -> None:
        """Take the model's lock from its holder.

        Raises
        ------
        ConflictError
            ``holder`` no longer holds it.
        """
        lock = Lock(run_id, self._now())
        expected = None if holder is None else {"run_id": holder.run_id}
        self._table.write(
            Put(pk=ledger_keys.partition(model), sk=ledger_keys.LOCK, item=asdict(lock), expected=expected)
        )

    def release_lock(self, model: str, run_id: str) -> None:
        """Free the model's lock if this run holds it."""
        self._table.delete(ledger_keys.partition(model), ledger_keys.LOCK, {"run_id": run_id})

    # approvals

    def decide(self, version: Version, approval: Approval) -> Version:
        """Record a decision on a version; a rejected version becomes FAILED in the same write.

        Raises
        ------
        ConflictError
            Another writer decided first, or the version no longer waits.
        """
        changes: dict[str, Any] = {}
        if approval.verdict == "reject":
            changes = {"state": VersionState.FAILED, "reason": approval.words}
        expected = {"state": VersionState.REGISTERED, "approval.state": ApprovalState.WAITING}
        new = {"approval": asdict(approval), **changes}
        self._table.write(_version_update(version, new, expected))
        return replace(version, approval=approval, **changes)

    def task(self, version: Version) -> Task:
        """Return the step that waits for the decision on a version; an empty one when none waits."""
        item = (
            self._table.get(ledger_keys.partition(version.model), ledger_keys.version(version.version)) or {}
        )
        return Task(**item.get("task", {}))

    def keep_task(self, version: Version, task: Task) -> bool:
        """Record the step that waits, unless a later attempt has recorded one.

        Returns
        -------
        bool
            Whether it is the first attempt.

        Raises
        ------
        ConflictError
            Another attempt wrote at the same time; call again.
        """
        before = self.task(version)
        if task.attempt >= before.attempt:
            expected = {"task.attempt": before.attempt}
            self._table.write(_version_update(version, {"task": asdict(task)}, expected))
        return not before.attempt

    # routes

    def route(self, model: str) -> Route:
        """Return the route of a model; an empty one when it has never served."""
        item = self._table.get(ledger_keys.partition(model), ledger_keys.ROUTE)
        return items.route(item)

    def route_history(self, model: str, *, newest: int) -> list[RouteWrite]:
        """Return at most ``newest`` writes of a route, newest first."""
        return [
            items.moved(item)
            for item in self._table.query(
                ledger_keys.partition(model), ledger_keys.ROUTE_WRITES, newest=newest
            )
        ]

    def write_route(
        self,
        model: str,
        old: Route,
        new: Route,
        steps: VersionSteps,
        change: Change,
        *,
        own_reference: bool = False,
    ) -> None:
        """Replace a route and move its versions to their next states, in one transaction.

        Parameters
        ----------
        model
            Name of the model.
        old, new
            The route as it was read, and the new one.
        steps
            Version to its expected and next state; one that becomes FAILED gets the change's reason.
        change
            Who changes it, and why; kept in the route's history.
        own_reference
            Whether the new champion, which must be in ``steps``, becomes its own reference
            (`relearn.lifecycle.references`).

        Raises
        ------
        ConflictError
            Another writer changed the route first, or a version is not in its expected state.
        """
        now = self._now()
        item = {**asdict(new), "changed_at": now}
        entry = {**asdict(new), "change": asdict(change), "at": now}
        expected = {"revision": old.revision} if old.revision else None
        updates = [
            Update(
                pk=ledger_keys.partition(model),
                sk=ledger_keys.version(number),
                changes={
                    "state": after,
                    "reason": change.why if after is VersionState.FAILED else "",
                    **({"reference_version": number} if own_reference and number == new.champion else {}),
                },
                expected={"state": before},
            )
            for number, (before, after) in steps.items()
        ]
        put = Put(pk=ledger_keys.partition(model), sk=ledger_keys.ROUTE, item=item, expected=expected)
        history = Put(pk=ledger_keys.partition(model), sk=ledger_keys.route_write(new.revision), item=entry)
        try:
            self._table.write(put, history, *updates)
        except ConflictError as error:
            raise ConflictError(self._beaten(model, old, error)) from error

    def _beaten(self, model: str, old: Route, error: ConflictError) -> str:
        """Return which write of a route came first; the table's own message when the route is unchanged."""
        now = self.route(model)
        item = self._table.get(ledger_keys.partition(model), ledger_keys.route_write(now.revision))
        if now.revision == old.revision or item is None:
            return str(error)
        return (
            f"the route of {model} was read at revision {old.revision}; first came {items.moved(item).words}"
        )

    def restore(self, model: str) -> Restore | None:
        """Return the last redeployment of a version; None when there was none."""
        item = self._table.get(ledger_keys.partition(model), ledger_keys.RESTORE)
        return None if item is None else items.restore(item)

    def begin_restore(self, version: Version, restore: Restore, before: Restore | None) -> Restore:
        """Record that a version is being deployed again, and make it deployable, in one transaction.

        Raises
        ------
        ConflictError
            Another redeployment began first, or the version has changed since it was read.
        """
        begun = replace(restore, started_at=self._now())
        # A version that the route names keeps its state: only its endpoint is gone.
        named = version.state in (VersionState.LIVE, VersionState.PREVIOUS)
        state = version.state if named else VersionState.REGISTERED
        expected = None if before is None else {"started_at": before.started_at, "state": before.state}
        pk = ledger_keys.partition(version.model)
        self._table.write(
            Put(pk=pk, sk=ledger_keys.RESTORE, item=asdict(begun), expected=expected),
            Update(
                pk=pk,
                sk=ledger_keys.version(version.version),
                changes={"state": state, "reason": ""},
                expected={"state": version.state},
            ),
        )
        return begun

    def end_restore(self, model: str, restore: Restore, state: RestoreState, reason: str = "") -> None:
        """Record the end of a redeployment; one that has ended is left as it is."""
        changes = {"state": state, "reason": reason, "ended_at": self._now()}
        expected = {"started_at": restore.started_at, "state": RestoreState.RESTORING}
        try:
            self._table.write(
                Update(
                    pk=ledger_keys.partition(model),
                    sk=ledger_keys.RESTORE,
                    changes=changes,
                    expected=expected,
                )
            )
        except ConflictError:
            return

    def _upload_update(self, upload: Upload, new: Item, unless: Item | None = None) -> Update:
        pk, sk = ledger_keys.partition(upload.model), ledger_keys.upload(upload.upload_id)
        return Update(pk=pk, sk=sk, changes=new, expected={"state": upload.state}, unless=unless or {})

    def _run_update(
        self, run: Run, state: RunState, reason: str, changes: Item, held: Item | None = None
    ) -> tuple[Run, Update]:
        """Return the run after a change, and its write.

        Parameters
        ----------
        run, state, reason, changes
            The run, and what becomes of it.
        held
            Attributes written in place of those of the same name in ``changes``: references to parts of long
            lists.
        """
        runs.check_transition(run.state, state)
        now = self._now()
        if state in runs.FINAL and not run.ended_at:
            changes = {**changes, "ended_at": now}
        new = {"state": state, "reason": reason, **changes}
        moved = replace(run, **new)
        if state != run.state:
            new[f"times.{state}"] = now
            moved = replace(moved, times={**run.times, state: now})
        pk, sk = ledger_keys.partition(run.model), ledger_keys.run(run.run_id)
        return moved, Update(pk=pk, sk=sk, changes={**new, **(held or {})}, expected={"state": run.state})


def _in_parts(item: Item) -> tuple[Item, list[tuple[str, Item]]]:
    """Return the attributes of a run's item, and the items of its long lists' parts."""
    long = {name: item[name] for name in items.RUN_LISTS if name in item}
    held = {name: id_lists.named(ids) for name, ids in long.items()}
    return {**item, **held}, [part for ids in long.values() for part in id_lists.parts(ids)]


def _item(version: Version) -> Item:
    """Return the item of a new version; with ``approval`` and ``task`` only if it needs an approval."""
    item = asdict(version)
    if version.approval is None:
        del item["approval"]
        return item
    return {**item, "task": asdict(Task())}


def _version_update(version: Version, changes: dict[str, Any], expected: dict[str, Any]) -> Update:
    pk, sk = ledger_keys.partition(version.model), ledger_keys.version(version.version)
    return Update(pk=pk, sk=sk, changes=changes, expected=expected)
