"""What a stage's functions are told and allowed, spelled once: environment variables and grants by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra import grants, scaling
from infra.grants import Grant
from infra.settings import Settings
from infra.stores import Stores
from relearn import names, partitions, predictions, s3_keys

SAGEMAKER = "sagemaker.amazonaws.com"


class Access:
    """Grants and variables on one stage's resources, as the stack of ``scope`` sees them.

    Parameters
    ----------
    models
        Names of all models.
    """

    def __init__(
        self, scope: Construct, *, settings: Settings, stores: Stores, models: Sequence[str]
    ) -> None:
        self._scope = scope
        self._stack = Stack.of(scope)
        self._stage = settings.stage
        self._prefix = names.prefix(settings.stage)
        self._groups = [names.group(settings.stage, model) for model in models]
        self._machine = f"{self._prefix}retrain"
        self.stores = stores
        self.state_machine_arn = self._arn("states", "stateMachine", self._machine)
        self.restore_machine_arn = self._arn("states", "stateMachine", names.restore_machine(self._stage))
        self._variables = {
            "STAGE": settings.stage,
            "LEDGER_TABLE": stores.ledger.table_name,
            "ONLINE_TABLE": stores.online.table_name,
            "UPLOADS_BUCKET": stores.uploads.bucket_name,
            "LAKE_BUCKET": stores.lake.bucket_name,
            "ARTIFACTS_BUCKET": stores.artifacts.bucket_name,
            "TOPIC_ARN": stores.topic.topic_arn,
            "STATE_MACHINE_ARN": self.state_machine_arn,
            "RESTORE_MACHINE_ARN": self.restore_machine_arn,
            "FEATURES_ENGINE": settings.features_engine,
            "DEBOUNCE_SECONDS": None if settings.debounce_seconds is None else str(settings.debounce_seconds),
            "ROLLOUT_SECONDS": None if settings.rollout_seconds is None else str(settings.rollout_seconds),
        }

    def variables(self, *wanted: str, **more: str) -> dict[str, str]:
        """Give the named environment variables (those that the stage sets) and ``more``."""
        known = {name: value for name in wanted if (value := self._variables[name]) is not None}
        return {**known, **more}

    def ledger(self, *actions: str) -> Grant:
        """Allow DynamoDB ``actions`` (without ``dynamodb:``) on the ledger."""
        return Grant(
            actions=[f"dynamodb:{action}" for action in actions], resources=[self.stores.ledger.table_arn]
        )

    def online(self, *actions: str) -> Grant:
        """Allow DynamoDB ``actions`` (without ``dynamodb:``) on the features that are looked up."""
        return Grant(
            actions=[f"dynamodb:{action}" for action in actions], resources=[self.stores.online.table_arn]
        )

    def keep_answers(self) -> Grant:
        """Allow writing what belongs to idempotency keys, and no other item of the ledger."""
        return self._own_items("PutItem", "DeleteItem", of=partitions.IDEMPOTENCY)

    def keep_forms(self) -> Grant:
        """Allow writing down uploads' forms, and no other item of the ledger."""
        return self._own_items("PutItem", of=partitions.FORMS)

    def live(self, *actions: str) -> Grant:
        """Allow DynamoDB ``actions`` on what is counted while a candidate is tried, and on no other item."""
        return self._own_items(*actions, of=partitions.LIVE)

    def wake(self, function: str) -> Grant:
        """Allow calling a function of the stage, whichever stack it is in; ``function`` is its file."""
        name = names.function(self._stage, function)
        return Grant(actions=["lambda:InvokeFunction"], resources=[self._arn("lambda", "function", name)])

    def index(self, *actions: str) -> Grant:
        """Allow DynamoDB ``actions`` on what is known of predictions and their truths, and on no other item."""
        return Grant(
            actions=[f"dynamodb:{action}" for action in actions],
            resources=[self.stores.ledger.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{predictions.PARTITION}*"]}},
        )

    def place_lines(self, folder: str) -> list[Grant]:
        """Allow putting lines into objects of the lake's ``folder``, each once."""
        return [
            self.index("BatchGetItem", "PutItem"),
            self.list_lake(folder),  # to see whether an object is there
            self.lake("s3:PutObject", under=[folder]),
        ]

    def uploads(self, *actions: str, conditions: Mapping[str, Any] | None = None) -> Grant:
        """Allow ``actions`` on the uploads bucket itself."""
        return Grant(actions=actions, resources=[self.stores.uploads.bucket_arn], conditions=conditions or {})

    def incoming(self, *actions: str) -> Grant:
        """Allow ``actions`` on uploads."""
        return grants.objects(self._scope, self.stores.uploads, *actions, under=[f"{s3_keys.INCOMING}/"])

    def sent_files(self, *actions: str) -> Grant:
        """Allow ``actions`` on the files that callers send to be scored."""
        return grants.objects(self._scope, self.stores.uploads, *actions, under=[f"{s3_keys.BATCHES}/"])

    def lake(self, *actions: str, under: Sequence[str]) -> Grant:
        """Allow ``actions`` on the lake's folders ``under``."""
        return grants.objects(
            self._scope, self.stores.lake, *actions, under=[f"{folder}/" for folder in under]
        )

    def list_lake(self, *under: str) -> Grant:
        """Allow listing the lake's folders ``under``."""
        return Grant(
            actions=["s3:ListBucket"],
            resources=[self.stores.lake.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{folder}/*" for folder in under]}},
        )

    def artifacts(self, *actions: str, under: str = s3_keys.MODELS) -> Grant:
        """Allow ``actions`` on the artifacts' folder ``under``."""
        return grants.objects(self._scope, self.stores.artifacts, *actions, under=[f"{under}/"])

    def publish(self) -> Grant:
        """Allow telling people."""
        return Grant(actions=["sns:Publish"], resources=[self.stores.topic.topic_arn])

    def machine(self, *actions: str) -> Grant:
        """Allow Step Functions ``actions`` (without ``states:``) on the retrain state machine."""
        return Grant(actions=[f"states:{action}" for action in actions], resources=[self.state_machine_arn])

    def restore_machine(self, *actions: str) -> Grant:
        """Allow Step Functions ``actions`` on the state machine that deploys versions again."""
        return Grant(actions=[f"states:{action}" for action in actions], resources=[self.restore_machine_arn])

    def restores(self, *actions: str) -> Grant:
        """Allow Step Functions ``actions`` on any execution of it."""
        machine = names.restore_machine(self._stage)
        return Grant(
            actions=[f"states:{action}" for action in actions],
            resources=[self._arn("states", "execution", f"{machine}:*")],
            because="an execution is named by version and time, which are known only at run time",
        )

    def executions(self, *actions: str) -> Grant:
        """Allow Step Functions ``actions`` on any run."""
        return Grant(
            actions=[f"states:{action}" for action in actions],
            resources=[self._arn("states", "execution", f"{self._machine}:*")],
            because="an execution is named by its run, which is known only at run time",
        )

    def sagemaker(self, *actions: str, on: Sequence[str]) -> Grant:
        """Allow SageMaker ``actions`` (without ``sagemaker:``) on what runs create, by kind: ``"endpoint"`` ..."""
        return Grant(
            actions=[f"sagemaker:{action}" for action in actions],
            resources=[self._runtime_arn(kind) for kind in on],
            because=f"runs create it: the name starts with {self._prefix} and ends in model and version",
        )

    def ask_endpoints_of(self, model: str) -> Grant:
        """Allow asking the endpoints of one model."""
        name = f"{names.group(self._stage, model)}-v*"
        return Grant(
            actions=["sagemaker:InvokeEndpoint"],
            resources=[self._stack.format_arn(service="sagemaker", resource="endpoint", resource_name=name)],
            because="runs create it: the name ends in the version",
        )

    def ask_hosts(self) -> Grant:
        """Allow asking the host of any model for a version."""
        return Grant(
            actions=["lambda:InvokeFunction"],
            resources=[self._arn("lambda", "function", names.host_function(self._stage, "*"))],
            because="every model has a host, and no other function is named so",
        )

    def register_versions(self) -> Grant:
        """Allow adding a version to each model's package group; asked of the version, not of the group."""
        return self.versions("CreateModelPackage")

    def versions(self, *actions: str) -> Grant:
        """Allow SageMaker ``actions`` on the versions in each model's package group."""
        packages = [self._arn("sagemaker", "model-package", f"{group}/*") for group in self._groups]
        return Grant(
            actions=[f"sagemaker:{action}" for action in actions],
            resources=packages,
            because="the version's number is known only once it is registered",
        )

    def wake_runs(self) -> Grant:
        """Allow telling a run that waits by a task token to go on.

        The Service Authorization Reference names no resource for it. In an account a token of a step that is no
        activity belongs to its state machine, and leave on that is enough: what `StateMachine.grant_task_response` of
        AWS CDK gives too.
        """
        return self.machine("SendTaskSuccess")

    def drop_versions(self) -> list[Grant]:
        """Allow taking a version's endpoint, endpoint config and model away, and its features."""
        return [*self.drop_endpoints(), self.online("Query", "BatchWriteItem")]

    def drop_endpoints(self) -> list[Grant]:
        """Allow taking a version's endpoint, endpoint config and model away, and what scales it."""
        return [
            scaling.allow(self._stack, "DeregisterScalableTarget"),
            self.sagemaker("DescribeEndpoint", "DeleteEndpoint", on=["endpoint"]),
            self.sagemaker("DeleteEndpointConfig", on=["endpoint-config"]),
            self.sagemaker("DeleteModel", on=["model"]),
        ]

    def scale_endpoints(self) -> list[Grant]:
        """Allow registering a version's endpoint to be scaled."""
        return [
            *scaling.register(self._stack, prefix=self._prefix),
            self.sagemaker("UpdateEndpointWeightsAndCapacities", on=["endpoint"]),
        ]

    def guards(self) -> Grant:
        """Allow looking for the alarms that rollouts heed."""
        return grants.look_at_alarms(self._stack)

    def look_for_endpoints(self) -> list[Grant]:
        """Allow finding endpoints, endpoint configs and models, and whose they are."""
        return [
            grants.list_sagemaker("Endpoints", "EndpointConfigs", "Models"),
            self.sagemaker("ListTags", on=["endpoint", "endpoint-config", "model"]),
        ]

    def pass_to_sagemaker(self, role: iam.IRole) -> Grant:
        """Allow handing ``role`` to SageMaker."""
        return grants.pass_role(role, to=SAGEMAKER)

    def _own_items(self, *actions: str, of: str) -> Grant:
        """Allow DynamoDB ``actions`` on the items whose partition key starts with ``of``."""
        return Grant(
            actions=[f"dynamodb:{action}" for action in actions],
            resources=[self.stores.ledger.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{of}*"]}},
        )

    def _runtime_arn(self, kind: str) -> str:
        return self._stack.format_arn(service="sagemaker", resource=kind, resource_name=f"{self._prefix}*")

    def _arn(self, service: str, resource: str, name: str) -> str:
        colon = service in ("states", "lambda")
        separator = ArnFormat.COLON_RESOURCE_NAME if colon else ArnFormat.SLASH_RESOURCE_NAME
        return self._stack.format_arn(
            service=service, resource=resource, resource_name=name, arn_format=separator
        )
