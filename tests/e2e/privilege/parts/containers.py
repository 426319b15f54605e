"""The roles that containers have: a training job's and an endpoint's.

Those of all models are made alike (`tests/infra/test_roles_of_models.py`), so the grants of one stand for those of the others: of
`MODEL`, but for features that are kept, which its jobs have none of.
"""

from __future__ import annotations

import itertools
import re
import time
from typing import Any

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.grants import Grant
from tests.e2e.privilege.parts import batches
from tests.e2e.privilege.parts.steps import OLD
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part

KEEPER = "churn"
FEATURES = ("s3:GetObject ", "s3:PutObject ")
OF_A_MODEL = re.compile(r"relearn-[a-z0-9]+-(?P<kind>job|endpoint|exp)-[a-z]+(-[a-z]+)+-\d-(?P<model>.+)")
GROUP = "/aws/sagemaker/TrainingJobs"
SECONDS = 90.0
REQUEST = (
    "RoleArn",
    "AlgorithmSpecification",
    "HyperParameters",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
)
"""What of a job's description is the request for another such job."""
# A container whose program is not found ends at once, and its log says so.
NO_PROGRAM = {"PYTHONPATH": "/nowhere"}


def is_of_another(grant: Grant) -> bool:
    """Tell whether a grant is one of another model's role, or of what older endpoints have, as far as it is tried here."""
    if grant.name.startswith("EndpointRole: "):
        return True
    role, _, what = grant.name.partition(": ")
    named = OF_A_MODEL.fullmatch(role)
    if named is None:
        return False
    keeps = named["kind"] == "job" and what.startswith(FEATURES) and "/features/" in what
    return named["model"] != (KEEPER if keeps else MODEL)


def run_job(bench: Bench, moments: Moments) -> Part:
    role = _job_of(bench, MODEL)["RoleArn"]
    part = _jobs(bench, moments["Train"].context, role=role, folder="models")
    return Part([grant for grant in part.grants if not is_of_another(grant)], part.scenes)


def keeping_job(bench: Bench, _moments: Moments) -> Part:
    """A job of a model whose features are kept from run to run."""
    request, numbers = _job_of(bench, KEEPER), itertools.count()

    def a_job_takes_features_that_are_kept_and_keeps_more() -> None:
        found = _run(bench, f"kept-{next(numbers)}", **request)
        assert found["TrainingJobStatus"] == "Completed", found["FailureReason"]

    grants = [grant for grant in bench.of_role(request["RoleArn"]) if not is_of_another(grant)]
    return Part(grants, [a_job_takes_features_that_are_kept_and_keeps_more])


def _job_of(bench: Bench, model: str) -> dict[str, Any]:
    """Give the request of the job that made a model's first version."""
    jobs = bench.hosting.client.list_training_jobs(NameContains=f"-{model}-")["TrainingJobSummaries"]
    done = bench.hosting.client.describe_training_job(TrainingJobName=jobs[0]["TrainingJobName"])
    return {key: done[key] for key in (*REQUEST, "CheckpointConfig")}


def experiment(bench: Bench, moments: Moments) -> Part:
    """An ad-hoc job: as a run's, but its model is left elsewhere."""
    role = bench.stage.outputs["ExperimentRoles"] + MODEL
    return _jobs(bench, moments["Train"].context, role=role, folder="experiments")


def _jobs(bench: Bench, context: Any, *, role: str, folder: str) -> Part:
    output = {"S3OutputPath": f"s3://{bench.stage.outputs['ArtifactsBucket']}/{folder}/{MODEL}"}
    request = {
        "RoleArn": role,
        "AlgorithmSpecification": bench.machine.states["Train"]["Parameters"]["AlgorithmSpecification"],
        "HyperParameters": context["hyperparameters"],
        "InputDataConfig": context["input_data_config"],
        "OutputDataConfig": output,
        "ResourceConfig": context["resource_config"],
        "StoppingCondition": context["stopping_condition"],
    }
    numbers = itertools.count()

    def train(**more: Any) -> Any:
        """Run the run's job under another name; what became of it."""
        bench.forget_logs(GROUP)
        found = _run(bench, f"{folder}-{next(numbers)}", **request, **more)
        name = found["TrainingJobName"]
        lines = bench.lines(GROUP, name)
        bench.expect("the job's log", lambda: lines, seconds=0)
        return found

    def a_container_that_does_not_start_says_why() -> None:
        train(Environment=NO_PROGRAM)

    def a_job_leaves_its_model() -> None:
        found = train()
        assert found["TrainingJobStatus"] == "Completed", found["FailureReason"]
        bucket, key = found["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
        bench.stage.client("s3").head_object(Bucket=bucket, Key=key)

    return Part(bench.of_role(role), [a_container_that_does_not_start_says_why, a_job_leaves_its_model])


def _run(bench: Bench, what: str, **request: Any) -> Any:
    """Run a job to its end; it breaks when SageMaker, and not the container, cannot go on."""
    name = bench.name(what)
    bench.hosting.client.create_training_job(TrainingJobName=name, **request)
    found = _ended(bench, name)
    if not found.get("FailureReason", "AlgorithmError").startswith("AlgorithmError"):
        raise Broken(f"the job is {found['TrainingJobStatus']}: {found['FailureReason']}")
    return found


def _ended(bench: Bench, name: str) -> Any:
    end = time.monotonic() + SECONDS
    while True:
        found = bench.hosting.client.describe_training_job(TrainingJobName=name)
        if found["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            return found
        assert time.monotonic() < end, f"job {name} takes longer than {SECONDS:g} s"
        time.sleep(0.05)


def endpoint(bench: Bench, moments: Moments) -> Part:
    package = moments["Rest"].book[f"MODEL#{MODEL}", f"VERSION#{OLD}"]["package_arn"]
    hosting, numbers = bench.hosting, itertools.count()

    def deployed(environment: dict[str, str]) -> tuple[Any, bool]:
        """Make an endpoint of the first version; how it comes to be, and whether it has a log."""
        name = bench.name(f"privilege-{next(numbers)}")
        hosting.make(name, {"ModelPackageName": package, "Environment": environment})
        hosting.client.create_endpoint(EndpointName=name, EndpointConfigName=name)
        try:
            hosting.settle(name)
            found = hosting.client.describe_endpoint(EndpointName=name)
            time.sleep(LOG_SECONDS)
            return found, bench.lines(f"/aws/sagemaker/Endpoints/{name}")
        finally:
            hosting.remove(name)

    def a_container_that_does_not_start_says_why() -> None:
        found, logged = deployed(NO_PROGRAM)
        if "health check" not in found["FailureReason"]:
            raise Broken(found["FailureReason"])
        bench.expect("the endpoint's log", lambda: logged, seconds=0)

    def an_endpoint_comes_up() -> None:
        found, _ = deployed({})
        if found["EndpointStatus"] != "InService":
            raise Broken(found["FailureReason"])

    grants = [grant for grant in bench.of_role(hosting.role) if not batches.is_for_transforms(grant)]
    return Part(grants, [a_container_that_does_not_start_says_why, an_endpoint_comes_up])


LOG_SECONDS = 0.8
"""What a container says is in its log within this."""
PARTS = {"training_job": run_job, "keeping_job": keeping_job, "experiment": experiment, "endpoint": endpoint}
