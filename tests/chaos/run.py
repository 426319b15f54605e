"""One run: faults strike a stage for a while, then it must come to rest with all invariants intact."""

from __future__ import annotations

from contextlib import ExitStack

from tests.chaos.acts import Acts
from tests.chaos.invariants import violations
from tests.chaos.invariants.evidence import Evidence
from tests.chaos.stage import stage

REST_SECONDS = 3600
"""Time in which everything must come to rest, but for messages that fail until they are dead letters."""
SPARE_SECONDS = 60
"""Time between the send of a message and its first delivery, at most, when nothing else waits."""
TROUBLED_SECONDS = 600
"""Time in which the last faults may still strike."""


class ViolationError(AssertionError):
    """At least one invariant does not hold."""

    def __init__(self, found: list[tuple[str, str]], story: list[str]) -> None:
        self.found = found
        lines = [f"{name}: {what}" for name, what in found]
        super().__init__("\n".join([*lines, "", "what happened:", *story]))


class Run:
    """A stage and the actions on it; `end` checks it."""

    def __init__(self, seed: int = 0) -> None:
        self._leaving = ExitStack()
        self.acts = Acts(self._leaving.enter_context(stage(seed)))

    def end(self) -> None:
        """Let faults stop and time pass, then check every invariant.

        Raises
        ------
        ViolationError
            When one does not hold; the message has the violations and the run's history.
        """
        made = self.acts.stage
        made.agenda.pass_seconds(TROUBLED_SECONDS)
        made.faults.stop()
        made.agenda.pass_seconds(REST_SECONDS)
        if made.queues.waiting():
            made.agenda.pass_seconds(made.queues.longest_seconds() + SPARE_SECONDS - REST_SECONDS)
        found = list(violations(Evidence(self.acts)))
        if found:
            raise ViolationError(found, made.history.story)

    def close(self) -> None:
        self._leaving.close()
