"""The AWS Glue job that makes features on Spark; a stage has it when one of its models asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra import assets, grants
from infra.access import Access
from infra.grants import Grant
from infra.settings import Settings
from relearn import engines, names, s3_keys
from relearn.spec import ModelSpec

GLUE_VERSION = "5.1"  # Spark 3.5.6 and Python 3.11: requirements-spark.in has the same
READ = ("datasets", "snapshots")
MOST_RUNS = 20
"""Runs of the job at once; a run that finds no place waits for one."""


class FeatureJob(Construct):
    """The job, its role and what it runs.

    Parameters
    ----------
    specs
        Model name to spec; the largest demand is the job's own, each run asks for its model's.
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
        self.name = names.feature_job(settings.stage)
        script = _asset(self, "Script", assets.ROOT / "training" / "glue_job.py")
        packages = _asset(self, "Packages", assets.ROOT / "training" / "requirements-glue.txt")
        code = _asset(self, "Code", assets.image_context())
        role = self._role(access, script, packages, code)
        chosen = [spec.engine for spec in specs.values() if engines.on_spark(spec, settings.features_engine)]
        glue.CfnJob(
            self,
            "Job",
            name=self.name,
            role=role.role_arn,
            command=glue.CfnJob.JobCommandProperty(
                name="glueetl", python_version="3", script_location=_uri(script)
            ),
            glue_version=GLUE_VERSION,
            worker_type=chosen[0].worker_type,
            number_of_workers=max(engine.workers for engine in chosen),
            timeout=max(engine.max_runtime_minutes for engine in chosen),
            max_retries=0,  # the state machine repeats what passes by itself
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

    @property
    def arn(self) -> str:
        """ARN of the job."""
        return Stack.of(self).format_arn(service="glue", resource="job", resource_name=self.name)

    def request(self) -> dict[str, Any]:
        """Write StartJobRun's request, the run's part of it taken from what Open returned."""
        return {
            "JobName": self.name,
            "Arguments": {
                "--model.$": "$.model",
                "--snapshot.$": "$.spark.snapshot",
                "--output.$": "$.spark.output",
                "--now.$": "$.spark.now",
            },
            "WorkerType.$": "$.spark.worker_type",
            "NumberOfWorkers.$": "$.spark.workers",
            "Timeout.$": "$.spark.minutes",
        }

    def run(self) -> Grant:
        """Allow running the job and waiting for it, which Step Functions does by asking."""
        actions = ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun")
        return Grant(actions=[f"glue:{action}" for action in actions], resources=[self.arn])

    def _role(self, access: Access, *fetched: s3_assets.Asset) -> iam.IRole:
        return grants.role(
            self,
            "Role",
            service="glue.amazonaws.com",
            grants=[
                Grant(actions=["s3:GetObject"], resources=[_object_arn(asset) for asset in fetched]),
                access.lake("s3:GetObject", under=READ),
                access.lake("s3:GetObject", "s3:PutObject", "s3:DeleteObject", under=[s3_keys.SPARK]),
                access.list_lake(*READ, s3_keys.SPARK),
                _write_logs(self),
            ],
        )


def any_on_spark(settings: Settings, specs: Mapping[str, ModelSpec]) -> bool:
    """Tell whether a stage needs the job."""
    return any(engines.on_spark(spec, settings.features_engine) for spec in specs.values())


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
