"""A Glue job on the laptop goes the way it goes on AWS."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from local.glue import runtime
from tests.local.conftest import Running, until
from tests.spark.conftest import lacking

SCRIPT = """
import json, os, pathlib, sys, time
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
def place(uri): return pathlib.Path(os.environ["RELEARN_S3_DIR"], uri.removeprefix("s3://"))
class WrongError(Exception): pass
print("a script that speaks")
time.sleep(float(given.get("--sleep", "0")))
if "--fail" in given: raise WrongError(given["--fail"])
listed = json.loads(place(given["--list"]).read_text())
files = {name: place(listed[0]["prefix"] + name).read_text() for name in listed[1:]}
out = place(given["--output"]); out.mkdir(parents=True)
(out / "made.json").write_text(json.dumps({"files": files, "name": given["--JOB_NAME"], "keys": "AWS_ACCESS_KEY_ID" in os.environ}))
(out / ".made.json.crc").write_text("Hadoop's")
"""


def policy(*statements: tuple[list[str], str]) -> str:
    allowed = [{"Effect": "Allow", "Action": actions, "Resource": where} for actions, where in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})


def role(cloud: Running, name: str, service: str, document: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    iam = cloud.client("iam")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.put_role_policy(RoleName=name, PolicyName="Exactly", PolicyDocument=document)
    return str(made["Role"]["Arn"])


@pytest.fixture
def job(cloud: Running, name: str) -> str:
    """A job with a list of two objects to read, whose role may read all of the bucket and write below out/."""
    if reason := lacking():
        pytest.skip(reason)
    name = name.replace("[", "-").strip("]")
    s3, bucket = cloud.client("s3"), cloud.outputs["Bucket"]
    listed = [{"prefix": f"s3://{bucket}/{name}/"}, "a.txt", "deep/b.txt"]
    s3.put_object(Bucket=bucket, Key=f"{name}/script.py", Body=textwrap.dedent(SCRIPT).encode())
    s3.put_object(Bucket=bucket, Key=f"{name}/list.manifest", Body=json.dumps(listed).encode())
    for key in ("a.txt", "deep/b.txt"):
        s3.put_object(Bucket=bucket, Key=f"{name}/{key}", Body=key.encode())
    arn = f"arn:aws:s3:::{bucket}"
    may = policy(
        (["s3:GetObject"], f"{arn}/*"),
        (["s3:ListBucket"], arn),
        (["s3:PutObject"], f"{arn}/{name}/out/*"),
        (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*"),
    )
    cloud.client("glue").create_job(
        Name=name,
        Role=role(cloud, f"{name}-job", "glue.amazonaws.com", may),
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/{name}/script.py"},
        DefaultArguments={"--list": f"s3://{bucket}/{name}/list.manifest"},
        GlueVersion="5.1",
    )
    return name


def start(cloud: Running, job: str, output: str = "out/", **arguments: str) -> str:
    given = {f"--{key}": value for key, value in arguments.items()}
    given["--output"] = f"s3://{cloud.outputs['Bucket']}/{job}/{output}"
    run_id: str = cloud.client("glue").start_job_run(JobName=job, Arguments=given)["JobRunId"]
    return run_id


def look(cloud: Running, job: str, run: str) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("glue").get_job_run(JobName=job, RunId=run)["JobRun"]
    return found


def ended(cloud: Running, job: str, run: str) -> dict[str, Any]:
    until(lambda: look(cloud, job, run)["JobRunState"] not in _GOING, seconds=30)
    return look(cloud, job, run)


_GOING = ("STARTING", "RUNNING", "STOPPING")


@pytest.mark.long
def test_a_run_reads_what_its_arguments_name_and_leaves_what_it_wrote(cloud: Running, job: str) -> None:
    run = ended(cloud, job, start(cloud, job))
    assert run["JobRunState"] == "SUCCEEDED", run
    s3, bucket = cloud.client("s3"), cloud.outputs["Bucket"]
    made = json.load(s3.get_object(Bucket=bucket, Key=f"{job}/out/made.json")["Body"])
    assert made == {"files": {"a.txt": "a.txt", "deep/b.txt": "deep/b.txt"}, "name": job, "keys": False}
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{job}/out/")["Contents"]
    assert [item["Key"] for item in listed] == [f"{job}/out/made.json"]


@pytest.mark.long
def test_a_run_passes_through_its_states_and_can_be_stopped(cloud: Running, job: str) -> None:
    run = start(cloud, job, sleep="60")
    until(lambda: look(cloud, job, run)["JobRunState"] == "RUNNING")
    glue = cloud.client("glue")
    answer = glue.batch_stop_job_run(JobName=job, JobRunIds=[run])
    assert [one["JobRunId"] for one in answer["SuccessfulSubmissions"]] == [run]
    assert ended(cloud, job, run)["JobRunState"] == "STOPPED"
    assert glue.batch_stop_job_run(JobName=job, JobRunIds=[run])["Errors"]


@pytest.mark.long
def test_a_failed_run_says_the_scripts_error(cloud: Running, job: str) -> None:
    run = ended(cloud, job, start(cloud, job, fail="too few rows"))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "WrongError: too few rows")


@pytest.mark.long
def test_a_run_writes_only_where_its_role_may(cloud: Running, job: str) -> None:
    run = ended(cloud, job, start(cloud, job, output="elsewhere/"))
    assert run["JobRunState"] == "FAILED"
    assert "AccessDenied" in run["ErrorMessage"]


@pytest.mark.long
def test_a_run_reads_only_what_its_role_may(cloud: Running, job: str) -> None:
    cloud.client("iam").put_role_policy(
        RoleName=f"{job}-job", PolicyName="Exactly", PolicyDocument=policy((["s3:PutObject"], "*"))
    )
    run = ended(cloud, job, start(cloud, job))
    assert run["JobRunState"] == "FAILED"
    assert "403" in run["ErrorMessage"]


@pytest.mark.long
def test_a_run_reads_tables_only_where_its_role_may_list(cloud: Running, job: str) -> None:
    """Glue 5.1 reads S3 with S3A, whose listStatus lists a path before it asks for the object of that name."""
    cloud.client("iam").put_role_policy(
        RoleName=f"{job}-job",
        PolicyName="Exactly",
        PolicyDocument=policy((["s3:GetObject", "s3:PutObject"], "*")),
    )
    run = ended(cloud, job, start(cloud, job))
    assert (run["JobRunState"], "ListObjectsV2" in run["ErrorMessage"]) == ("FAILED", True)


@pytest.mark.long
def test_what_a_script_says_is_in_the_log(cloud: Running, job: str) -> None:
    run = ended(cloud, job, start(cloud, job))
    events = cloud.client("logs").get_log_events(
        logGroupName="/aws-glue/jobs/output", logStreamName=run["Id"]
    )["events"]
    assert "a script that speaks" in [event["message"] for event in events]


def execute(cloud: Running, job: str, *actions: str, **arguments: str) -> dict[str, Any]:
    """Run the job from a state machine whose role may do these actions; how the execution ended."""
    bucket = cloud.outputs["Bucket"]
    given = {
        "--output": f"s3://{bucket}/{job}/out/",
        **{f"--{key}": value for key, value in arguments.items()},
    }
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Parameters": {"JobName": job, "Arguments": given, "NumberOfWorkers": 3},
        "End": True,
    }
    may = policy((list(actions), f"arn:aws:glue:*:*:job/{job}"))
    states = cloud.client("stepfunctions")
    machine = states.create_state_machine(
        name=job,
        roleArn=role(cloud, f"{job}-machine", "states.amazonaws.com", may),
        definition=json.dumps({"StartAt": "Run", "States": {"Run": task}}),
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    until(lambda: described(states, execution)["status"] != "RUNNING", seconds=30)
    return described(states, execution)


def described(states: Any, execution: str) -> dict[str, Any]:
    found: dict[str, Any] = states.describe_execution(executionArn=execution)
    return found


ALL = ("glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun")


@pytest.mark.long
def test_step_functions_waits_for_the_run_and_gives_it(cloud: Running, job: str) -> None:
    execution = execute(cloud, job, *ALL)
    assert execution["status"] == "SUCCEEDED", execution
    run = json.loads(execution["output"])
    assert (run["JobRunState"], run["NumberOfWorkers"]) == ("SUCCEEDED", 3)


@pytest.mark.long
def test_a_failed_run_fails_the_task_with_the_run_as_its_cause(cloud: Running, job: str) -> None:
    execution = execute(cloud, job, *ALL, fail="too few rows")
    assert execution["error"] == "States.TaskFailed"
    cause = json.loads(execution["cause"])
    assert (cause["JobRunState"], cause["ErrorMessage"]) == ("FAILED", "WrongError: too few rows")


@pytest.mark.long
@pytest.mark.parametrize("lacks", ALL, ids=lambda action: action.partition(":")[2])
def test_no_action_is_spare(cloud: Running, job: str, lacks: str) -> None:
    execution = execute(cloud, job, *(action for action in ALL if action != lacks))
    assert execution["error"] == "Glue.AWSGlueException"
    assert lacks in execution["cause"]


def test_without_java_or_pyspark_the_reason_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert runtime.lacking() == (
        "Spark cannot run on this machine without PySpark (make spark) and Java 17 "
        "(apt-get install openjdk-17-jre-headless)"
    )
