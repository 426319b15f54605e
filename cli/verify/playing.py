"""Carries out steps one after the other until one fails, and says of each what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cli.verify.costs import usd
from cli.verify.remedies import Problem, problem_of
from cli.verify.story import Step

Status = Literal["passed", "failed", "interrupted", "not run"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of a step.

    Parameters
    ----------
    name, does, expects
        Of the step, see `cli.verify.story.Step`.
    status
        How it ended.
    answer
        What AWS and the stage answered.
    seconds, usd
        How long it took, and an estimate of its cost on AWS in US dollars.
    problem
        Why it failed; None when it did not.
    """

    name: str
    does: str
    expects: str
    status: Status
    answer: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    usd: float = 0.0
    problem: Problem | None = None


INTERRUPTED = Problem(code="Interrupted", message="a person or a signal ended it", remedy="run it again")


def play(
    steps: Sequence[Step],
    show: Callable[[Outcome], None],
    *,
    stage: str,
    model: str,
    clock: Callable[[], float] = time.monotonic,
) -> list[Outcome]:
    """Carry out steps until one fails or is interrupted; the others are not run.

    No error is raised, so that the stage can be cleaned whatever comes.

    Parameters
    ----------
    steps
        The steps, in order.
    show
        Receives every outcome as it comes.
    stage, model
        Stage and sandbox model, for remedies.
    clock
        Monotonic clock in seconds.

    Returns
    -------
    list of Outcome
        One for each step, in order.
    """
    found: list[Outcome] = []
    for step in steps:
        if found and found[-1].status != "passed":
            outcome = _of(step, "not run")
        else:
            outcome = _played(step, stage=stage, model=model, clock=clock)
        found.append(outcome)
        show(outcome)
    return found


def _played(step: Step, *, stage: str, model: str, clock: Callable[[], float]) -> Outcome:
    began = clock()
    try:
        answer = step.run()
    except KeyboardInterrupt:
        return _of(step, "interrupted", seconds=clock() - began, problem=INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - also after a mistake of ours the stage is cleaned
        problem = problem_of(error, stage=stage, model=model)
        return _of(step, "failed", seconds=clock() - began, problem=problem)
    return _of(step, "passed", answer=answer.facts, seconds=clock() - began, usd=usd(answer.charges))


def _of(step: Step, status: Status, **more: Any) -> Outcome:
    return Outcome(name=step.name, does=step.does, expects=step.expects, status=status, **more)
