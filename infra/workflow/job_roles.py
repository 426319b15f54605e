"""Roles that SageMaker assumes for training jobs, ad-hoc jobs and endpoints: one of each for every model.

The actions are those that the SageMaker guide lists for an execution role without a VPC ("SageMaker AI
roles", CreateTrainingJob and CreateModel), narrowed to our buckets and image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.base import grants
from infra.base.access import Access
from infra.base.grants import Grant
from infra.base.sagemaker_access import SAGEMAKER
from infra.base.settings import Settings
from relearn.naming import resources, s3_keys
from relearn.spec.model import ModelSpec, on_spark

JOB = "job"
"""Kinds of roles, as in their names."""
ENDPOINT = "endpoint"
EXPERIMENT = "exp"


class RolesOfModels(Construct):
    """Roles of one kind, one for each model.

    They have names with a common prefix, so that a policy that passes them need not list them: a role's
    policies have at most 10,240 characters.

    Attributes
    ----------
    arn_prefix
        Prefix of their ARNs; the model's name follows.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: str,
        kind: str,
        grants_of: Mapping[str, Sequence[Grant]],
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        prefix = resources.roles(stage, kind, stack.region)
        for model, allowed in grants_of.items():
            grants.role(self, model, service=SAGEMAKER, grants=allowed, name=f"{prefix}{model}")
        self.arn_prefix = stack.format_arn(service="iam", region="", resource="role", resource_name=prefix)


class ModelRoles:
    """Factory of the roles of a stage's models; each role has access to its model's data only.

    Parameters
    ----------
    scope
        Scope of the roles.
    specs
        Model name to spec.
    image
        Repository of the training image.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: Settings,
        specs: Mapping[str, ModelSpec],
        access: Access,
        image: ecr.IRepository,
    ) -> None:
        self._scope = scope
        self._roles_of_models = Construct(scope, "Roles")
        self._settings = settings
        self._specs = specs
        self._access = access
        self._image = image

    def jobs(self) -> RolesOfModels:
        """Create the roles of training jobs.

        They read a snapshot and the champion, and write the artifact and features. For a model whose features
        are computed on Spark they read these too.
        """
        return self._roles("Job", JOB, self._training)

    def experiments(self) -> RolesOfModels:
        """Create the roles of ad-hoc jobs, which cannot write an artifact that may serve."""
        return self._roles("Experiment", EXPERIMENT, self._trying)

    def endpoints(self) -> RolesOfModels:
        """Create the roles of served models.

        With its role SageMaker reads the artifact and, in transform jobs, reads and writes batches. A
        container on instances is isolated from the network and gets no credentials. Serverless inference has
        no isolation, so a serverless container could use these permissions.
        """
        return self._roles("Endpoint", ENDPOINT, lambda spec: self._serving(spec.name))

    def of_versions_that_are_older(self) -> None:
        """Keep the one role that all served models shared before each had its own.

        Models deployed then name it in SageMaker, where a model cannot be changed, and would not scale or
        score batches without it. No function can pass it any more.
        """
        grants.role(self._scope, "EndpointRole", service=SAGEMAKER, grants=self._serving())

    def _roles(
        self, construct_id: str, kind: str, grants_of: Callable[[ModelSpec], Sequence[Grant]]
    ) -> RolesOfModels:
        found = {name: grants_of(spec) for name, spec in self._specs.items()}
        return RolesOfModels(
            self._roles_of_models, construct_id, stage=self._settings.stage, kind=kind, grants_of=found
        )

    def _training(self, spec: ModelSpec) -> list[Grant]:
        kept = f"{s3_keys.FEATURES}/{spec.name}"
        made = f"{s3_keys.SPARK}/{spec.name}"
        spark = on_spark(spec, self._settings.features_engine)
        return [
            *self._job(spec.name, writes=s3_keys.MODELS),
            self._access.lake("s3:GetObject", "s3:PutObject", under=[kept]),
            self._access.list_lake(kept),
            *(
                [self._access.lake("s3:GetObject", under=[made]), self._access.list_lake(made)]
                if spark
                else []
            ),
        ]

    def _trying(self, spec: ModelSpec) -> list[Grant]:
        return self._job(spec.name, writes=s3_keys.EXPERIMENTS)

    def _job(self, model: str, *, writes: str) -> list[Grant]:
        snapshots = [f"{folder}/{model}" for folder in (s3_keys.DATASETS, s3_keys.SNAPSHOTS)]
        artifacts = s3_keys.artifact_prefix(model)
        return [
            self._access.lake("s3:GetObject", under=snapshots),
            self._access.list_lake(*snapshots),
            self._access.artifacts("s3:GetObject", under=artifacts),
            _list(self._access.stores.artifacts, under=artifacts),
            self._access.artifacts("s3:PutObject", under=f"{writes}/{model}"),
            *_container(self._scope, image=self._image, logs="TrainingJobs"),
        ]

    def _serving(self, model: str | None = None) -> list[Grant]:
        """Return the grants for one model, or for all when ``model`` is None."""
        of = "" if model is None else f"/{model}"
        batches = f"{s3_keys.BATCHES}{of}"
        return [
            self._access.artifacts("s3:GetObject", under=f"{s3_keys.MODELS}{of}"),
            self._access.lake("s3:GetObject", "s3:PutObject", under=[batches]),
            self._access.list_lake(batches),
            *_container(self._scope, image=self._image, logs="Endpoints"),
            *_output(self._scope, logs="TransformJobs"),
        ]


def _list(bucket: s3.IBucket, *, under: str) -> Grant:
    return Grant(
        actions=["s3:ListBucket"],
        resources=[bucket.bucket_arn],
        conditions={"StringLike": {"s3:prefix": [f"{under}/*"]}},
    )


def _container(scope: Construct, *, image: ecr.IRepository, logs: str) -> list[Grant]:
    return [
        Grant(
            actions=["ecr:GetAuthorizationToken"],
            resources=["*"],
            because="ECR gives tokens for the whole registry; this action takes no resource",
        ),
        Grant(
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=[image.repository_arn],
        ),
        *_output(scope, logs=logs),
    ]


def _output(scope: Construct, *, logs: str) -> list[Grant]:
    group = Stack.of(scope).format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"/aws/sagemaker/{logs}*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return [
        Grant(
            actions=[
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            resources=[group],
            because=f"SageMaker makes the group and one stream for each container under /aws/sagemaker/{logs}",
        ),
        Grant(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            because="CloudWatch takes no resource for metrics; narrowed to SageMaker's namespace by a condition",
            conditions={"StringLike": {"cloudwatch:namespace": f"/aws/sagemaker/{logs}"}},
        ),
    ]
