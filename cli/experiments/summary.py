"""Terminal summary of a training job's report."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from cli.terminal.output import out, print_table
from relearn.api import strict_json
from relearn.data import archives
from relearn.data.archives import Limits
from relearn.errors import ArchiveError, RelearnError

MAX_ARCHIVE_BYTES = 64 * 1024**2
MAX_FILE_BYTES = 128 * 1024**2
MAX_BYTES = 512 * 1024**2
DATA, PAGE = "report.json", "report.html"
SHOWN_IMPORTANCES = 10


def extract_report(archive: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the report in a job's ``output.tar.gz`` as data, and its HTML page.

    Raises
    ------
    RelearnError
        When the archive cannot be read, or lacks the report.
    """
    name = "the job's output"
    try:
        members = archives.files(io.BytesIO(archive), name, Limits(file=MAX_FILE_BYTES, total=MAX_BYTES))
        found = {one.name: one.read() for one in members if one.name in (DATA, PAGE)}
        if lacking := [file for file in (DATA, PAGE) if file not in found]:
            raise RelearnError(f"{name} has no {lacking[0]}")
        return strict_json.loads(found[DATA], f"{DATA} in {name}"), found[PAGE]
    except ArchiveError as error:
        raise RelearnError(f"{name} cannot be read: {error}") from error


def show(report: dict[str, Any], job: str, page: Path) -> None:
    """Print a report: metrics beside the champion's, rows, hyperparameters, importances."""
    rival = report["champion"]
    columns = ["metric", "this experiment", *([f"champion, version {rival['version']}"] if rival else [])]
    measured = [report["candidate"]["metrics"], *([rival["metrics"]] if rival else [])]
    rows = [(name, *(_number(metrics.get(name)) for metrics in measured)) for name in measured[0]]
    rows = [(f"{name} (decides)" if name == report["metric"] else name, *cells) for name, *cells in rows]
    print_table(f"{report['model']}: {job}", columns, rows)
    out.print(f"rows: {report['rows']['train']} to train, {report['rows']['holdout']} held out")
    if chosen := report.get("hyperparameters"):
        out.print(
            "hyperparameters: " + ", ".join(f"{name} {value:g}" for name, value in chosen.items()),
        )
    importance = sorted(report["candidate"].get("importance", {}).items(), key=lambda item: -item[1])
    print_table(
        "What it looks at",
        ("column", "importance"),
        [(n, _number(v)) for n, v in importance[:SHOWN_IMPORTANCES]],
    )
    out.print(f"whole report: {page}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
