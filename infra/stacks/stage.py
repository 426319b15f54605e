"""A stage: all of its stacks."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import App, Tags

from infra.base.settings import Settings
from infra.stacks.ci import CiStack
from infra.stacks.data import DataStack
from infra.stacks.models import ModelsStack
from infra.stacks.monitoring import MonitoringStack
from infra.stacks.serving import ServingStack
from infra.stacks.training import TrainingStack
from relearn.naming import resources
from relearn.spec.model import ModelSpec


def build(app: App, *, settings: Settings, specs: Mapping[str, ModelSpec]) -> None:
    """Add every stack of a stage to ``app``.

    Parameters
    ----------
    app
        The CDK app.
    settings
        Settings of the stage.
    specs
        Model name to spec, from `training.catalog.load`.
    """
    data = DataStack(app, "Data", settings=settings)
    parts = resources.model_parts(settings.model_stacks)
    models = [
        ModelsStack(
            app,
            f"Models{number}",
            settings=settings,
            part=part,
            specs={n: s for n, s in specs.items() if resources.model_part(n, settings.model_stacks) == part},
            stores=data.stores,
        )
        for number, part in enumerate(parts, 1)
    ]
    training = TrainingStack(
        app, "Training", settings=settings, specs=specs, stores=data.stores, models=models
    )
    serving = ServingStack(
        app, "Serving", settings=settings, specs=specs, stores=data.stores, training=training
    )
    MonitoringStack(
        app,
        "Monitoring",
        settings=settings,
        topic=data.stores.topic,
        models=specs,
        training=training,
        serving=serving,
    )
    if settings.github_repository is not None:
        # Exported by name, as an acknowledgement of a wildcard after it needs it; so CDK sees no dependency.
        api_id = str(serving.export_value(serving.api.api.api_id))
        ci = CiStack(app, "Ci", settings=settings, stores=data.stores, api_id=api_id)
        ci.add_dependency(serving)
    Tags.of(app).add("relearn:stage", settings.stage)
