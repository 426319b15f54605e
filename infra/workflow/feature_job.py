"""AWS Glue jobs that compute features on Spark, one for each model that needs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.base import grants, staging
from infra.base.access import Access
from infra.base.grants import Grant
from infra.base.settings import Settings
from relearn.lifecycle.run_context import path
from relearn.naming import resources, s3_keys
from relearn.spec.model import ModelSpec, on_spark

GLUE_VERSION = "5.1"  # Spark 3.5.6 and Python 3.11, as in requirements-spark.in
READ = (s3_keys.DATASETS, s3_keys.SNAPSHOTS)
"""Lake folders that a job reads."""
MOST_RUNS = 2
"""Maximum number of concurrent runs of a job: a model has one run at a time, and the job of the previous one
may still be stopping."""


class FeatureJobs(Construct):
    """Glue job, with its role, of each model whose features are computed on Spark; all share their code.

    StartJobRun takes no role, so only the job's own role keeps one model's code from the data of others.

    Parameters
    ----------
    specs
        Model name to spec, of the models whose jobs are in this stack; others may be in other stacks.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        specs: Mapping[str, ModelSpec],
        access: Access,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = resources.feature_jobs(settings.stage)
        if not any_on_spark(settings, specs):
            return
        script = _asset(self, "Script", staging.ROOT / "training" / "job" / "glue_job.py")
        packages = _asset(self, "Packages", staging.ROOT / "training" / "requirements-glue.txt")
        code = _asset(self, "Code", staging.image_context())
        for spec in specs.values():
            if on_spark(spec, settings.features_engine):
                home = Construct(self, spec.name)
                role = _role(home, access, spec.name, script, packages, code)
                self._job(home, spec, role=role, script=script, packages=packages, code=code)

    def request(self) -> dict[str, Any]:
        """Return the StartJobRun request, with the run's values taken from what Open returned."""
        return {
            "JobName.$": f"States.Format('{self._prefix}{{}}', {path('model')})",
            "Arguments": {
                "--model.$": path("model"),
                "--snapshot.$": path("spark", "snapshot"),
                "--output.$": path("spark", "output"),
                "--now.$": path("spark", "now"),
            },
            "WorkerType.$": path("spark", "worker_type"),
            "NumberOfWorkers.$": path("spark", "workers"),
            "Timeout.$": path("spark", "minutes"),
        }

    def run(self) -> Grant:
        """Allow running the jobs and polling them, as Step Functions does."""
        actions = ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun")
        of_any = Stack.of(self).format_arn(service="glue", resource="job", resource_name=f"{self._prefix}*")
        return Grant(
            actions=[f"glue:{action}" for action in actions],
            resources=[of_any],
            because="there is one for each model, whose name ends it; a list of them would outgrow the policy",
        )

    def _job(
        self,
        scope: Construct,
        spec: ModelSpec,
        *,
        role: iam.IRole,
        script: s3_assets.Asset,
        packages: s3_assets.Asset,
        code: s3_assets.Asset,
    ) -> None:
        glue.CfnJob(
            scope,
            "Job",
            name=f"{self._prefix}{spec.name}",
            role=role.role_arn,
            command=glue.CfnJob.JobCommandProperty(
                name="glueetl", python_version="3", script_location=_uri(script)
            ),
            glue_version=GLUE_VERSION,
            worker_type=spec.engine.worker_type,
            number_of_workers=spec.engine.workers,
            timeout=spec.engine.max_runtime_minutes,
            max_retries=0,  # the state machine retries transient errors
            execution_property=glue.CfnJob.ExecutionPropertyProperty(max_concurrent_runs=MOST_RUNS),
            default_arguments={
                "--code": _uri(code),
                "--additional-python-modules": _uri(packages),
                "--python-modules-installer-option": "-r",
                "--enable-auto-scaling": "true",
                "--enable-job-insights": "false",
                "--job-language": "python",
            },
        )


def any_on_spark(settings: Settings, specs: Mapping[str, ModelSpec]) -> bool:
    """Return whether any model of a stage needs a job."""
    return any(on_spark(spec, settings.features_engine) for spec in specs.values())


def _role(scope: Construct, access: Access, model: str, *fetched: s3_assets.Asset) -> iam.IRole:
    read = [f"{folder}/{model}" for folder in READ]
    made = f"{s3_keys.SPARK}/{model}"
    return grants.role(
        scope,
        "Role",
        service="glue.amazonaws.com",
        grants=[
            Grant(actions=["s3:GetObject"], resources=[_object_arn(asset) for asset in fetched]),
            access.lake("s3:GetObject", under=read),
            access.lake("s3:GetObject", "s3:PutObject", "s3:DeleteObject", under=[made]),
            access.list_lake(*read, made),
            _look_at_ancestors(access),
            _write_logs(scope),
        ],
    )


def _look_at_ancestors(access: Access) -> Grant:
    """Allow listing the folder of all models, which shows their names but nothing in their folders.

    Before Hadoop's S3A writes into a new folder it lists each parent folder until it finds one that exists.
    """
    return Grant(
        actions=["s3:ListBucket"],
        resources=[access.stores.lake.bucket_arn],
        conditions={"StringEquals": {"s3:prefix": f"{s3_keys.SPARK}/", "s3:delimiter": "/"}},
    )


def _asset(scope: Construct, construct_id: str, path: Path) -> s3_assets.Asset:
    return s3_assets.Asset(scope, construct_id, path=str(path))


def _uri(asset: s3_assets.Asset) -> str:
    return f"s3://{asset.s3_bucket_name}/{asset.s3_object_key}"


def _object_arn(asset: s3_assets.Asset) -> str:
    return f"arn:{Aws.PARTITION}:s3:::{asset.s3_bucket_name}/{asset.s3_object_key}"


def _write_logs(scope: Construct) -> Grant:
    groups = Stack.of(scope).format_arn(
        service="logs",
        resource="log-group",
        resource_name="/aws-glue/jobs/*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return Grant(
        actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[groups],
        because="AWS Glue makes the groups, and one stream for each run and machine under /aws-glue/jobs",
    )
