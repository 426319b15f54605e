"""Checks of uploads in simulated time; a slow file takes longer than the function has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from preparation import Outcome, job, lines, prepare
from preparation.deadline import Deadline
from relearn.spec.model import ModelSpec
from tests.chaos.calls import Calls, DiedError
from tests.support.agenda import Agenda

SLOW, CUT_OFF = "slow", "cut-off"
"""Prefixes of the names of slow files, and of those whose first check is cut off without an error."""
SEEN_BYTES = 32
"""Bytes between two looks at the deadline; small, so that a file of a few rows can be slow."""


class Checks:
    """Checks uploads as ingest does.

    Parameters
    ----------
    agenda, calls
        Let other actions happen during the check of a slow file.
    seconds
        Timeout of the function.

    Attributes
    ----------
    begun
        Number of checks that were begun, by the name of the slow file.
    """

    def __init__(self, agenda: Agenda, calls: Calls, seconds: float) -> None:
        self._agenda = agenda
        self._calls = calls
        self._function_seconds = seconds
        self.begun: Counter[str] = Counter()

    def prepare(
        self,
        spec: ModelSpec,
        source: Path,
        name: str,
        workdir: Path,
        *,
        seconds: float | None = None,
        **more: Any,
    ) -> Outcome:
        """Check a file.

        Raises
        ------
        DiedError
            When the check takes longer than the function's timeout.
        """
        if not name.startswith((SLOW, CUT_OFF)):
            return prepare(spec, source, name, workdir, seconds=seconds, **more)
        self.begun[name] += 1
        dies = seconds is None or (name.startswith(CUT_OFF) and self.begun[name] == 1)
        began, given = self._agenda.clock.now, self._function_seconds if dies or seconds is None else seconds
        with self._calls.nobody():
            self._agenda.pass_seconds(given)
        took = (self._agenda.clock.now - began).total_seconds()
        if dies or took >= self._function_seconds:
            raise DiedError(f"the check of {name} took longer than the function may")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lines, "LOOK_EVERY", SEEN_BYTES)
            patch.setattr(job, "Deadline", lambda allowed: Deadline(allowed, _clock(given)))
            return prepare(spec, source, name, workdir, seconds=seconds, **more)


def _clock(seconds: float) -> Callable[[], float]:
    """Return a clock that shows 0 at the start of a check, and `seconds` from then on."""
    times = chain([0.0], repeat(seconds))
    return lambda: next(times)
