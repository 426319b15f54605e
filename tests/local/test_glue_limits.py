"""A Glue job has no more runs at once than it may have; no cloud is started, and no Spark."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from ministack.services import glue
from ministack.services.cloudformation import provisioners

from local.hooks.glue import limit_runs_at_once


@pytest.fixture(autouse=True)
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook over a start that lets each run go on for ever."""

    def start(data: dict[str, Any]) -> Any:
        run = {"Id": str(len(glue._job_runs[data["JobName"]])), "JobRunState": "RUNNING"}
        glue._job_runs[data["JobName"]].append(run)
        return 200, {}, json.dumps({"JobRunId": run["Id"]}).encode()

    for name in ("_create_job", "_update_job"):
        monkeypatch.setattr(glue, name, getattr(glue, name))
    monkeypatch.setattr(glue, "_start_job_run", start)
    monkeypatch.setattr(provisioners, "_GLUE_JOB_DEFAULTS", dict(provisioners._GLUE_JOB_DEFAULTS))
    limit_runs_at_once()


def asked(action: str, **request: Any) -> dict[str, Any]:
    headers = {"x-amz-target": f"AWSGlue.{action}", "content-type": "application/x-amz-json-1.1"}
    _, _, body = asyncio.run(glue.handle_request("POST", "/", headers, json.dumps(request).encode(), {}))
    found: dict[str, Any] = json.loads(body)
    return found


def refused(job: str) -> bool:
    """Whether a run of a job is refused."""
    return "ConcurrentRunsExceededException" in json.dumps(asked("StartJobRun", JobName=job))


def test_a_job_has_one_run_at_once_where_nothing_else_is_said() -> None:
    """AWS Glue API, ExecutionProperty: "The default is 1. An error is returned when this threshold is reached"."""
    asked("CreateJob", Name="one", Role="r", Command={"Name": "glueetl"})
    assert [refused("one"), refused("one")] == [False, True]
    glue._job_runs["one"][0]["JobRunState"] = "STOPPED"
    assert not refused("one")


def test_a_job_of_a_template_has_as_many_as_it_says() -> None:
    properties = {"Name": "two", "Role": "r", "Command": {"Name": "glueetl"}}
    more = {"ExecutionProperty": {"MaxConcurrentRuns": 2}}
    provisioners._glue_job_create("Two", {**properties, **more}, "stack")
    assert [refused("two"), refused("two"), refused("two")] == [False, False, True]
    asked("UpdateJob", JobName="two", JobUpdate={"ExecutionProperty": {"MaxConcurrentRuns": 3}})
    assert [refused("two"), refused("two")] == [False, True]
