"""Synthesises the parts of the CDK app that tests without the CDK need; run as a module, writes them to their file."""

from __future__ import annotations

import json
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.base.settings import Settings
from infra.parts import ingest, records, shadow
from infra.stacks import picture
from infra.workflow import restore, retrain
from infra.workflow.step_functions import RunFunctions
from tests.support.definitions import FILE, MACHINES
from tests.support.fake_sagemaker import ACCOUNT, REGION

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"


def synthesise() -> dict[str, Any]:
    """Synthesise both machines, with imported functions so that no asset is built."""
    settings = Settings(stage="test")
    app = App()
    stack = Stack(app, "Chaos")
    named: Any = SimpleNamespace(
        **{
            found.name: SimpleNamespace(
                function=lambda_.Function.from_function_arn(stack, found.name, FUNCTION + found.name)
            )
            for found in fields(RunFunctions)
        }
    )
    job = retrain.training_job(stage="test", roles=f"arn:aws:iam::{ACCOUNT}:role/job-", image_uri="image")
    runs = retrain.definition(
        Construct(stack, "Steps"),
        functions=named,
        job=job,
        poll_seconds=settings.poll_seconds,
        look_seconds=settings.poll_seconds,
    )
    restores = restore.definition(
        Construct(stack, "Again"), functions=named, restore=named.restore, poll_seconds=settings.poll_seconds
    )
    for name, first in (("retrain", runs), ("restore", restores)):
        body = sfn.DefinitionBody.from_chainable(first)
        sfn.StateMachine(stack, f"{name}-machine", state_machine_name=f"chaos-{name}", definition_body=body)
    template = app.synth().get_stack_by_name("Chaos").template
    return {
        **{name: picture.definition_of(template, f"-{name}") for name in MACHINES},
        "queues": {
            "ingest": {"tries": ingest.TRIES, "batch": 1},
            "record": {"tries": records.TRIES, "batch": records.BATCH_SIZE},
            "trial": {"tries": shadow.TRIES, "batch": shadow.BATCH_SIZE, "seconds": 6 * shadow.SECONDS},
        },
        "settings": {
            "sweep_minutes": settings.sweep_minutes,
            "ingest_timeout_seconds": settings.ingest_timeout_seconds,
            "record_window_seconds": settings.record_window_seconds,
        },
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(synthesise(), indent=1, sort_keys=True) + "\n", "utf-8")
