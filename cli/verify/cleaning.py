"""Removal of everything that a verification left on a stage, also after a failure or an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cli.stage import removal
from cli.stage.holdings import Counts, FewHoldings
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from cli.verify.remedies import KNOWN_ERRORS, Problem, problem_of
from relearn.errors import RelearnError
from relearn.lifecycle import runs
from relearn.lifecycle.runs import Run

PASSES = 5
"""Maximum number of deletions of a model's data; a late event may store something after one."""
SETTLE_SECONDS = 3.0
"""Pause between a deletion and the look whether anything is there again."""
INTERRUPTED = Problem(
    code="Interrupted", message="the cleaning was interrupted", remedy="run the command that removes the rest"
)
"""Problem of a cleaning that a person or a signal ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaned:
    """What became of one sandbox model's traces.

    Parameters
    ----------
    model
        Name of the model.
    removed
        Number of removed things by place or kind.
    left
        Number of things that are still there, by place or kind; empty too when that cannot be read.
    problem
        Why something is left; None when nothing is.
    command
        Command that removes the rest; empty when nothing is left.
    """

    model: str
    removed: Counts = field(default_factory=dict)
    left: Counts = field(default_factory=dict)
    problem: Problem | None = None
    command: str = ""

    @property
    def totals(self) -> Counts:
        """Number of removed things by kind: objects and ledger items together, and what runs created."""
        found: Counts = {}
        for what, count in self.removed.items():
            kind = "items of the ledger" if what.startswith("ledger ") else "objects" if "/" in what else what
            found[kind] = found.get(kind, 0) + count
        return found

    @property
    def clean(self) -> bool:
        """Whether nothing is left."""
        return self.problem is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaner:
    """Removes what sandbox models hold on a stage.

    Parameters
    ----------
    target
        The stage.
    stop
        Stops a run that is under way.
    tell
        Receives in words what is waited for.
    patience_seconds
        Maximum wait for a run to end.
    clock, sleep
        Monotonic clock in seconds, and the pause between two readings.
    """

    target: Target
    stop: Callable[[Run], None]
    tell: Callable[[str], None]
    patience_seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def holds(self, model: str) -> Counts:
        """Return what the stage holds of a model, by place or kind; empty when it is clean."""
        return FewHoldings(self.target, model).count()

    def under_way(self, model: str) -> Run | None:
        """Return the run of a model that has not ended, if any."""
        newest = next(iter(Ledger(self.target).runs(model, 1)), None)
        return newest if newest is not None and newest.state not in runs.FINAL else None

    def clean(self, models: Iterable[str]) -> list[Cleaned]:
        """Remove everything of the models; what cannot be removed is reported and not raised.

        An interruption is reported too, for the model that it hits; those after it are not begun.
        """
        found: list[Cleaned] = []
        for model in models:
            if found and found[-1].problem is INTERRUPTED:
                found.append(self._not_clean(model, {}, INTERRUPTED))
            else:
                found.append(self._clean(model))
        return found

    def command(self, model: str) -> str:
        """Return the command that removes everything of a model."""
        of_aws = f"--stage {self.target.stage} --region {self.target.region}"
        where = of_aws if self.target.endpoint_url is None else "--local"
        return f"relearn {where} remove-model {model} --yes --delete-objects --confirm {model}"

    def _clean(self, model: str) -> Cleaned:
        removed: Counts = {}
        try:
            self._remove(model, removed)
        except Exception as error:  # noqa: BLE001 - the other model is cleaned whatever comes of this one
            problem = problem_of(error, stage=self.target.stage, model=model)
        except KeyboardInterrupt:
            problem = INTERRUPTED
        else:
            return Cleaned(model=model, removed=removed)
        return self._not_clean(model, removed, problem)

    def _not_clean(self, model: str, removed: Counts, problem: Problem) -> Cleaned:
        left: Counts = {}
        with suppress(*KNOWN_ERRORS, KeyboardInterrupt):
            left = self.holds(model)
        return Cleaned(model=model, removed=removed, left=left, problem=problem, command=self.command(model))

    def _remove(self, model: str, removed: Counts) -> None:
        self.tell(f"{model} to be removed")
        told = self._withdraw(model)
        removed |= {
            "versions": len(told["versions"]),
            "endpoints": len(told["endpoints"]),
            "packages": told["packages"],
        }
        held = FewHoldings(self.target, model)
        for _ in range(PASSES):
            found = held.count()
            if not found:
                return
            removed |= {what: max(removed.get(what, 0), count) for what, count in found.items()}
            held.delete(
                keep_lock=True
            )  # the lock goes last: without it a run could start on what is not gone yet
            held.delete(keep_lock=False)
            self.sleep(SETTLE_SECONDS if self.target.endpoint_url is None else self.target.poll_seconds)
        if left := held.count():
            raise RelearnError(
                f"{sum(left.values())} things of {model} are there again after {PASSES} deletions"
            )

    def _withdraw(self, model: str) -> dict[str, Any]:
        """Remove route, endpoints, versions and packages; stop a run that is under way first.

        Raises
        ------
        RelearnError
            When the run has not ended after the patience.
        """
        end, stopped = self.clock() + self.patience_seconds, set[str]()
        while True:
            told = removal.remove(self.target, model, only_tell=False)
            if not told.get("refused"):
                return told
            run = self.under_way(model)
            if run is not None and run.run_id not in stopped:
                stopped.add(run.run_id)
                with suppress(ClientError):  # then it is waited for
                    self.stop(run)
            self.tell(str(told["refused"]))
            if self.clock() > end:
                raise RelearnError(f"{model} was not removed: {told['refused']}")
            self.sleep(self.target.poll_seconds)
