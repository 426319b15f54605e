"""The official SageMaker SDK is a client like any other: it trains, registers, deploys and asks on our stage."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.experiments import sagemaker_sdk
from cli.stage.target import Target
from relearn.naming import resources, s3_keys
from tests.e2e.client import Stage, outputs

pytest.importorskip(
    "sagemaker.train", reason="the SageMaker SDK is not installed; pip install -r requirements-sdk.txt"
)
pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.sdk]

MODEL = "iris"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def iris(stage: Stage) -> Iterator[Stage]:
    """The stage once iris serves, with the SDK pointed at it."""
    stage.wait_until_served(MODEL)
    with sagemaker_sdk.environment(Target(stage.name, stage.session, stage.endpoint_url, stage.outputs)):
        yield stage


@pytest.fixture(scope="module")
def champion(iris: Stage) -> dict[str, Any]:
    """What the ledger knows of the version that serves."""
    version = iris.live_version(MODEL)
    return next(item for item in iris.items(MODEL, "VERSION#") if item["version"] == version)


@pytest.fixture(scope="module")
def session(iris: Stage) -> Any:
    """The SDK's session."""
    from sagemaker.core.helper.session_helper import Session  # noqa: PLC0415 - it may not be installed

    bucket = iris.outputs["ArtifactsBucket"]
    return Session(
        boto_session=iris.session, sagemaker_config=sagemaker_sdk.NO_TELEMETRY, default_bucket=bucket
    )


@pytest.fixture(scope="module")
def job(iris: Stage, session: Any, champion: dict[str, Any]) -> Any:
    """A training job by ModelTrainer, on the very snapshot that the champion was trained on."""
    from sagemaker.core.shapes import OutputDataConfig, S3DataSource  # noqa: PLC0415
    from sagemaker.core.training.configs import Compute, InputData  # noqa: PLC0415
    from sagemaker.train import ModelTrainer  # noqa: PLC0415

    outputs = iris.outputs
    manifest = s3_keys.uri(outputs["LakeBucket"], s3_keys.snapshot_key(MODEL, champion["run_id"]))
    run_job = resources.job(iris.name, MODEL, champion["run_id"])
    trainer = ModelTrainer(
        sagemaker_session=session,
        base_job_name=f"{resources.group(iris.name, MODEL)}-sdk",
        training_image=outputs["TrainingImage"],
        role=iris.client("sagemaker").describe_training_job(TrainingJobName=run_job)["RoleArn"],
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        # Role and prefix of the loop's own jobs: what an endpoint may serve is under no other.
        output_data_config=OutputDataConfig(
            s3_output_path=s3_keys.uri(outputs["ArtifactsBucket"], s3_keys.artifact_prefix(MODEL))
        ),
        hyperparameters={"model": MODEL},
    )
    snapshot = S3DataSource(
        s3_data_type="ManifestFile", s3_uri=manifest, s3_data_distribution_type="FullyReplicated"
    )
    trainer.train(input_data_config=[InputData(channel_name="train", data_source=snapshot)], logs=False)
    return trainer._latest_training_job


@pytest.fixture(scope="module")
def package(iris: Stage, session: Any, job: Any) -> Iterator[Any]:
    """The job's model in a registry group of its own."""
    from sagemaker.core.model_registry import create_model_package_from_containers  # noqa: PLC0415
    from sagemaker.core.resources import ModelPackage, ModelPackageGroup  # noqa: PLC0415

    group = ModelPackageGroup.create(
        model_package_group_name=f"{resources.group(iris.name, MODEL)}-sdk-{uuid.uuid4().hex[:8]}",
        session=iris.session,
    )
    # ModelPackage.create of the SDK reads a name that CreateModelPackage never answers; this is its other way.
    made = create_model_package_from_containers(
        session,
        containers=[
            {"Image": iris.outputs["TrainingImage"], "ModelDataUrl": job.model_artifacts.s3_model_artifacts}
        ],
        content_types=["application/json"],
        response_types=["application/json"],
        model_package_group_name=group.model_package_group_arn,
        approval_status="Approved",
    )
    made = ModelPackage.get(model_package_name=made["ModelPackageArn"], session=iris.session)
    yield made
    # By boto3: the SDK's delete() knows no package of a group.
    iris.client("sagemaker").delete_model_package(ModelPackageName=made.model_package_arn)
    group.delete()


