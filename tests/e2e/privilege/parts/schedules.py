"""It is time for a run: the scheduler's call, and the function that starts the run."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.parts.scenes import pending
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
        (run, *_) = waiting.of(MODEL, "RUN#")
        lock = {"pk": run["pk"], "sk": "LOCK", "run_id": run["run_id"], "taken_at": run["started_at"]}
        bench.ledger.write(waiting.add(lock))
        bench.invoke(FUNCTION, {"model": MODEL})
        if run_of_lock() != run["run_id"]:
            raise Broken("two runs of one model")

    return Part(bench.of_function(FUNCTION), [the_upload_that_waits_becomes_a_run, another_run_is_under_way])


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
