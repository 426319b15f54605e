"""HTTP API with its functions, and the custom resource that starts and cleans up a stage's models."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CfnOutput
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.api import site
from infra.api.api import Api
from infra.api.auth import described
from infra.base import queues, staging
from infra.base.access import Access
from infra.base.functions import Function
from infra.base.settings import Settings
from infra.base.stack import StageStack
from infra.base.stores import Stores
from infra.parts import links
from infra.parts.batches import Batches
from infra.parts.lifecycle import Lifecycle
from infra.parts.predict import PredictionFunctions
from infra.parts.records import Records
from infra.parts.shadow import Trials
from infra.stacks.training import TrainingStack
from infra.workflow import step_functions
from relearn.naming import s3_keys, sandbox
from relearn.naming.environment import Variable
from relearn.records import predictions
from relearn.spec.hosting import InLambda
from relearn.spec.model import ModelSpec


class ServingStack(StageStack):
    """API, its functions, and the lifecycle resource.

    Parameters
    ----------
    training
        Training stack, which must be complete before the first seed is uploaded, and until the last endpoint
        is deleted.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        specs: Mapping[str, ModelSpec],
        stores: Stores,
        training: TrainingStack,
    ) -> None:
        super().__init__(
            scope, construct_id, settings=settings, part="serving", about="HTTP API, first models"
        )
        self.add_stack_dependency(training)
        access = Access(self, settings=settings, stores=stores)
        code = lambda_.Code.from_asset(str(staging.lambda_code(specs)))
        self.records = Records(self, "Records", settings=settings, access=access, code=code)
        self.trials = Trials(self, "Trials", settings=settings, access=access, code=code)
        prediction_functions = PredictionFunctions(
            settings=settings, access=access, code=code, records=self.records, trials=self.trials
        )
        self.predict = prediction_functions.predict(self)
        self.hosts = prediction_functions.hosts(self, specs)
        self.feedback = Function(
            self,
            "Feedback",
            settings=settings,
            name="feedback",
            code=code,
            environment=access.variables(Variable.STAGE, Variable.LEDGER_TABLE, Variable.LAKE_BUCKET),
            allowed=access.place_lines(predictions.TRUTH),
            timeout_seconds=29,  # the API's timeout is 30
            memory_mb=1769,  # a whole core: a full request is a thousand writes
        )
        self.models = Function(
            self,
            "Models",
            settings=settings,
            name="models",
            code=code,
            environment=access.variables(Variable.STAGE, Variable.LEDGER_TABLE),
            allowed=[access.ledger("GetItem", "Query")],
            timeout_seconds=10,
        )
        self.docs = Function(
            self,
            "Docs",
            settings=settings,
            name="docs",
            code=lambda_.Code.from_asset(str(site.code(sandbox.without(specs), described(settings)))),
            environment=access.variables(Variable.STAGE),
            allowed=[],
            timeout_seconds=10,
        )
        self.batches = Batches(self, "Batches", settings=settings, access=access, code=code)
        self.uploads = Function(
            self,
            "Uploads",
            settings=settings,
            name="uploads",
            code=code,
            environment=access.variables(
                Variable.STAGE,
                Variable.LEDGER_TABLE,
                Variable.UPLOADS_BUCKET,
                Variable.LAKE_BUCKET,
                Variable.LINKS_ROLE,
                Variable.INGEST_SECONDS,
            ),
            allowed=[
                access.ledger("GetItem", "Query"),
                access.keep_forms(),
                access.uploads(
                    "s3:ListBucketVersions",
                    conditions={"StringLike": {"s3:prefix": f"{s3_keys.INCOMING}/*"}},
                ),
                access.lake("s3:GetObject", under=[s3_keys.QUARANTINE]),
            ],
        )
        self.operate = Function(
            self,
            "Operate",
            settings=settings,
            name="operate",
            code=code,
            environment=access.variables(
                Variable.STAGE,
                Variable.LEDGER_TABLE,
                Variable.TOPIC_ARN,
                Variable.STATE_MACHINE_ARN,
                Variable.RESTORE_MACHINE_ARN,
                Variable.DEBOUNCE_SECONDS,
            ),
            allowed=step_functions.moving_by_hand(access),
            timeout_seconds=29,  # the API's timeout is 30
        )
        signs = links.role(
            self,
            "Links",
            settings=settings,
            access=access,
            functions=[self.uploads, self.batches.api],
        )
        asked = [
            self.predict,
            self.feedback,
            self.models,
            self.docs,
            self.batches.api,
            self.uploads,
            self.operate,
        ]
        self.api = Api(
            self,
            "Api",
            settings=settings,
            functions=asked,
            hosts={name: self.hosts[name] for name, spec in specs.items() if _is_in_lambda(spec)},
        )
        Lifecycle(
            self,
            "Lifecycle",
            settings=settings,
            specs=specs,
            access=access,
            code=code,
            after=[*asked, *self.hosts.values(), self.records, self.trials, self.batches, signs, self.api],
        )
        queues.tell_dead_letters(
            self,
            "ServingDeadLetters",
            {
                "record": (self.records.dead_letters, self.records.queue),
                "trial": (self.trials.dead_letters, self.trials.queue),
                "batch_event": (self.batches.dead_letters, self.batches.events),
            },
        )
        CfnOutput(self, "ApiUrl", value=self.api.url)
        CfnOutput(self, "ApiAuth", value=settings.api_auth)
        if settings.api_auth == "jwt":
            CfnOutput(self, "ApiScopePrefix", value=settings.jwt_scope_prefix)


def _is_in_lambda(spec: ModelSpec) -> bool:
    return isinstance(spec.hosting, InLambda)
