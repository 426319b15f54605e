"""Job runs of AWS Glue: StartJobRun, BatchStopJobRun and the life cycle of a run."""

# ruff: noqa: SLF001 - the records are MiniStack's, on purpose

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import new_uuid
from ministack.services import glue

from local import faults, sessions
from local.glue import runtime
from local.glue.buckets import Buckets
from local.processes import Child
from local.sagemaker import logs
from local.sagemaker.channels import ChannelError
from local.sagemaker.state import Record

if TYPE_CHECKING:
    from pathlib import Path

    from local.sagemaker.context import Context

ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR")
GOING = ("STARTING", "RUNNING")
LOG_GROUP = "/aws-glue/jobs/output"
_ERROR = re.compile(r"(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Exit|Interrupt)\b.*)")
_POLL_SECONDS = 0.1


def begin(context: Context, job: Record, request: Record) -> Record:
    """Record a run, start it in the background and return its record; its arguments override the job's."""
    now = time.time()
    run = {
        "Id": f"jr_{new_uuid().replace('-', '')}",
        "Attempt": 0,
        "JobName": job["Name"],
        "StartedOn": now,
        "LastModifiedOn": now,
        "JobRunState": "STARTING",
        "Arguments": request.get("Arguments", {}),
        "PredecessorRuns": [],
        "ExecutionTime": 0,
        **{key: request.get(key, job[key]) for key in ("Timeout", "WorkerType", "NumberOfWorkers")},
        "LogGroupName": "/aws-glue/jobs",
        "GlueVersion": job["GlueVersion"],
    }
    glue._job_runs.setdefault(job["Name"], []).append(run)
    context.in_background(_carry_out, context, dict(job), run)
    return run


def stop(run: Record) -> bool:
    """Request that a run stops; return False when it has ended."""
    if run["JobRunState"] not in GOING:
        return False
    _move(run, "STOPPING")
    return True


def resume() -> None:
    """Fail the runs that were interrupted when the laptop cloud stopped."""
    for runs in list(glue._job_runs.values()):
        for run in runs:
            if run["JobRunState"] not in ENDED:
                _move(run, "FAILED", "the laptop cloud was stopped while the job ran")


def _carry_out(context: Context, job: Record, run: Record) -> None:
    home = context.folder("glue", run["Id"])
    try:
        state, reason = _run(context, job, run, home)
    except (ClientError, BotoCoreError, ChannelError) as error:
        state, reason = "FAILED", str(error)
    except Exception as error:  # noqa: BLE001 - the run's record is the only place to say it
        state, reason = "FAILED", f"InternalServiceException: {faults.told(error)}"
    finally:
        shutil.rmtree(home, ignore_errors=True)
    _move(run, state, reason)


def _run(context: Context, job: Record, run: Record, home: Path) -> tuple[str, str]:
    context.pause()
    if reason := runtime.lacking():
        return "FAILED", reason
    keys = sessions.assume(job["Role"], "GlueJobRunnerSession")
    buckets = Buckets(sessions.connect("s3", keys), home / "s3")
    script = buckets.object(job["Command"]["ScriptLocation"])
    given = {**job["DefaultArguments"], "--JOB_NAME": job["Name"], **run["Arguments"]}
    buckets.fetch(value for value in given.values() if value.startswith("s3://"))
    if run["JobRunState"] == "STARTING":
        _move(run, "RUNNING")
    stream = logs.LogStream(sessions.connect("logs", keys), LOG_GROUP, run["Id"], looks=False)
    lines: list[str] = []
    environment = runtime.variables(home=home, buckets=buckets.folder)
    with Child(runtime.command(script, given), env=environment, cwd=home) as child:
        reader = threading.Thread(target=_read, args=(child, lines, stream), daemon=True)
        reader.start()
        ended = _wait(context, run, child)
        reader.join(5)
    stream.close()
    if ended:
        return ended
    buckets.store()
    return ("SUCCEEDED", "") if child.wait() == 0 else ("FAILED", _reason(lines))


def _read(child: Child, lines: list[str], stream: logs.LogStream) -> None:
    for raw in child.output:
        lines.append(raw.decode(errors="replace").rstrip())
        stream.write(lines[-1])


def _wait(context: Context, run: Record, child: Child) -> tuple[str, str] | None:
    """Wait for the script.

    Return the run's final state when it timed out or was stopped, None when the script ended.
    """
    deadline = time.monotonic() + run["Timeout"] * 60
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_POLL_SECONDS)
            return None
        if time.monotonic() > deadline:
            return "TIMEOUT", ""
        if run["JobRunState"] == "STOPPING" or context.closing.is_set():
            return "STOPPED", ""


def _reason(lines: list[str]) -> str:
    """Return the error that ended a script as AWS Glue reports it: class without module, and message."""
    found = [match[1] for line in lines if (match := _ERROR.fullmatch(line))]
    return found[-1] if found else next(filter(None, reversed(lines)), "the script failed and said nothing")


def _move(run: Record, state: str, reason: str = "") -> None:
    now = time.time()
    run |= {"JobRunState": state, "LastModifiedOn": now}
    if reason:
        run["ErrorMessage"] = reason
    if state in ENDED:
        run |= {"CompletedOn": now, "ExecutionTime": round(now - run["StartedOn"])}
