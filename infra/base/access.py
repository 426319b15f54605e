"""Environment variables and permissions of a stage's functions, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import ArnFormat, Stack
from constructs import Construct

from infra.base import grants
from infra.base.grants import Grant
from infra.base.sagemaker_access import SageMakerAccess
from infra.base.settings import Settings
from infra.base.stores import Stores
from relearn.naming import ledger_keys, resources, s3_keys
from relearn.naming.environment import Variable
from relearn.records import predictions


class Access:
    """Environment variables and grants on one stage's resources, as the stack of ``scope`` refers to them.

    Attributes
    ----------
    sagemaker
        Grants on the SageMaker resources that runs create.
    """

    def __init__(self, scope: Construct, *, settings: Settings, stores: Stores) -> None:
        self._scope = scope
        self._stack = Stack.of(scope)
        self._stage = settings.stage
        self._machine = f"{resources.prefix(settings.stage)}retrain"
        self.stores = stores
        self.sagemaker = SageMakerAccess(self._stack, stage=settings.stage)
        self.state_machine_arn = self._arn("states", "stateMachine", self._machine)
        self.restore_machine_arn = self._arn("states", "stateMachine", resources.restore_machine(self._stage))
        links_role_arn = self._stack.format_arn(
            service="iam",
            region="",
            resource="role",
            resource_name=resources.links_role(self._stage, self._stack.region),
        )
        self._variables = {
            Variable.STAGE: settings.stage,
            Variable.LEDGER_TABLE: stores.ledger.table_name,
            Variable.ONLINE_TABLE: stores.online.table_name,
            Variable.UPLOADS_BUCKET: stores.uploads.bucket_name,
            Variable.LAKE_BUCKET: stores.lake.bucket_name,
            Variable.ARTIFACTS_BUCKET: stores.artifacts.bucket_name,
            Variable.TOPIC_ARN: stores.topic.topic_arn,
            Variable.STATE_MACHINE_ARN: self.state_machine_arn,
            Variable.RESTORE_MACHINE_ARN: self.restore_machine_arn,
            Variable.LINKS_ROLE: links_role_arn,
            Variable.FEATURES_ENGINE: settings.features_engine,
            Variable.INGEST_SECONDS: str(settings.ingest_timeout_seconds),
            Variable.DEBOUNCE_SECONDS: None
            if settings.debounce_seconds is None
            else str(settings.debounce_seconds),
            Variable.ROLLOUT_SECONDS: None
            if settings.rollout_seconds is None
            else str(settings.rollout_seconds),
        }

    def variables(self, *wanted: Variable, **more: str) -> dict[str, str]:
        """Return those of the named environment variables that the stage sets, and ``more``."""
        known = {name.value: value for name in wanted if (value := self._variables[name]) is not None}
        return {**known, **more}

    def ledger(self, *actions: str) -> Grant:
        """Allow DynamoDB ``actions`` (without ``dynamodb:``) on the ledger."""
        return Grant(
            actions=[f"dynamodb:{action}" for action in actions], resources=[self.stores.ledger.table_arn]
        )

    def online(self, *actions: str) -> Grant:
        """Allow DynamoDB ``actions`` (without ``dynamodb:``) on the online features."""
        return Grant(
            actions=[f"dynamodb:{action}" for action in actions], resources=[self.stores.online.table_arn]
        )

    def keep_answers(self) -> Grant:
        """Allow writing the items of idempotency keys, and no other item of the ledger."""
        return self._own_items("PutItem", "DeleteItem", of=ledger_keys.IDEMPOTENCY)

    def keep_forms(self) -> Grant:
        """Allow writing the items of upload forms, and no other item of the ledger."""
        return self._own_items("PutItem", of=ledger_keys.FORMS)

    def live(self, *actions: str) -> Grant:
        """Allow DynamoDB ``actions`` on the statistics of a rollout, and on no other item."""
        return self._own_items(*actions, of=ledger_keys.LIVE)

    def wake(self, function: str) -> Grant:
        """Allow invoking a function of the stage, in any stack; ``function`` is its handler's module."""
        name = resources.function(self._stage, function)
        return Grant(actions=["lambda:InvokeFunction"], resources=[self._arn("lambda", "function", name)])

    def index(self, *actions: str) -> Grant:
        """Allow DynamoDB ``actions`` on the index of prediction records, and on no other item."""
        return Grant(
            actions=[f"dynamodb:{action}" for action in actions],
            resources=[self.stores.ledger.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{predictions.PARTITION}*"]}},
        )

    def place_lines(self, folder: str) -> list[Grant]:
        """Allow writing objects of lines into the lake's ``folder``, each once."""
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
        """Allow ``actions`` on the files of batches."""
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

    def list_artifacts(self) -> Grant:
        """Allow listing the artifacts of versions."""
        return Grant(
            actions=["s3:ListBucket"],
            resources=[self.stores.artifacts.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{s3_keys.MODELS}/*"]}},
        )

    def publish(self) -> Grant:
        """Allow publishing notifications."""
        return Grant(actions=["sns:Publish"], resources=[self.stores.topic.topic_arn])

    def machine(self, *actions: str) -> Grant:
        """Allow Step Functions ``actions`` (without ``states:``) on the retrain state machine."""
        return Grant(actions=[f"states:{action}" for action in actions], resources=[self.state_machine_arn])

    def restore_machine(self, *actions: str) -> Grant:
        """Allow Step Functions ``actions`` (without ``states:``) on the restore state machine."""
        return Grant(actions=[f"states:{action}" for action in actions], resources=[self.restore_machine_arn])

    def restores(self, *actions: str) -> Grant:
        """Allow Step Functions ``actions`` (without ``states:``) on its executions."""
        machine = resources.restore_machine(self._stage)
        return Grant(
            actions=[f"states:{action}" for action in actions],
            resources=[self._arn("states", "execution", f"{machine}:*")],
            because="an execution is named by version and time, which are known only at run time",
        )

    def executions(self, *actions: str) -> Grant:
        """Allow Step Functions ``actions`` (without ``states:``) on all runs."""
        return Grant(
            actions=[f"states:{action}" for action in actions],
            resources=[self._arn("states", "execution", f"{self._machine}:*")],
            because="an execution is named by its run, which is known only at run time",
        )

    def ask_hosts(self) -> Grant:
        """Allow invoking the host function of any model."""
        return Grant(
            actions=["lambda:InvokeFunction"],
            resources=[self._arn("lambda", "function", resources.host_function(self._stage, "*"))],
            because="every model has a host, and no other function is named so",
        )

    def wake_runs(self) -> Grant:
        """Allow resuming a run that waits with a task token.

        The Service Authorization Reference names no resource for it. Within an account the token of a step
        that is not an activity belongs to its state machine, and permission on that is enough;
        `StateMachine.grant_task_response` of AWS CDK grants the same.
        """
        return self.machine("SendTaskSuccess")

    def drop_versions(self) -> list[Grant]:
        """Allow deleting a version's endpoint, endpoint config, model and online features."""
        return [*self.sagemaker.drop_endpoints(), self.online("Query", "BatchWriteItem")]

    def guards(self) -> Grant:
        """Allow reading the alarms that end a rollout."""
        return grants.look_at_alarms(self._stack)

    def _own_items(self, *actions: str, of: str) -> Grant:
        """Allow DynamoDB ``actions`` on the items whose partition key starts with ``of``."""
        return Grant(
            actions=[f"dynamodb:{action}" for action in actions],
            resources=[self.stores.ledger.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{of}*"]}},
        )

    def _arn(self, service: str, resource: str, name: str) -> str:
        return self._stack.format_arn(
            service=service, resource=resource, resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
