"""Which scenes use which grants: every grant of the stage belongs to exactly one part, but for those of other models."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.parts import (
    approvals,
    batches,
    containers,
    doors,
    endings,
    feedback,
    hosts,
    ingest,
    lifecycle,
    links,
    machine,
    operating,
    records,
    schedules,
    serving,
    settings,
    steps,
    trials,
    uploads,
)
from tests.e2e.privilege.run import Moments
from tests.e2e.privilege.trial import Part

# The last takes the stage down, as it does when a stage is deleted. Endings come late: what the sweep repairs is old.
PARTS: dict[str, Callable[[Bench, Moments], Part]] = {
    **steps.PARTS,
    **ingest.PARTS,
    **serving.PARTS,
    **hosts.PARTS,
    **records.PARTS,
    **trials.PARTS,
    **feedback.PARTS,
    **batches.PARTS,
    **uploads.PARTS,
    **links.PARTS,
    **containers.PARTS,
    **endings.PARTS,
    **schedules.PARTS,
    **doors.PARTS,
    **machine.PARTS,
    **operating.PARTS,
    **approvals.PARTS,
    **settings.PARTS,
    **lifecycle.PARTS,
}
