"""AWS Glue job runs execute their script."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import glue
from ministack.services.cloudformation import provisioners

from local.glue import runs

if TYPE_CHECKING:
    from local.sagemaker.context import Context

_PROPERTY, _ALONE = "ExecutionProperty", {"MaxConcurrentRuns": 1}
"""Property of a job that says how many of its runs there may be at once, and its default."""


def run_jobs(context: Context) -> None:
    """Run a job's script under PySpark, with the permissions of its role.

    MiniStack runs a Spark script in a container of AWS's image where Docker is available, and elsewhere
    reports success at once. Its runs ignore the role, and stopping one has no effect.
    """

    def start(data: dict[str, Any]) -> Any:
        job = glue._jobs.get(data.get("JobName"))
        if job is None:
            return error_response_json("EntityNotFoundException", f"Job {data.get('JobName')} not found", 400)
        return json_response({"JobRunId": runs.begin(context, job, data)["Id"]})

    def stop(data: dict[str, Any]) -> Any:
        name = data["JobName"]
        known = {run["Id"]: run for run in glue._job_runs.get(name, [])}
        asked = {run_id: run_id in known and runs.stop(known[run_id]) for run_id in data["JobRunIds"]}
        return json_response(
            {
                "SuccessfulSubmissions": [
                    {"JobName": name, "JobRunId": run_id} for run_id, stopped in asked.items() if stopped
                ],
                "Errors": [_refused(name, run_id, known) for run_id, stopped in asked.items() if not stopped],
            }
        )

    glue._start_job_run, glue._batch_stop_job_run = start, stop


def limit_runs_at_once() -> None:
    """Refuse a run of a job that has as many under way as it may have.

    MiniStack forgets the job's ``ExecutionProperty`` and starts any number. AWS Glue takes one where none is given, and
    refuses more (AWS Glue API, "Jobs": ExecutionProperty; "Job runs": ConcurrentRunsExceededException).
    """
    start, create, update = glue._start_job_run, glue._create_job, glue._update_job
    provisioners._GLUE_JOB_DEFAULTS[_PROPERTY] = _ALONE

    def created(data: dict[str, Any]) -> Any:
        answer = create(data)
        if answer[0] == HTTPStatus.OK:
            glue._jobs[data["Name"]][_PROPERTY] = data.get(_PROPERTY, _ALONE)
        return answer

    def updated(data: dict[str, Any]) -> Any:
        answer = update(data)
        if answer[0] == HTTPStatus.OK:
            glue._jobs[data["JobName"]][_PROPERTY] = data["JobUpdate"].get(_PROPERTY, _ALONE)
        return answer

    def started(data: dict[str, Any]) -> Any:
        name = data.get("JobName", "")
        most = int(glue._jobs.get(name, {}).get(_PROPERTY, _ALONE)["MaxConcurrentRuns"])
        going = [run for run in glue._job_runs.get(name, []) if run["JobRunState"] not in runs.ENDED]
        if len(going) < most:
            return start(data)
        return error_response_json(
            "ConcurrentRunsExceededException", f"Concurrent runs exceeded for {name}", 400
        )

    glue._start_job_run, glue._create_job, glue._update_job = started, created, updated


def _refused(name: str, run_id: str, known: dict[str, Any]) -> dict[str, Any]:
    code = "JobRunNotInTerminalStateException" if run_id in known else "JobRunNotFoundException"
    detail = {"ErrorCode": code, "ErrorMessage": f"run {run_id} of {name} is not under way"}
    return {"JobName": name, "JobRunId": run_id, "ErrorDetail": detail}
