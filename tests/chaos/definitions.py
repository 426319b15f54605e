"""Synthesised parts of the CDK app that a run needs: state machines, parameters of queues, settings.

They are synthesised once and written to a file for the other processes of a command, because CDK takes
seconds to start.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.support.fake_sagemaker import ACCOUNT, REGION

KEPT = "RELEARN_CHAOS_DEFINITIONS"
"""Environment variable with the name of that file."""
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
MACHINES = ("retrain", "restore")


@cache
def load() -> dict[str, Any]:
    """Return the definitions of `MACHINES`, ``queues`` (tries and batch size by function) and ``settings``."""
    if path := os.environ.get(KEPT):
        return cast("dict[str, Any]", json.loads(Path(path).read_text("utf-8")))
    return _synthesise()


@contextmanager
def kept() -> Iterator[None]:
    """Write the definitions to a temporary file, from which `load` reads them in other processes."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        file = Path(folder, "definitions.json")
        file.write_text(json.dumps(load()), "utf-8")
        os.environ[KEPT] = str(file)
        try:
            yield
        finally:
            del os.environ[KEPT]


def _synthesise() -> dict[str, Any]:
    """Synthesise both machines, with imported functions so that no asset is built."""
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
    from aws_cdk import App, Stack  # noqa: PLC0415 - starts Node, for which only one process has the time
    from aws_cdk import aws_lambda as lambda_  # noqa: PLC0415
    from aws_cdk import aws_stepfunctions as sfn  # noqa: PLC0415
    from constructs import Construct  # noqa: PLC0415

    from infra.base.settings import Settings  # noqa: PLC0415
    from infra.parts import ingest, records, shadow  # noqa: PLC0415
    from infra.stacks import picture  # noqa: PLC0415
    from infra.workflow import restore, retrain  # noqa: PLC0415
    from infra.workflow.step_functions import RunFunctions  # noqa: PLC0415

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
