"""The loop, as its users have it: upload data, and a better model answers behind the same URL."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import ENDS, Item, Stage, csv_bytes, outputs, rows
from tests.e2e.privilege.parts.containers import REQUEST

pytestmark = [pytest.mark.e2e, pytest.mark.local]

ROOT = Path(__file__).parents[2]
SEED = ROOT / "training" / "models" / "iris" / "seed.csv"
MORE = ROOT / "examples" / "iris" / "more_measurements.csv"
SPECIES = {"setosa": "versicolor", "versicolor": "virginica", "virginica": "setosa"}


@pytest.fixture(scope="module")
def iris(stage: Stage) -> Stage:
    """The stage once the first iris model serves and nothing is under way."""
    stage.wait_until_served("iris")
    return stage


@pytest.fixture(scope="module")
def better(iris: Stage) -> Any:
    """The run that the real, larger collection of flowers made."""
    before = iris.live_version("iris")
    answer = iris.predict("iris", *iris.sample("iris"))
    version_id = iris.put("iris", "more.csv", MORE.read_bytes())
    run = iris.run_of("iris", version_id, "PROMOTED", "REJECTED", "ROLLED_BACK", "FAILED")
    iris.wait("iris at rest", lambda: iris.at_rest("iris"))
    return {"before": before, "answer": answer, "run": run}


@dataclass(frozen=True)
class During:
    """Two uploads, by version id: one of which a row is bad, and one that came while the first one's run was training."""

    first: str
    run: Item
    second: str


@pytest.fixture(scope="module")
def during(iris: Stage, better: Any) -> During:
    """Both uploads, once the runs of both have ended."""
    assert better
    seed = list(rows(SEED))
    first = iris.put("iris", "one_bad_row.csv", csv_bytes([*seed, {**seed[0], "petal_width": "wide"}]))
    run = iris.run_of("iris", first, "TRAINING")
    second = iris.put("iris", "during.csv", SEED.read_bytes())
    iris.run_of("iris", second, *ENDS)
    iris.wait("iris at rest", lambda: iris.at_rest("iris"))
    return During(first, run, second)


@pytest.mark.parametrize("model", ["churn", "diabetes", "iris", "tickets"])
def test_the_first_model_comes_from_the_seed_without_anyone_doing_anything(stage: Stage, model: str) -> None:
    stage.wait(f"the first model of {model}", lambda: stage.live_version(model))
    answer = stage.predict(model, *stage.sample(model))
    assert answer["model"] == model
    assert answer["version"] >= 1
    assert len(answer["predictions"]) == len(stage.sample(model))


def test_an_upload_whose_model_scores_higher_is_promoted_behind_the_same_url(
    iris: Stage, better: Any
) -> None:
    run = better["run"]
    assert run["state"] == "PROMOTED", run["reason"]
    assert run["version"] == better["before"] + 1
    assert run["metrics"]["f1_macro"] > run["champion_metrics"]["f1_macro"]
    answer = iris.predict("iris", *iris.sample("iris"))
    assert answer["version"] == run["version"]


def test_the_reason_says_that_so_few_flowers_show_no_difference(better: Any) -> None:
    assert re.search(
        r"on \d\d rows held out, a difference of \S+ with \d\d cross-validated: no difference seen; one below 0\.\d+ cannot be seen on so few",
        better["run"]["reason"],
    )


def test_a_better_version_got_a_share_of_the_requests_before_it_got_all(iris: Stage, better: Any) -> None:
    status, _, route = iris.http("/v1/models/iris/route")
    assert status == 200
    moved = [one for one in route["history"] if one["who"] == f"run {better['run']['run_id']}"]
    told = [(one["what"], one["candidate"], one["weight"]) for one in reversed(moved)]
    version = better["run"]["version"]
    assert told == [("canary 10 %", version, 10), ("canary 50 %", version, 50), ("promoted", None, 0)]


