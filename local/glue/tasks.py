"""The Step Functions integration of AWS Glue: starts a job run and waits for it (``.sync``)."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ministack.services import glue

from local.glue import runs
from local.sagemaker.tasks import TaskError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sagemaker.context import Context

    Over = Callable[[], TaskError | None]

_POLL_SECONDS = 0.1


def run_to_its_end(context: Context, data: dict[str, Any], over: Over) -> dict[str, Any]:
    """Start a run, wait for it and return it, with times in milliseconds since the epoch.

    Parameters
    ----------
    context : Context
        The laptop cloud's context.
    data : dict
        Parameters of the task, as for StartJobRun.
    over : callable
        Returns the error to raise when the execution was stopped or the task timed out, else None.

    Raises
    ------
    TaskError
        ``Glue.EntityNotFoundException`` when the job does not exist, ``States.TaskFailed`` when the run
        failed, or the error of `over`.
    """
    job = glue._jobs.get(data["JobName"])
    if job is None:
        raise TaskError(
            "Glue.EntityNotFoundException",
            f"Failed to start job run due to missing metadata: {data['JobName']}",
        )
    run = runs.begin(context, job, data)
    while run["JobRunState"] not in runs.ENDED:
        if error := over():
            runs.stop(run)
            raise error
        time.sleep(_POLL_SECONDS)
    answer = {key: _milliseconds(value) if key.endswith("On") else value for key, value in run.items()}
    if run["JobRunState"] != "SUCCEEDED":
        raise TaskError("States.TaskFailed", json.dumps(answer))
    return answer


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
