"""The functions of batches, what wakes them, and the jobs they start."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.privilege import policies
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.grants import RoleGrant
from tests.e2e.privilege.ledger import Book, Item
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part

GROUP = "/aws/sagemaker/TransformJobs"
SECONDS = 60.0
DONE = "20260101t000000-000000"
SCORED = "20260101t000000-000001"
PATH = "/v1/models/{model}/batches"
WOKEN_SECONDS = 3.0
LATE_SECONDS = 122.0
"""The sweep lets a file alone for two minutes."""


def job(name: str, model: str, source: str, output: str) -> Item:
    """Write the request of a transform job, as the function does."""
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}}
    lines = "application/jsonlines"
    return {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {"DataSource": data, "ContentType": lines, "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": output, "Accept": lines},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


def places(bench: Bench, batch: str) -> tuple[str, str]:
    """Put a file where batches are scored; where it is, and where its result goes."""
    bucket, folder = bench.stage.outputs["LakeBucket"], f"batches/{MODEL}/{batch}"
    bench.stage.client("s3").put_object(Bucket=bucket, Key=f"{folder}/input.jsonl", Body=_rows(bench))
    return f"s3://{bucket}/{folder}/input.jsonl", f"s3://{bucket}/{folder}/result"


def never_answered(bench: Bench, model: str, artifact: str) -> str:
    """Start a job whose container listens elsewhere, so that it goes on until it is stopped; its name."""
    name = bench.name(f"scored-{time.time_ns():x}")
    bench.hosting.make(model, {"Image": bench.stage.outputs["TrainingImage"], "ModelDataUrl": artifact})
    request = job(name, model, *places(bench, "given-up"))
    elsewhere = {"RELEARN_BIND_SOCKET": "elsewhere"}
    bench.hosting.client.create_transform_job(**request, Environment=elsewhere)
    return name


def ended(bench: Bench, name: str) -> Any:
    """Wait for a job's end; how it is described then."""
    end = time.monotonic() + SECONDS
    while True:
        found = bench.hosting.client.describe_transform_job(TransformJobName=name)
        if found["TransformJobStatus"] not in ("InProgress", "Stopping"):
            return found
        assert time.monotonic() < end, f"job {name} takes longer than {SECONDS:g} s"
        time.sleep(0.05)


def stop(bench: Bench, name: str) -> None:
    """Stop a job, if it runs."""
    try:
        bench.hosting.client.stop_transform_job(TransformJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise


def expect_stopped(bench: Bench, name: str) -> None:
    """`Broken` when nobody stopped a job."""
    found = bench.hosting.client.describe_transform_job(TransformJobName=name)
    if found["TransformJobStatus"] not in ("Stopping", "Stopped"):
        raise Broken(f"the job is {found['TransformJobStatus']}")


def api(bench: Bench, moments: Moments) -> Part:
    rest = moments["Rest"].book
    name = bench.name(f"{MODEL}-{DONE}")
    request = job(name, _champion(bench, rest), *places(bench, DONE))
    bench.hosting.client.create_transform_job(**request, Environment={"PYTHONPATH": "/nowhere"})
    assert ended(bench, name)["TransformJobStatus"] == "Failed"

    def a_batch_is_begun() -> None:
        bench.ledger.write(rest)
        ask(bench, "POST", PATH, 201)

    def batches_are_listed() -> None:
        bench.ledger.write(rest)
        ask(bench, "GET", PATH, 200)

    def an_end_nobody_heard_of_is_seen() -> None:
        bench.ledger.write(rest.add(record(DONE, "RUNNING")))
        found = ask(bench, "GET", PATH + "/{batch}", 200)
        if found["state"] != "FAILED":
            raise Broken(f"the batch is {found['state']}")

    scenes = [a_batch_is_begun, batches_are_listed, an_end_nobody_heard_of_is_seen]
    return Part(bench.of_function("batches"), scenes)


def events(bench: Bench, moments: Moments) -> Part:
    rest = moments["Rest"].book
    name = bench.name(f"{MODEL}-{SCORED}")
    bench.hosting.client.create_transform_job(**job(name, _champion(bench, rest), *places(bench, SCORED)))
    assert ended(bench, name)["TransformJobStatus"] == "Completed"

    def a_result_is_written() -> None:
        bench.ledger.write(rest.add(record(SCORED, "RUNNING")))
        detail = {"TransformJobName": name, "TransformJobStatus": "Completed"}
        kind = "SageMaker Transform Job State Change"
        heard = bench.invoke("batch-event", {"detail-type": kind, "detail": detail})
        if heard != {"batch": SCORED, "state": "SUCCEEDED"}:
            raise Broken(f"the batch is {heard}")

    def a_file_is_taken_in() -> None:
        batch = f"20260101t000000-{time.time_ns() % 16**6:06x}"
        bench.ledger.write(moments["Rest"].book.add(record(batch, "WAITING_FOR_FILE")))
        heard = bench.invoke("batch-event", _sent(bench, batch))
        if heard != {"batch": batch, "state": "RUNNING"}:
            raise Broken(f"the batch is {heard}")
        stop(bench, bench.name(f"{MODEL}-{batch}"))

    return Part(bench.of_function("batch-event"), [a_file_is_taken_in, a_result_is_written])


def is_for_transforms(grant: RoleGrant) -> bool:
    """Tell whether a grant of the served models' role is for transform jobs, and not for endpoints."""
    return (
        "/batches/" in grant.resource or "TransformJobs" in grant.resource or grant.action == "s3:ListBucket"
    )


def transforms(bench: Bench, moments: Moments) -> Part:
    hosting, (source, output) = bench.hosting, places(bench, "privilege")
    model = _champion(bench, moments["Rest"].book)

    def transformed(environment: dict[str, str]) -> Any:
        """Score a file with the version that serves; how that ended."""
        name = bench.name(f"transform-{time.time_ns():x}")
        bench.forget_logs(GROUP)
        hosting.client.create_transform_job(**job(name, model, source, output), Environment=environment)
        return ended(bench, name)

    def a_job_that_does_not_start_says_why() -> None:
        found = transformed({"PYTHONPATH": "/nowhere"})
        if "health check" not in found["FailureReason"]:
            raise Broken(found["FailureReason"])
        name = found["TransformJobName"]
        bench.expect("the job's log", lambda: bench.lines(GROUP, name), seconds=2)

    def a_file_is_scored() -> None:
        found = transformed({})
        if found["TransformJobStatus"] != "Completed":
            raise Broken(found["FailureReason"])

    grants = [grant for grant in bench.of_role(hosting.role) if is_for_transforms(grant)]
    return Part(grants, [a_job_that_does_not_start_says_why, a_file_is_scored])


def rules(bench: Bench, _moments: Moments) -> Part:
    found = [g for g in policies.of_functions(bench.stage) if g.function == bench.name("batch-event")]
    names = [grant.source.rpartition("/")[2] for grant in found]

    def woken(play: Any, part: str) -> None:
        (rule,) = (name for name in names if part in name)
        client = bench.stage.client("events")
        client.enable_rule(Name=rule)
        try:
            began = bench.now()
            play()
            bench.expect(
                f"batch_event by {part}",
                lambda: bench.logged("batch-event", since=began),
                seconds=WOKEN_SECONDS,
            )
        finally:
            client.disable_rule(Name=rule)

    def a_file_arrives() -> None:
        woken(lambda: _sent(bench, "arrives"), "FileArrived")

    def a_job_ends() -> None:
        model = bench.name("stand-in-scored")
        bench.hosting.stand_in(model, endpoint=False)
        name = bench.name(f"ends-{time.time_ns():x}")
        request = job(name, model, *places(bench, "ends"))
        woken(lambda: bench.hosting.client.create_transform_job(**request), "JobEnded")

    return Part(found, [a_file_arrives, a_job_ends])


def dead_letters(bench: Bench, _moments: Moments) -> Part:
    found = [g for g in policies.of_queues(bench.stage) if bench.name("serving") in g.resource]
    return Part(found, [])


def _champion(bench: Bench, book: Book) -> str:
    route = book[f"MODEL#{MODEL}", "ROUTE"]
    return bench.name(f"{MODEL}-v{route['champion']}")


def _rows(bench: Bench) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in bench.stage.sample(MODEL))


