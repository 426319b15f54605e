"""From an upload to a serving version: ingest, state machine of runs, sweep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aws_cdk import CfnOutput
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.base import queues, staging
from infra.base.access import Access
from infra.base.settings import Settings
from infra.base.stack import StageStack
from infra.base.stores import Stores
from infra.parts import training_image
from infra.parts.approvals import Approvals
from infra.parts.ingest import Ingest
from infra.parts.schedules import Schedules
from infra.parts.sweep import Sweep
from infra.stacks.models import ModelsStack
from infra.workflow import feature_job, state_machine, step_functions
from infra.workflow.feature_job import FeatureJobs
from infra.workflow.job_roles import ModelRoles
from relearn.spec.model import ModelSpec


class TrainingStack(StageStack):
    """Ingest, runs and sweep of a stage.

    Parameters
    ----------
    specs
        Model name to spec, of all models.
    models
        Stacks that hold the models' own resources; none: this one does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        specs: Mapping[str, ModelSpec],
        stores: Stores,
        models: Iterable[ModelsStack] = (),
    ) -> None:
        super().__init__(
            scope, construct_id, settings=settings, part="training", about="ingest, retrain, sweep"
        )
        for stack in models:
            self.add_stack_dependency(stack)  # it refers to their resources only by prefixes of names
        access = Access(self, settings=settings, stores=stores)
        code = lambda_.Code.from_asset(str(staging.lambda_code(specs)))
        image = training_image.of(self, settings)
        spark = feature_job.any_on_spark(settings, specs)
        own = specs if settings.model_stacks == 1 else {}
        roles = ModelRoles(self, settings=settings, specs=own, access=access, image=image.repository)
        self.ingest = Ingest(self, "Ingest", settings=settings, access=access, code=code)
        self.functions = step_functions.make(
            self,
            settings=settings,
            access=access,
            code=code,
            image_uri=image.uri,
            endpoint_roles=roles.endpoints(),
            duckdb=self.ingest.duckdb,
        )
        self.retrain = state_machine.retrain(
            self,
            settings=settings,
            specs=specs,
            access=access,
            functions=self.functions,
            job_roles=roles.jobs(),
            image_uri=image.uri,
            feature_jobs=FeatureJobs(self, "Features", settings=settings, specs=own, access=access)
            if spark
            else None,
        )
        self.restores = state_machine.restore(self, settings=settings, functions=self.functions)
        self.sweep = Sweep(
            self, "Sweep", settings=settings, access=access, code=code, queue=self.ingest.queue
        )
        self.approvals = Approvals(self, "Approvals", settings=settings, access=access, code=code)
        self.schedules = Schedules(
            self, "Schedules", settings=settings, specs=specs, access=access, code=code
        )
        CfnOutput(self, "RetrainStateMachine", value=self.retrain.state_machine_arn)
        CfnOutput(self, "RestoreStateMachine", value=self.restores.state_machine_arn)
        CfnOutput(self, "TrainingImage", value=image.uri)
        queues.tell_dead_letters(
            self,
            "TrainingDeadLetters",
            {
                "ingest": (self.ingest.dead_letters, self.ingest.queue),
                "scheduled_run": (self.schedules.dead_letters, self.schedules.function),
            },
        )
        CfnOutput(self, "ExperimentRoles", value=roles.experiments().arn_prefix)
        if settings.model_stacks > 1:
            CfnOutput(self, "ModelStacks", value=str(settings.model_stacks))
        roles.of_versions_that_are_older()
