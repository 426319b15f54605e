"""A training job on the laptop goes the way it goes on AWS."""

from __future__ import annotations

import io
import json
import tarfile
import time

from tests.local import actions
from tests.local.actions import channel, job_request, refusal, train
from tests.local.conftest import Running, until


def test_a_job_passes_through_its_statuses_and_leaves_its_artifacts(cloud: Running, name: str) -> None:
    job = train(cloud, name, answer="7")
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    assert (
        job["ModelArtifacts"]["S3ModelArtifacts"]
        == f"s3://{cloud.outputs['Bucket']}/models/{name}/output/model.tar.gz"
    )
    found = members(cloud, f"models/{name}/output/model.tar.gz")
    told = {"answer": "7", "files": [], "keys": True, "threads": "PASSIVE"}
    assert json.loads(found["model.json"]) == told
    assert list(members(cloud, f"models/{name}/output/output.tar.gz")) == ["report.json"]


def test_a_failed_job_says_what_the_container_wrote_and_leaves_no_model(cloud: Running, name: str) -> None:
    job = train(cloud, name, fail="too few rows")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: too few rows, exit code: 1"
    listed = cloud.client("s3").list_objects_v2(Bucket=cloud.outputs["Bucket"], Prefix=f"models/{name}/")
    assert [item["Key"].rpartition("/")[2] for item in listed["Contents"]] == ["output.tar.gz"]


def test_what_a_job_keeps_is_there_for_the_next_even_of_one_that_failed(cloud: Running, name: str) -> None:
    s3, bucket = cloud.client("s3"), cloud.outputs["Bucket"]
    for job, wish in ((f"{name}-1", {"fail": "later"}), (f"{name}-2", {})):
        request = job_request(cloud, job, **wish)
        request["CheckpointConfig"] = {
            "S3Uri": f"s3://{bucket}/{name}/kept",
            "LocalPath": "/opt/ml/checkpoints",
        }
        train(cloud, job, request)
    key = f"{name}/kept/deep/{name}-2"
    assert json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) == [f"deep/{name}-1"]


def test_a_folder_that_the_laptop_does_not_give_is_refused(cloud: Running, name: str) -> None:
    request = job_request(cloud, name)
    request["CheckpointConfig"] = {"S3Uri": f"s3://{cloud.outputs['Bucket']}/kept", "LocalPath": "/data"}
    said = refusal(cloud.client("sagemaker").create_training_job, **request)
    assert "CheckpointConfig.LocalPath is /data; allowed on the laptop cloud: /opt/ml/checkpoints" in said


def test_a_prefix_channel_holds_what_lies_under_the_prefix(cloud: Running, name: str) -> None:
    s3, bucket = cloud.client("s3"), cloud.outputs["Bucket"]
    for key in ("data/a.csv", "data/deep/b.csv", "database/c.csv"):
        s3.put_object(Bucket=bucket, Key=f"{name}/{key}", Body=b"x")
    request = job_request(cloud, name)
    request["InputDataConfig"] = [
        channel("train", "S3Prefix", f"s3://{bucket}/{name}/data/"),
        channel("champion", "S3Prefix", f"s3://{bucket}/{name}/data/deep/b.csv"),
    ]
    train(cloud, name, request)
    assert files_seen(cloud, name) == ["champion/b.csv", "train/a.csv", "train/deep/b.csv"]


def test_a_manifest_channel_holds_what_the_manifest_names(cloud: Running, name: str) -> None:
    s3, bucket = cloud.client("s3"), cloud.outputs["Bucket"]
    for key in ("one.parquet", "two.parquet", "three.parquet"):
        s3.put_object(Bucket=bucket, Key=f"{name}/main/{key}", Body=b"x")
    manifest = [{"prefix": f"s3://{bucket}/{name}/main/"}, "one.parquet", "three.parquet"]
    s3.put_object(Bucket=bucket, Key=f"{name}/manifest", Body=json.dumps(manifest))
    request = job_request(cloud, name)
    request["InputDataConfig"] = [channel("train", "ManifestFile", f"s3://{bucket}/{name}/manifest")]
    train(cloud, name, request)
    assert files_seen(cloud, name) == ["train/one.parquet", "train/three.parquet"]


def test_a_job_whose_role_may_not_read_its_data_fails_and_says_so(cloud: Running, name: str) -> None:
    request = job_request(cloud, name)
    request["InputDataConfig"] = [channel("train", "S3Prefix", f"s3://{cloud.outputs['Bucket']}/in/")]
    role = actions.role_name(cloud.outputs["JobRole"])
    with actions.without(cloud, role, "s3:ListBucket"):
        job = train(cloud, name, request)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed")
    assert "not authorized" in job["FailureReason"]


def test_a_job_whose_role_may_not_pull_its_image_fails_and_says_so(cloud: Running, name: str) -> None:
    role = actions.role_name(cloud.outputs["JobRole"])
    with actions.without(cloud, role, "ecr:BatchGetImage"):
        job = train(cloud, name)
    assert "ecr:BatchGetImage" in job["FailureReason"]


def test_a_job_of_an_image_that_was_never_pushed_fails(cloud: Running, name: str) -> None:
    repository = cloud.outputs["Image"].rpartition(":")[0]
    for number, image in enumerate((f"{repository}:nothing", f"{repository}@sha256:{'0' * 64}")):
        request = job_request(cloud, f"{name}-{number}")
        request["AlgorithmSpecification"]["TrainingImage"] = image
        assert "does not exist in the registry" in train(cloud, f"{name}-{number}", request)["FailureReason"]


