"""A batch transform job on the laptop goes the way it goes on AWS."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.local import actions
from tests.local.actions import ENDED, Record, refusal, train
from tests.local.conftest import Running, until


@pytest.fixture(scope="module")
def model(cloud: Running) -> str:
    """A model that answers text with the same in capitals."""
    artifact = train(cloud, "toy-transforming")["ModelArtifacts"]["S3ModelArtifacts"]
    cloud.client("sagemaker").create_model(
        ModelName="toy-transforming",
        PrimaryContainer={"Image": cloud.outputs["Image"], "ModelDataUrl": artifact},
        ExecutionRoleArn=cloud.outputs["JobRole"],
    )
    return "toy-transforming"


def request(cloud: Running, name: str, model: str, **more: Any) -> Record:
    """Transform what lies under ``<name>/in/`` to ``<name>/out``, line by line."""
    bucket = cloud.outputs["Bucket"]
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{name}/in/"}
    return {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/plain",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{bucket}/{name}/out", "Accept": "text/caps"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    }


def put(cloud: Running, key: str, body: bytes) -> None:
    cloud.client("s3").put_object(Bucket=cloud.outputs["Bucket"], Key=key, Body=body)


def ended(cloud: Running, name: str) -> Record:
    sagemaker = cloud.client("sagemaker")

    def look() -> Record | None:
        job: Record = sagemaker.describe_transform_job(TransformJobName=name)
        return job if job["TransformJobStatus"] in ENDED else None

    job = until(look)
    assert job is not None
    return job


def transform(cloud: Running, asked: Record) -> Record:
    cloud.client("sagemaker").create_transform_job(**asked)
    return ended(cloud, asked["TransformJobName"])


def results(cloud: Running, name: str) -> dict[str, bytes]:
    """What a job left: key under its output path to content."""
    s3, bucket = cloud.client("s3"), cloud.outputs["Bucket"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{name}/out/").get("Contents", [])
    return {
        item["Key"].removeprefix(f"{name}/out/"): s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        for item in listed
    }


def test_each_object_gets_a_result_of_its_own_in_the_same_place(
    cloud: Running, model: str, name: str
) -> None:
    put(cloud, f"{name}/in/a.txt", b"one\ntwo\n")
    put(cloud, f"{name}/in/deep/b.txt", b"three")
    job = transform(cloud, request(cloud, name, model))
    assert job["TransformJobStatus"] == "Completed"
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
    assert results(cloud, name) == {
        "a.txt.out": b"2 text/caps MULTI_RECORD|ONE\nTWO\n",
        "deep/b.txt.out": b"1 text/caps MULTI_RECORD|THREE",
    }


def test_a_manifest_names_the_objects(cloud: Running, model: str, name: str) -> None:
    for key in ("a.txt", "b.txt", "c.txt"):
        put(cloud, f"{name}/in/{key}", b"x")
    bucket = cloud.outputs["Bucket"]
    put(
        cloud,
        f"{name}/list",
        json.dumps([{"prefix": f"s3://{bucket}/{name}/in/"}, "a.txt", "c.txt"]).encode(),
    )
    asked = request(cloud, name, model)
    source = {"S3DataType": "ManifestFile", "S3Uri": f"s3://{bucket}/{name}/list"}
    asked["TransformInput"]["DataSource"]["S3DataSource"] = source
    transform(cloud, asked)
    assert sorted(results(cloud, name)) == ["a.txt.out", "c.txt.out"]


def test_single_records_are_asked_one_by_one_and_assembled_by_line(
    cloud: Running, model: str, name: str
) -> None:
    put(cloud, f"{name}/in/a.txt", b"one\ntwo")
    asked = request(cloud, name, model, BatchStrategy="SingleRecord")
    asked["TransformOutput"]["AssembleWith"] = "Line"
    transform(cloud, asked)
    said = b"1 text/caps SINGLE_RECORD|"
    assert results(cloud, name)["a.txt.out"] == said + b"ONE\n\n" + said + b"TWO\n"


def test_what_is_not_split_is_asked_whole(cloud: Running, model: str, name: str) -> None:
    put(cloud, f"{name}/in/a.txt", b"one\ntwo\n")
    asked = request(cloud, name, model)
    del asked["TransformInput"]["SplitType"]
    transform(cloud, asked)
    assert results(cloud, name)["a.txt.out"].startswith(b"2 ")


def test_lines_go_together_as_far_as_the_payload_allows(cloud: Running, model: str, name: str) -> None:
    put(cloud, f"{name}/in/a.txt", b"x" * 400_000 + b"\n" + b"y" * 400_000 + b"\n" + b"z" * 400_000 + b"\n")
    transform(cloud, request(cloud, name, model, MaxPayloadInMB=1))
    answer = results(cloud, name)["a.txt.out"]
    assert answer.startswith(b"2 ")
    assert answer.partition(b"Y\n")[2].startswith(b"1 ")


def test_a_record_larger_than_the_payload_fails_the_job(cloud: Running, model: str, name: str) -> None:
    put(cloud, f"{name}/in/a.txt", b"x" * 1_100_000)
    job = transform(cloud, request(cloud, name, model, MaxPayloadInMB=1))
    assert (job["TransformJobStatus"], job["FailureReason"]) == (
        "Failed", "ClientError: See job logs for more information",
    )  # fmt: skip
    assert "larger than MaxPayloadInMB allows" in logged(cloud, name)
    assert results(cloud, name) == {}


def test_gzip_is_unpacked_first(cloud: Running, model: str, name: str) -> None:
    put(cloud, f"{name}/in/a.gz", gzip.compress(b"one\n"))
    asked = request(cloud, name, model)
    asked["TransformInput"]["CompressionType"] = "Gzip"
    transform(cloud, asked)
    assert results(cloud, name)["a.gz.out"].endswith(b"|ONE\n")


@pytest.mark.parametrize(("word", "asked_times"), [("refuse", 1), ("break", 2)])
def test_a_refusal_fails_the_job_and_is_logged(
    cloud: Running, model: str, word: str, asked_times: int
) -> None:
    name = f"toy-refusal-{word}"
    put(cloud, f"{name}/in/a.txt", f"{word}\n".encode())
    client = {"InvocationsMaxRetries": 1, "InvocationsTimeoutInSeconds": 60}
    job = transform(cloud, request(cloud, name, model, ModelClientConfig=client))
    assert job["TransformJobStatus"] == "Failed"
    assert word.upper() in logged(cloud, name)
    until(lambda: logged(cloud, name).count("asked") == asked_times)


def test_a_job_acts_with_the_models_role(cloud: Running, model: str, name: str) -> None:
    put(cloud, f"{name}/in/a.txt", b"one\n")
    with actions.without(cloud, cloud.outputs["JobRoleName"], "s3:PutObject"):
        job = transform(cloud, request(cloud, name, model))
    assert job["FailureReason"].startswith("ClientError: Result upload failed")
    assert "AccessDenied" in job["FailureReason"]


def test_a_source_without_objects_fails_the_job(cloud: Running, model: str, name: str) -> None:
    job = transform(cloud, request(cloud, name, model))
    assert "No S3 objects found" in job["FailureReason"]


def test_a_stopped_job_ends_before_its_input_does(cloud: Running, model: str, name: str) -> None:
    put(cloud, f"{name}/in/a.txt", b"slow\n" * 100)
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_transform_job(**request(cloud, name, model, BatchStrategy="SingleRecord"))
    until(lambda: "TransformStartTime" in sagemaker.describe_transform_job(TransformJobName=name))
    sagemaker.stop_transform_job(TransformJobName=name)
    assert ended(cloud, name)["TransformJobStatus"] == "Stopped"
    assert results(cloud, name) == {}
    assert "is in status Stopped" in refusal(sagemaker.stop_transform_job, TransformJobName=name)[1]


def test_a_name_is_used_once(cloud: Running, model: str, name: str) -> None:
    put(cloud, f"{name}/in/a.txt", b"one\n")
    transform(cloud, request(cloud, name, model))
    again = refusal(cloud.client("sagemaker").create_transform_job, **request(cloud, name.upper(), model))
    assert again[0] == "ResourceInUse"


def test_jobs_are_listed_by_name_and_status_and_carry_tags(cloud: Running, model: str, name: str) -> None:
    put(cloud, f"{name}/in/a.txt", b"one\n")
    tags = [{"Key": "relearn:batch", "Value": "b"}]
    job = transform(cloud, request(cloud, name, model, Tags=tags))
    sagemaker = cloud.client("sagemaker")
    listed = sagemaker.list_transform_jobs(NameContains=name, StatusEquals="Completed")
    assert [item["TransformJobArn"] for item in listed["TransformJobSummaries"]] == [job["TransformJobArn"]]
    assert (
        sagemaker.list_transform_jobs(NameContains=name, StatusEquals="Failed")["TransformJobSummaries"] == []
    )
    assert sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"] == tags


def test_a_job_of_no_model_and_what_the_laptop_lacks_are_refused(
    cloud: Running, model: str, name: str
) -> None:
    create = cloud.client("sagemaker").create_transform_job
    asked = request(cloud, name, model)
    assert "Could not find model" in refusal(create, **{**asked, "ModelName": "toy-none"})[1]
    for field, value in {"InputFilter": "$[1:]", "OutputFilter": "$.id", "JoinSource": "Input"}.items():
        assert f"DataProcessing.{field}" in refusal(create, **asked, DataProcessing={field: value})[1]
    asked["TransformInput"]["SplitType"] = "RecordIO"
    assert "not RecordIO" in refusal(create, **asked)[1]
    asked["TransformInput"]["SplitType"] = "Line"
    assert "100 MB" in refusal(create, **asked, MaxPayloadInMB=50, MaxConcurrentTransforms=3)[1]


def test_a_job_that_is_not_there_is_refused(cloud: Running) -> None:
    code, message = refusal(cloud.client("sagemaker").describe_transform_job, TransformJobName="toy-no-job")
    assert (code, "toy-no-job" in message) == ("ValidationException", True)


def test_the_bus_hears_of_each_status(cloud: Running, model: str, name: str) -> None:
    events, sqs = cloud.client("events"), cloud.client("sqs")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Transform Job State Change"]}
    rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    allowed = {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    put(cloud, f"{name}/in/a.txt", b"one\n")
    transform(cloud, request(cloud, name, model))
    seen: list[str] = []

    def completed() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            if detail["TransformJobName"] == name:
                assert isinstance(detail["CreationTime"], int)
                seen.append(detail["TransformJobStatus"])
        return "Completed" in seen

    until(completed)
    assert "InProgress" in seen


def logged(cloud: Running, name: str) -> str:
    """Everything a job's streams hold."""
    client, group = cloud.client("logs"), "/aws/sagemaker/TransformJobs"

    def lines() -> list[str]:
        streams = client.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")[
            "logStreams"
        ]
        return [
            event["message"]
            for stream in streams
            for event in client.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])[
                "events"
            ]
        ]

    return "\n".join(until(lines))