def test_a_promoted_version_is_in_the_model_registry_with_metrics_and_lineage(
    iris: Stage, better: Any
) -> None:
    group = f"relearn-{iris.name}-iris"
    sagemaker = iris.client("sagemaker")
    packages = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    arn = next(p["ModelPackageArn"] for p in packages if p["ModelPackageVersion"] == better["run"]["version"])
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["CustomerMetadataProperties"]["run_id"] == better["run"]["run_id"]
    uri = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    report = json.load(iris.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    assert report["candidate"]["metrics"]["f1_macro"] == pytest.approx(
        float(better["run"]["metrics"]["f1_macro"])
    )


@pytest.mark.usefixtures("better")
def test_a_worse_candidate_is_rejected_and_the_champion_answers_as_before(iris: Stage) -> None:
    champion = iris.live_version("iris")
    before = outputs(iris.predict("iris", *iris.sample("iris")))
    poisoned = [{**row, "species": SPECIES[row["species"]]} for row in rows(MORE)]
    version_id = iris.put("iris", "poisoned.csv", csv_bytes(poisoned))
    run = iris.run_of("iris", version_id, "PROMOTED", "REJECTED", "ROLLED_BACK", "FAILED")
    assert run["state"] == "REJECTED"
    assert "f1_macro" in run["reason"]
    iris.wait("iris at rest", lambda: iris.at_rest("iris"))
    assert iris.live_version("iris") == champion
    assert outputs(iris.predict("iris", *iris.sample("iris"))) == before
    assert iris.wait_for_upload("iris", version_id, "FAILED")["reason"]


def test_a_broken_file_is_quarantined_with_its_reason(iris: Stage) -> None:
    content = b"sepal_length,sepal_width\n5.1,3.5"
    version_id = iris.put("iris", "broken.csv", content)
    upload = iris.wait_for_upload("iris", version_id, "QUARANTINED", "ACCEPTED", "FAILED")
    assert upload["state"] == "QUARANTINED"
    assert "petal_length" in upload["reason"]
    folder = f"quarantine/iris/{upload['upload_id']}/"
    lake = iris.outputs["LakeBucket"]
    reason = json.load(iris.client("s3").get_object(Bucket=lake, Key=folder + "reason.json")["Body"])
    assert reason["code"] == "schema"
    kept = iris.client("s3").get_object(Bucket=lake, Key=folder + "object")["Body"].read()
    sent = {
        "Bucket": iris.outputs["UploadsBucket"],
        "Key": "incoming/iris/broken.csv",
        "VersionId": version_id,
    }
    assert kept == iris.client("s3").get_object(**sent)["Body"].read()


def test_a_few_bad_rows_are_set_aside_and_the_rest_is_used(iris: Stage, during: During) -> None:
    good = list(rows(SEED))
    upload = iris.upload("iris", during.first)
    assert upload is not None
    assert (upload["rows_accepted"], upload["rows_rejected"]) == (len(good), 1)
    key = f"quarantine/iris/{upload['upload_id']}/rows.jsonl"
    body = iris.client("s3").get_object(Bucket=iris.outputs["LakeBucket"], Key=key)["Body"].read()
    row = json.loads(body)
    assert row["line"] == len(good) + 2
    assert [error["column"] for error in row["errors"]] == ["petal_width"]
    assert iris.run_of("iris", during.first, *ENDS)["state"] in ("PROMOTED", "REJECTED")


def test_a_candidate_is_held_against_the_last_surely_better_version_beside_the_champion(
    iris: Stage, better: Any, during: During
) -> None:
    """Version 2 of iris serves without a lead that is sure, so version 1 stays the reference."""
    run = iris.run_of("iris", during.first, *ENDS)
    assert (run["champion_version"], run["reference_version"]) == (better["run"]["version"], better["before"])
    key = f"reports/iris/{run['run_id']}/report.json"
    report = json.load(iris.client("s3").get_object(Bucket=iris.outputs["LakeBucket"], Key=key)["Body"])
    assert report["reference"]["version"] == better["before"]
    assert report["reference"]["comparison"]["rows"] == report["champion"]["comparison"]["rows"]


def test_an_upload_during_a_run_is_trained_after_it(iris: Stage, during: During) -> None:
    after = iris.run_of("iris", during.second, *ENDS)
    assert after["run_id"] > during.run["run_id"]
    assert after["started_at"] >= iris.run_of("iris", during.first, *ENDS)["ended_at"]


@pytest.fixture(scope="module")
def jobs(iris: Stage, better: Any) -> dict[str, Any]:
    """By model, the request of a job that has trained it."""
    iris.wait("the first model of diabetes", lambda: iris.live_version("diabetes"))
    runs = {"iris": better["run"], "diabetes": iris.items("diabetes", "RUN#")[0]}
    describe = iris.client("sagemaker").describe_training_job
    done = {
        m: describe(TrainingJobName=f"relearn-{iris.name}-{m}-{run['run_id']}") for m, run in runs.items()
    }
    return {model: {key: job[key] for key in REQUEST} for model, job in done.items()}


def ended(stage: Stage, name: str, request: Any) -> Any:
    """Run a job to its end."""
    sagemaker = stage.client("sagemaker")
    sagemaker.create_training_job(TrainingJobName=name, **request)
    describe = sagemaker.describe_training_job
    over = ("Completed", "Failed", "Stopped")
    stage.wait(f"the end of {name}", lambda: describe(TrainingJobName=name)["TrainingJobStatus"] in over)
    return describe(TrainingJobName=name)


@pytest.mark.long
def test_a_job_with_the_role_of_its_model_may_be_run_again(iris: Stage, jobs: Any) -> None:
    again = ended(iris, f"relearn-{iris.name}-again", jobs["iris"])
    assert again["TrainingJobStatus"] == "Completed", again["FailureReason"]


def test_a_job_can_not_read_another_models_data(iris: Stage, jobs: Any) -> None:
    crossed = jobs["diabetes"] | {key: jobs["iris"][key] for key in ("RoleArn", "OutputDataConfig")}
    refused = ended(iris, f"relearn-{iris.name}-reader", crossed)
    assert refused["TrainingJobStatus"] == "Failed"
    assert "Data download failed" in refused["FailureReason"]
    assert "not authorized" in refused["FailureReason"]


def test_a_job_can_not_write_into_another_models_folder(iris: Stage, jobs: Any) -> None:
    name = f"relearn-{iris.name}-writer"
    output = jobs["diabetes"]["OutputDataConfig"]
    refused = ended(iris, name, jobs["iris"] | {"OutputDataConfig": output})
    assert refused["TrainingJobStatus"] == "Failed"
    assert "not authorized" in refused["FailureReason"]
    bucket, prefix = output["S3OutputPath"].removeprefix("s3://").split("/", 1)
    assert "Contents" not in iris.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/{name}/")


@pytest.mark.usefixtures("better")
def test_an_endpoint_can_not_load_another_models_artifact(iris: Stage) -> None:
    name, sagemaker = f"relearn-{iris.name}-crossed", iris.client("sagemaker")
    live = f"relearn-{iris.name}-{{}}-v{{}}"
    models = {
        model: sagemaker.describe_model(ModelName=live.format(model, iris.live_version(model)))
        for model in ("iris", "tickets")
    }
    roles = {model: found["ExecutionRoleArn"] for model, found in models.items()}
    assert roles["iris"] != roles["tickets"]
    container = {"ModelPackageName": models["tickets"]["PrimaryContainer"]["ModelPackageName"]}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=roles["iris"])
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1},
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    describe = sagemaker.describe_endpoint
    iris.wait(f"the end of {name}", lambda: describe(EndpointName=name)["EndpointStatus"] != "Creating")
    refused = describe(EndpointName=name)
    assert refused["EndpointStatus"] == "Failed"
    assert "Failed to download model data" in refused["FailureReason"]
    assert "Forbidden" in refused["FailureReason"]
