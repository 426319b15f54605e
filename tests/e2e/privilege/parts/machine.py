"""The state machine's role, with which each step of a run is done."""

from __future__ import annotations

import contextlib
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.parts.scenes import ERROR
from tests.e2e.privilege.run import Moments
from tests.e2e.privilege.trial import Broken, Part

INVOKE = "lambda:InvokeFunction"
STEPS = {
    "open-run": "Open",
    "check-data": "Check data",
    "judge": "Judge",
    "register": "Register",
    "deploy": "Deploy",
    "smoke": "Smoke",
    "publish": "Publish",
    "advance": "Advance",
    "watch": "Watch",
    "promote": "Promote",
    "retire": "Retire",
    "close-run": "Close",
    "fail-run": "Fail",
}


def call(function: str, step: str) -> Any:
    """Make the part of one step that calls a function."""

    def part(bench: Bench, moments: Moments) -> Part:
        # The endpoints of the run are there by now: Deploy finds its own, and what failed has none.
        moment = moments["Train" if step == "Fail" else step]
        context = {**moment.context, "error": ERROR}
        grants = bench.of_role(bench.machine.role, INVOKE)

        def step_of_the_machine() -> None:
            bench.ledger.write(moment.book)
            bench.machine.play(step, context)

        return Part(
            [g for g in grants if g.resource.endswith(f":{bench.name(function)}")], [step_of_the_machine]
        )

    return part


def train(bench: Bench, moments: Moments) -> Part:
    """A job ends well in the run that was played before; here one is stopped with its run."""
    sagemaker, context = bench.hosting.client, moments["Train"].context
    count = 0

    def status(job: str) -> str:
        try:
            return str(sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"])
        except ClientError:
            return ""

    def a_run_that_is_stopped_stops_its_job() -> None:
        nonlocal count
        count += 1
        job = bench.name(f"privilege-stopped-{count}")
        execution = bench.machine.start("Train", {**context, "job_name": job})

        def going_on() -> bool:
            found = bench.machine.client.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                raise Broken(f"the execution is {found['status']}: {found.get('cause')}")
            return True

        try:
            bench.expect("the training job", lambda: going_on() and status(job), seconds=5)
            bench.settle(0.4)  # so long Step Functions asks how the job is
            going_on()
            bench.machine.client.stop_execution(executionArn=execution)
            bench.expect("the job stopped", lambda: status(job) in ("Stopping", "Stopped"), seconds=1)
        finally:
            with contextlib.suppress(ClientError):
                sagemaker.stop_training_job(TrainingJobName=job)

    grants = bench.of_role(bench.machine.role)
    grants = [g for g in grants if g.action != INVOKE and not g.action.startswith("logs:")]
    return Part(grants, [a_run_that_is_stopped_stops_its_job])


PARTS = {
    **{f"machine_{function.replace('-', '_')}": call(function, step) for function, step in STEPS.items()},
    "machine_train": train,
}
