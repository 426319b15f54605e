"""The function ``sweep``: parses its event and calls `lambdas.maintenance.sweep`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.maintenance.lost_uploads import LostUploads
from lambdas.maintenance.missing_endpoints import Vanished
from lambdas.maintenance.orphaned_endpoints import Orphans
from lambdas.maintenance.stuck_batches import BatchRepair
from lambdas.maintenance.sweep import Sweep, ended_run
from lambdas.runs.failure import Failing
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry


@cache
def sweep() -> Sweep:
    """Make the function's one service."""
    config = Config.from_env()
    ledger, runs = wiring.ledger(config), wiring.runs(config)
    retirement, operating = wiring.retirement(config), wiring.operating(config)
    return Sweep(
        ledger=ledger,
        executions=wiring.executions(config),
        lost_uploads=LostUploads(
            ledger=ledger,
            storage=wiring.storage(),
            queue=wiring.ingest_queue(config),
            bucket=config.need("UPLOADS_BUCKET"),
            clock=wiring.now,
        ),
        batches=BatchRepair(
            records=wiring.batch_records(config),
            storage=wiring.storage(),
            functions=wiring.functions(config),
            closing=wiring.closing(config),
            bucket=config.need("UPLOADS_BUCKET"),
            clock=wiring.now,
        ),
        runs=runs,
        failing=Failing(runs=runs, retirement=retirement),
        retirement=retirement,
        operating=operating,
        vanished=Vanished(
            ledger=ledger,
            endpoints=wiring.endpoints(config),
            operating=operating,
            stage=config.need("STAGE"),
        ),
        approving=wiring.approving(config),
        orphans=Orphans(
            ledger=ledger, endpoints=wiring.endpoints(config), stage=config.need("STAGE"), clock=wiring.now
        ),
        models=catalog.load().specs,
        clock=wiring.now,
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, int]:
    """Sweep everything, or end the run whose execution this event says has ended."""
    if event.get("detail-type") != "Step Functions Execution Status Change":
        return {"sent": sweep().everything()}
    sweep().ended(*ended_run(event["detail"]))
    return {"sent": 0}