def record(batch: str, state: str) -> Item:
    """Write the ledger's record of a batch."""
    now = "2026-01-01T00:00:00.000+00:00"
    return {
        "pk": f"MODEL#{MODEL}", "sk": f"BATCH#{batch}", "batch_id": batch, "model": MODEL, "created_at": now,
        "state": state, "reason": "", "errors": [], "version": 1, "input_version": "v", "rows": 1,
        "times": {"WAITING_FOR_FILE": now, state: now},
    }  # fmt: skip


def state(bench: Bench, batch: str) -> str:
    """Read where a batch stands; empty when there is none."""
    item = bench.ledger.read().get((f"MODEL#{MODEL}", f"BATCH#{batch}"), {})
    return str(item.get("state", ""))


def wait_until_late(bench: Bench, batch: str) -> None:
    """Wait until the sweep takes it that nobody heard of a batch's file."""
    bucket, key = bench.stage.outputs["UploadsBucket"], f"batches/{MODEL}/{batch}/input.jsonl"
    stored = bench.stage.client("s3").head_object(Bucket=bucket, Key=key)["LastModified"]
    bench.settle(max(0.0, LATE_SECONDS - (bench.now() - stored.timestamp())))


def _sent(bench: Bench, batch: str) -> Item:
    """Send the file of a batch; the event that tells of it."""
    key, body = f"batches/{MODEL}/{batch}/input.jsonl", _rows(bench)
    bucket = bench.stage.outputs["UploadsBucket"]
    version = bench.stage.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
    found = {"key": key, "version-id": version, "size": len(body)}
    return {"detail-type": "Object Created", "detail": {"bucket": {"name": bucket}, "object": found}}


def ask(bench: Bench, method: str, path: str, status: int, *, batch: str = DONE) -> Any:
    """Call the function as the API does."""
    event = {
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "requestContext": {"requestId": "r", "http": {"method": method}},
        "pathParameters": {"model": MODEL, "batch": batch},
    }
    answer = bench.invoke("batches", event)
    if answer["statusCode"] != status:
        raise Broken(f"{method} {path} answers {answer}")
    body = answer["body"]
    return json.loads(base64.b64decode(body) if answer.get("isBase64Encoded") else body)


PARTS = {
    "batches": api,
    "batch_event": events,
    "transforms": transforms,
    "batch_rules": rules,
    "batch_dead_letters": dead_letters,
}