def test_a_job_of_an_image_of_another_architecture_fails_and_its_log_says_so(
    cloud: Running, name: str
) -> None:
    """aws/deep-learning-containers#1157: the job is taken, and its container ends with "exec format error"."""
    request = job_request(cloud, name)
    request["AlgorithmSpecification"]["TrainingImage"] = f"{cloud.outputs['Image']}-arm"
    assert train(cloud, name, request)["FailureReason"] == "AlgorithmError: , exit code: 1"
    logs = cloud.client("logs")
    found = logs.filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/algo-1"
    )["events"]
    assert [event["message"] for event in found if event["message"].endswith("exec format error")]


def test_a_job_without_permission_to_log_still_completes(cloud: Running, name: str) -> None:
    role = actions.role_name(cloud.outputs["JobRole"])
    with actions.without(cloud, role, "logs:CreateLogStream"):
        assert train(cloud, name)["TrainingJobStatus"] == "Completed"


def test_the_log_can_be_read_while_the_job_runs(cloud: Running, name: str) -> None:
    sagemaker, logs = cloud.client("sagemaker"), cloud.client("logs")
    sagemaker.create_training_job(**job_request(cloud, name, sleep="30"))
    group = "/aws/sagemaker/TrainingJobs"

    def line() -> list[str]:
        found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{name}/algo-1")["events"]
        return [event["message"] for event in found if event["message"] == f"name {name}"]

    until(line)
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    sagemaker.stop_training_job(TrainingJobName=name)


def test_a_stopped_job_is_stopped_not_failed(cloud: Running, name: str) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_training_job(**job_request(cloud, name, sleep="30"))
    sagemaker.stop_training_job(TrainingJobName=name)
    job = until(lambda: stopped(cloud, name))
    assert job["SecondaryStatus"] == "Stopped"
    assert "FailureReason" not in job


def test_a_job_over_its_time_is_stopped_with_the_reason(cloud: Running, name: str) -> None:
    request = job_request(cloud, name, sleep="30")
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 1}
    began = time.monotonic()
    job = train(cloud, name, request)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert time.monotonic() - began < 30


def test_a_name_is_given_once_whatever_its_case(cloud: Running, name: str) -> None:
    train(cloud, name)
    code, message = refusal(cloud.client("sagemaker").create_training_job, **job_request(cloud, name.upper()))
    assert code == "ResourceInUse"
    assert "must be unique" in message


def test_a_container_without_network_has_no_credentials(cloud: Running, name: str) -> None:
    train(cloud, name, {**job_request(cloud, name), "EnableNetworkIsolation": True})
    assert json.loads(members(cloud, f"models/{name}/output/model.tar.gz")["model.json"])["keys"] is False


def test_what_would_run_otherwise_than_on_aws_is_refused(cloud: Running, name: str) -> None:
    request = job_request(cloud, name)
    request["ResourceConfig"]["InstanceCount"] = 2
    create = cloud.client("sagemaker").create_training_job
    assert "InstanceCount 1" in refusal(create, **request)[1]
    request = job_request(cloud, name)
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["bash"]
    assert "an image's own command" in refusal(create, **request)[1]


def test_metrics_are_read_from_the_log(cloud: Running, name: str) -> None:
    request = job_request(cloud, name, score="0.875")
    definition = {"Name": "score", "Regex": "score=([0-9.]+);"}
    request["AlgorithmSpecification"]["MetricDefinitions"] = [definition]
    (metric,) = train(cloud, name, request)["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("score", 0.875)


def test_a_request_that_breaks_the_service_model_is_refused_as_on_aws(cloud: Running) -> None:
    request = job_request(cloud, "not_a_name")
    code, message = refusal(cloud.client("sagemaker").create_training_job, **request)
    assert code == "ValidationException"
    assert "Value 'not_a_name' at 'trainingJobName' failed to satisfy constraint" in message


def test_the_end_of_a_job_is_an_event(cloud: Running, name: str) -> None:
    events, sqs = cloud.client("events"), cloud.client("sqs")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admit = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [admit]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    pattern = {
        "source": ["aws.sagemaker"],
        "detail": {"TrainingJobName": [name], "TrainingJobStatus": ["Completed"]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    train(cloud, name)
    (message,) = until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    event = json.loads(message["Body"])
    assert event["detail-type"] == "SageMaker Training Job State Change"
    assert event["detail"]["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"{name}/output/model.tar.gz")
    events.remove_targets(Rule=name, Ids=["queue"])


def stopped(cloud: Running, name: str) -> actions.Record:
    job: actions.Record = cloud.client("sagemaker").describe_training_job(TrainingJobName=name)
    return job if job["TrainingJobStatus"] == "Stopped" else {}


def members(cloud: Running, key: str) -> dict[str, bytes]:
    """The files in an archive of the bucket."""
    body = cloud.client("s3").get_object(Bucket=cloud.outputs["Bucket"], Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar.getmembers() if member.isfile()}
        return {name: file.read() for name, file in files.items() if file}


def files_seen(cloud: Running, name: str) -> list[str]:
    """What the toy container found in its channels."""
    found: list[str] = json.loads(members(cloud, f"models/{name}/output/model.tar.gz")["model.json"])["files"]
    return found
