"""Resources of some of a stage's models, where one stack could not hold those of all."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CfnWaitConditionHandle
from constructs import Construct

from infra.base.access import Access
from infra.base.settings import Settings
from infra.base.stack import StageStack
from infra.base.stores import Stores
from infra.parts import training_image
from infra.workflow.feature_job import FeatureJobs
from infra.workflow.job_roles import ModelRoles
from relearn.spec.model import ModelSpec


class ModelsStack(StageStack):
    """Roles, and Glue jobs where features are made on Spark, of a part of the models.

    Parameters
    ----------
    part
        Which part: one of `relearn.naming.resources.model_parts`.
    specs
        Model name to spec, of the models of that part.
    stores
        Stores of the stage.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        part: str,
        specs: Mapping[str, ModelSpec],
        stores: Stores,
    ) -> None:
        super().__init__(scope, construct_id, settings=settings, part=part, about="roles of models")
        access = Access(self, settings=settings, stores=stores)
        image = training_image.repository(self)
        roles = ModelRoles(self, settings=settings, specs=specs, access=access, image=image)
        for kind in (roles.jobs, roles.endpoints, roles.experiments):
            kind()
        FeatureJobs(self, "Features", settings=settings, specs=specs, access=access)
        if not specs:
            CfnWaitConditionHandle(self, "Empty")  # CloudFormation takes no stack without a resource
