"""The only custom resource.

On create it uploads the seeds of models without data; on update it refuses to remove a host that is needed; on
delete it removes what runs created.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IDependable

from infra.base import grants, staging
from infra.base.access import Access
from infra.base.functions import Function
from infra.base.grants import Grant
from infra.base.settings import Settings
from infra.workflow.step_functions import ending_a_run
from relearn.naming import s3_keys
from relearn.naming.environment import Variable
from relearn.spec.hosting import has_host
from relearn.spec.model import ModelSpec

TIMEOUT_SECONDS = 900
"""Timeout of the function, in seconds."""


class Lifecycle(Construct):
    """Lifecycle function, and the custom resource that calls it directly, without a framework function.

    Parameters
    ----------
    after
        Resources that must exist before it is created, and until it is deleted.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        specs: Mapping[str, ModelSpec],
        access: Access,
        code: lambda_.Code,
        after: list[IDependable],
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = Function(
            self,
            "Lifecycle",
            settings=settings,
            name="lifecycle",
            code=code,
            environment=access.variables(
                Variable.STAGE,
                Variable.LEDGER_TABLE,
                Variable.ONLINE_TABLE,
                Variable.UPLOADS_BUCKET,
                Variable.STATE_MACHINE_ARN,
                Variable.RESTORE_MACHINE_ARN,
                Variable.TOPIC_ARN,
                Variable.DEBOUNCE_SECONDS,
            ),
            allowed=_allowed(access),
            timeout_seconds=TIMEOUT_SECONDS,
        )
        resource = CustomResource(
            self,
            "Resource",
            service_token=self.function.arn,
            resource_type="Custom::RelearnLifecycle",
            service_timeout=Duration.seconds(TIMEOUT_SECONDS + 60),
            properties={
                "Models": sorted(specs),
                "Seeds": staging.seeds_digest(specs),
                # Of the models whose host this deployment removes, no version in Lambda may still be needed.
                "Hosts": sorted(name for name, spec in specs.items() if has_host(spec.hosting)),
            },
        )
        resource.node.add_dependency(*after)


def _allowed(access: Access) -> list[Grant]:
    ledger, start, _ = ending_a_run(access)
    return [
        ledger,
        start,
        access.machine("ListExecutions"),
        access.executions("StopExecution"),
        access.restore_machine("ListExecutions"),
        access.restores("StopExecution"),
        access.uploads("s3:ListBucket", conditions={"StringLike": {"s3:prefix": f"{s3_keys.INCOMING}/*"}}),
        access.incoming("s3:PutObject"),
        grants.list_sagemaker(
            "Endpoints", "EndpointConfigs", "Models", "ModelPackages", "ModelPackageGroups", "TransformJobs"
        ),
        access.sagemaker.allow("StopTransformJob", on=["transform-job"]),
        *access.sagemaker.drop_endpoints(),
        access.online("Query", "Scan", "BatchWriteItem"),
        access.sagemaker.allow("DeleteModelPackage", on=["model-package"]),
        access.sagemaker.allow("DeleteModelPackageGroup", on=["model-package-group"]),
    ]
