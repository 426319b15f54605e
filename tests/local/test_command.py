"""``python -m local``: starts, says where, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local import processes
from tests.local import actions, toy
from tests.local.conftest import ROOT, Running, start, stop, until
from tests.local.sockets import descendants
from tests.local.test_endpoints import create, invoke, settled

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@linux
@pytest.mark.long
def test_what_is_kept_comes_back_after_an_interrupt_and_after_a_kill_and_nothing_outlives_either(
    assembly: Path, short: Path
) -> None:
    keep = ("--keep", str(short / "kept"))
    cloud = start(assembly, short, *keep)
    serve(cloud)
    below = busy(cloud, "toy-busy")
    assert stop(cloud) == 0
    until(lambda: not alive(below), seconds=60)
    assert not (short / "info.json").exists()
    again = start(assembly, short, *keep)
    try:
        assert (again.outputs, again.info["endpoint_url"]) == (cloud.outputs, cloud.info["endpoint_url"])
        until(lambda: settled(again, "toy-kept")["EndpointStatus"] == "InService")
        assert invoke(again, "toy-kept")["answer"] == "7"
        (interrupted,) = again.client("sagemaker").list_training_jobs(NameContains="busy")[
            "TrainingJobSummaries"
        ]
        assert interrupted["TrainingJobStatus"] in ("Failed", "Stopped")
        refused = run("--app", str(assembly), "--info", str(short / "second.json"), *keep)
        assert refused.returncode == 1
        assert f"in use by another laptop cloud, process {again.pid}: stop that one" in refused.stdout
        answered = write_something(again)
        below = busy(again, "toy-busier")
    finally:
        os.kill(again.pid, signal.SIGKILL)
        again.process.wait(120)
    until(lambda: not alive(below), seconds=60)
    (scratch,) = short.glob("relearn-local-*")
    (short / "info.json").unlink()  # a killed cloud leaves it; `start` waits for the new one's
    last = start(assembly, short, *keep)
    try:
        assert last.outputs == cloud.outputs
        assert not scratch.exists()
        assert answered <= stored(last)
        until(lambda: settled(last, "toy-kept")["EndpointStatus"] == "InService")
        assert invoke(last, "toy-kept")["answer"] == "7"
    finally:
        assert stop(last) == 0
    assert not list(short.glob("relearn-local-*"))


def test_the_info_file_has_all_a_client_needs_and_is_private(cloud: Running, assembly: Path) -> None:
    assert set(cloud.info) == {
        "endpoint_url", "api_url", "account", "region", "access_key_id", "secret_access_key", "stage", "outputs", "token_client", "pid",
    }  # fmt: skip
    assert cloud.info["stage"] == "toy"
    assert assembly.name == "cdk.out"


def test_a_folder_that_is_no_assembly_is_named(tmp_path: Path) -> None:
    ran = run("--app", str(tmp_path))
    assert ran.returncode == 2
    assert f"{tmp_path} is not a synthesised CDK app" in ran.stdout


def test_a_failed_deployment_ends_with_its_reason(tmp_path: Path) -> None:
    assembly = toy.write(tmp_path)
    template = assembly / f"{toy.STACK}.template.json"
    template.write_text(json.dumps({"Resources": {"Wrong": {"Type": "AWS::No::Such", "Properties": {}}}}))
    ran = run("--app", str(assembly), "--info", str(tmp_path / "info.json"))
    assert ran.returncode == 1
    assert "AWS::No::Such" in ran.stdout


def test_a_taken_port_is_named(cloud: Running, assembly: Path) -> None:
    port = cloud.info["endpoint_url"].rpartition(":")[2]
    ran = run("--app", str(assembly), "--port", port)
    assert ran.returncode == 1
    assert f"port {port} of 127.0.0.1 cannot be opened" in ran.stdout


def test_a_guarded_command_gives_its_output_and_exit_code(tmp_path: Path) -> None:
    code = "import sys; print('said'); sys.exit(7)"
    with processes.Child([sys.executable, "-c", code], env=dict(os.environ), cwd=tmp_path) as child:
        assert child.output.read() == b"said\n"
        assert child.wait(10) == 7


@linux
def test_killing_a_guarded_command_kills_what_it_started(tmp_path: Path) -> None:
    code = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(p.pid, flush=True); time.sleep(60)"
    child = processes.Child([sys.executable, "-c", code], env=dict(os.environ), cwd=tmp_path)
    grandchild = int(child.output.readline())
    child.kill()
    until(lambda: not alive({grandchild}), seconds=60)


def write_something(cloud: Running) -> set[str]:
    """Store objects and items, and give those that the cloud says are stored."""
    dynamodb, s3 = cloud.client("dynamodb"), cloud.client("s3")
    dynamodb.create_table(
        TableName="routes",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(5):
        dynamodb.put_item(TableName="routes", Item={"pk": {"S": f"route {number}"}})
        s3.put_object(Bucket=cloud.outputs["Bucket"], Key=f"upload {number}", Body=b"rows")
    return {f"{kind} {number}" for kind in ("route", "upload") for number in range(5)}


def stored(cloud: Running) -> set[str]:
    items = cloud.client("dynamodb").scan(TableName="routes")["Items"]
    objects = cloud.client("s3").list_objects_v2(Bucket=cloud.outputs["Bucket"])["Contents"]
    return {item["pk"]["S"] for item in items} | {one["Key"] for one in objects}


def serve(cloud: Running) -> None:
    """Have an endpoint answer."""
    artifact = actions.train(cloud, "toy-kept", answer="7")["ModelArtifacts"]["S3ModelArtifacts"]
    create(cloud, "toy-kept", artifact)
    assert settled(cloud, "toy-kept")["EndpointStatus"] == "InService"


def busy(cloud: Running, job: str) -> set[int]:
    """Have a function's worker and a training container run; every process below the cloud."""
    cloud.client("lambda").invoke(FunctionName=cloud.outputs["Function"])
    cloud.client("sagemaker").create_training_job(**actions.job_request(cloud, job, sleep="60"))
    return until(lambda: found if len(found := descendants(cloud.pid)) >= 3 else None) or set()


def alive(pids: set[int]) -> set[int]:
    def lives(pid: int) -> bool:
        try:
            return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False

    return {pid for pid in pids if lives(pid)}


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local", *options]
    return subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
