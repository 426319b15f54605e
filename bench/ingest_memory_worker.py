"""Check one upload as ingest does, in its own process: ``bench/ingest_memory_worker.py FILE NAME``.

Prints one line of JSON with the outcome, the duration in seconds, and the peak memory of the process in MB.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from preparation import prepare
from relearn.spec.model import Boolean, Category, DateTime, Id, Metric, ModelSpec, Number, Text

STATUS = Path("/proc/self/status")
SPEC = ModelSpec(
    name="visits",
    title="Whether a visit ends in an order",
    columns=(
        Id("customer", max_length=20),
        DateTime("at"),
        Number("seconds", minimum=0),
        Number("pages", minimum=0),
        Number("basket", minimum=0, optional=True),
        Category("country", values=("DE", "FR", "JP", "US")),
        Boolean("returning"),
        Text("search", max_length=200, optional=True),
    ),
    target=Category("ordered", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.5),
)


def main(file: Path, name: str) -> None:
    """Check a file with the memory and threads of ingest, and print the figures."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=file.parent) as workdir:
        prepared = prepare(SPEC, file, name, Path(workdir))
        told = {
            "outcome": prepared.refusal.code if prepared.refusal else "accepted",
            "detail": prepared.refusal.detail if prepared.refusal else "",
            "rows_accepted": prepared.rows_accepted,
            "rows_rejected": prepared.rows_rejected,
            "shard_mb": round(prepared.shard.stat().st_size / 1e6) if prepared.shard else 0,
        }
    sys.stdout.write(json.dumps({**told, "seconds": time.monotonic() - began, "peak_mb": _peak_mb()}) + "\n")


def _peak_mb() -> float:
    """Return the peak resident memory of this process, in MB of 10^6 bytes.

    On Linux, rusage also counts the time before the process's own program: it is the parent's memory when
    that is larger.
    """
    if STATUS.exists():
        line = next(one for one in STATUS.read_text().splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