@pytest.fixture(scope="module")
def endpoint(iris: Stage, champion: dict[str, Any], package: Any) -> Iterator[Any]:
    """An endpoint of that package."""
    from sagemaker.core.resources import Endpoint, EndpointConfig, Model  # noqa: PLC0415
    from sagemaker.core.shapes import ContainerDefinition, ProductionVariant  # noqa: PLC0415

    name = f"{resources.group(iris.name, MODEL)}-sdk-{uuid.uuid4().hex[:8]}"
    serving = iris.client("sagemaker").describe_model(ModelName=champion["endpoint"])
    model = Model.create(
        model_name=name,
        primary_container=ContainerDefinition(model_package_name=package.model_package_arn),
        execution_role_arn=serving["ExecutionRoleArn"],
        session=iris.session,
    )
    # On an instance: the SDK writes a serverless variant's MemorySizeInMB as no API has it.
    variant = ProductionVariant(
        variant_name="only", model_name=name, instance_type="ml.m5.large", initial_instance_count=1
    )
    config = EndpointConfig.create(
        endpoint_config_name=name, production_variants=[variant], session=iris.session
    )
    made = Endpoint.create(endpoint_name=name, endpoint_config_name=name, session=iris.session)
    made.wait_for_status("InService", timeout=int(iris.timeout_seconds))
    yield made
    made.delete()
    made.wait_for_delete(timeout=int(iris.timeout_seconds))
    config.delete()
    model.delete()


def test_model_trainer_trains_our_image(job: Any) -> None:
    assert job.training_job_status == "Completed"
    assert job.model_artifacts.s3_model_artifacts.endswith(f"{job.training_job_name}/output/model.tar.gz")


def test_the_trained_model_can_be_registered(package: Any) -> None:
    package.refresh()
    assert package.model_approval_status == "Approved"
    assert package.model_package_version == 1


def test_an_endpoint_of_the_sdk_answers_like_the_http_api(iris: Stage, endpoint: Any) -> None:
    instances = iris.sample(MODEL)
    answer = endpoint.invoke(
        body=json.dumps({"instances": instances}), content_type="application/json", session=iris.session
    )
    given = json.loads(answer.body.read())["predictions"]
    assert given == outputs(iris.predict(MODEL, *instances))


@pytest.fixture
def experiment(iris: Stage, tmp_path: Path) -> Any:
    """Run ``relearn experiment``; give what it printed."""

    def run(*arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "cli", *_target(iris, tmp_path), "experiment", MODEL, "--json"]
        command += ["--save", str(tmp_path / "report.html"), *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "report.html").read_text().lstrip().lower().startswith("<!doctype html>")
        return dict(json.loads(done.stdout))

    return run


def test_an_experiment_shows_its_report_and_leaves_the_loop_alone(iris: Stage, experiment: Any) -> None:
    kinds = ("LOCK", "ROUTE", "RUN#", "UPLOAD#", "VERSION#")
    before = [iris.items(MODEL, kind) for kind in kinds]
    found = experiment("--set", "inverse_penalty=0.5")
    report = found["report"]
    assert report["hyperparameters"] == {"inverse_penalty": 0.5}
    assert report["champion"]["version"] == iris.live_version(MODEL)
    assert report["candidate"]["metrics"].keys() == report["champion"]["metrics"].keys()
    assert found["job"].startswith(resources.experiment_job(iris.name, MODEL))
    assert [iris.items(MODEL, kind) for kind in kinds] == before


def test_tuning_searches_the_specs_range_and_shows_the_best(experiment: Any) -> None:
    found = experiment("--tune", "--jobs", "2")
    assert 0.01 <= found["report"]["hyperparameters"]["inverse_penalty"] <= 1000


def _target(stage: Stage, folder: Path) -> list[str]:
    if stage.endpoint_url is None:
        return ["--stage", stage.name, "--region", str(stage.session.region_name)]
    credentials = stage.session.get_credentials()
    assert credentials is not None
    about = {
        "endpoint_url": stage.endpoint_url,
        "api_url": stage.api_url,
        "region": stage.session.region_name,
        "access_key_id": credentials.access_key,
        "secret_access_key": credentials.secret_key,
        "stage": stage.name,
        "outputs": stage.outputs,
    }
    file = folder / "local.json"
    file.write_text(json.dumps(about))
    return ["--local-file", str(file)]
