"""The function ``sweep``: parses its event and calls `lambdas.maintenance.sweep`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.maintenance.lost_uploads import LostUploads
from lambdas.maintenance.missing_endpoints import MissingEndpoints
from lambdas.maintenance.orphaned_endpoints import OrphanedEndpoints
from lambdas.maintenance.stuck_batches import BatchRepair
from lambdas.maintenance.sweep import Sweep, ended_run
from lambdas.runs.failure import RunFailure
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.naming.environment import Variable


@once_per_process
def sweep() -> Sweep:
    """Construct the sweep."""
    config = Config.from_env()
    ledger, runs = wiring.ledger(config), wiring.runs(config)
    retirement, route_changes = wiring.retirement(config), wiring.route_changes(config)
    return Sweep(
        ledger=ledger,
        executions=wiring.executions(config),
        lost_uploads=LostUploads(
            ledger=ledger,
            storage=wiring.storage(),
            queue=wiring.ingest_queue(config),
            bucket=config.need(Variable.UPLOADS_BUCKET),
            clock=wiring.now,
        ),
        batches=BatchRepair(
            records=wiring.batch_records(config),
            storage=wiring.storage(),
            functions=wiring.functions(config),
            closer=wiring.closer(config),
            bucket=config.need(Variable.UPLOADS_BUCKET),
            clock=wiring.now,
        ),
        runs=runs,
        run_failure=RunFailure(runs=runs, retirement=retirement),
        retirement=retirement,
        route_changes=route_changes,
        missing_endpoints=MissingEndpoints(
            ledger=ledger,
            endpoints=wiring.endpoints(config),
            route_changes=route_changes,
            stage=config.need(Variable.STAGE),
        ),
        approvals=wiring.approvals(config),
        orphaned_endpoints=OrphanedEndpoints(
            ledger=ledger,
            endpoints=wiring.endpoints(config),
            stage=config.need(Variable.STAGE),
            clock=wiring.now,
        ),
        models=catalog.load().specs,
        clock=wiring.now,
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, int]:
    """Run all repairs, or fail the run whose execution this event reports as ended."""
    if event.get("detail-type") != "Step Functions Execution Status Change":
        return {"sent": sweep().everything()}
    sweep().ended(*ended_run(event["detail"]))
    return {"sent": 0}
