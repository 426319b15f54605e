"""It is time for a run: the scheduler's call, and the function that starts the run."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.parts.scenes import locked, pending
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part

FUNCTION = "scheduled-run"
SECONDS = 15.0
"""The laptop's scheduler looks every 10 s."""


def scheduled_run(bench: Bench, moments: Moments) -> Part:
    rest = moments["Rest"].book
    waiting = rest.add(pending(rest, MODEL))

    def run_of_lock() -> str:
        locks = bench.ledger.read().of(MODEL, "LOCK")
        if not locks:
            raise Broken("no run was started")
        return str(locks[0]["run_id"])

    def the_upload_that_waits_becomes_a_run() -> None:
        bench.ledger.write(waiting)
        bench.invoke(FUNCTION, {"model": MODEL})
        run_of_lock()

    def another_run_is_under_way() -> None:
        lock = locked(waiting, MODEL)
        under_way = waiting.change(MODEL, f"RUN#{lock['run_id']}", state="TRAINING")
        bench.ledger.write(under_way.add(lock))
        bench.invoke(FUNCTION, {"model": MODEL})
        if run_of_lock() != lock["run_id"]:
            raise Broken("two runs of one model")

    def the_lock_of_a_run_that_has_ended_is_freed() -> None:
        lock = locked(waiting, MODEL)
        bench.ledger.write(waiting.add(lock))
        bench.invoke(FUNCTION, {"model": MODEL})
        if run_of_lock() == lock["run_id"]:
            raise Broken("the next run was not started")

    scenes = [
        the_upload_that_waits_becomes_a_run,
        another_run_is_under_way,
        the_lock_of_a_run_that_has_ended_is_freed,
    ]
    return Part(bench.of_function(FUNCTION), scenes)


def schedule(bench: Bench, moments: Moments) -> Part:
    """No shipped model has a schedule: one is made as the template would, for now."""
    scheduler = bench.stage.client("scheduler")
    grants = [grant for grant in bench.roles if "SchedulesRole" in grant.role]
    (role,) = {grant.role for grant in grants}
    target = {
        "Arn": bench.configuration(FUNCTION)["FunctionArn"],
        "RoleArn": bench.stage.client("iam").get_role(RoleName=role)["Role"]["Arn"],
        "Input": f'{{"model": "{MODEL}"}}',
    }

    def it_is_time_for_a_run() -> None:
        bench.ledger.write(moments["Rest"].book)
        name, began = bench.name(f"{MODEL}-now"), bench.now()
        scheduler.create_schedule(
            Name=name,
            ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )
        try:
            bench.expect("the call", lambda: bench.logged(FUNCTION, since=began), seconds=SECONDS)
        finally:
            scheduler.delete_schedule(Name=name)

    return Part(grants, [it_is_time_for_a_run])


PARTS = {"scheduled_run": scheduled_run, "schedule": schedule}
