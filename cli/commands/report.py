"""``relearn report``: save the HTML reports of a run from the lake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.stage import target as targets
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from cli.terminal.options import Json, Model
from cli.terminal.output import out, print_json
from relearn.errors import NotFoundError
from relearn.lifecycle.runs import Run
from relearn.naming import s3_keys

PAGES = {"data.html": "its data", "features.html": "its features", "report.html": "its model"}


def report(
    ctx: typer.Context,
    model: Model,
    run: Annotated[str | None, typer.Argument(help="Which run; none takes the newest.")] = None,
    folder: Annotated[Path | None, typer.Option("--to", help="Where to save; else build/reports.")] = None,
    *,
    open_: Annotated[bool, typer.Option("--open", help="Show them in the browser.")] = False,
    json_: Json = False,
) -> None:
    """Save the pages about a run: its data, its features, its model."""
    target = targets.of(ctx)
    found = _run(Ledger(target), model, run)
    saved = _save(target, found, folder or Path("build", "reports", model, found.run_id))
    if json_:
        print_json({name: str(path) for name, path in saved.items()})
    for name, path in saved.items():
        if not json_:
            out.print(f"{PAGES[name]:<14}{path}")
        if open_:
            typer.launch(path.resolve().as_uri())


def data_report(target: Target, run: Run) -> str | None:
    """Return the S3 URI of a run's data report; None when the run has no snapshot."""
    key = s3_keys.data_report_key(run.model, run.run_id)
    return s3_keys.uri(target.output("LakeBucket"), key) if run.snapshot else None


def _run(ledger: Ledger, model: str, run_id: str | None) -> Run:
    if run_id is not None:
        return ledger.run(model, run_id)
    newest = next(iter(ledger.runs(model, 1)), None)
    if newest is None:
        raise NotFoundError(f"{model} has no run yet")
    return newest


def _save(target: Target, run: Run, folder: Path) -> dict[str, Path]:
    client, bucket = target.client("s3"), target.output("LakeBucket")
    prefix = s3_keys.report_key(run.model, run.run_id, "")
    listed: dict[str, Any] = client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    there = [one["Key"].removeprefix(prefix) for one in listed.get("Contents", [])]
    saved = {}
    for name in PAGES:
        if name in there:
            folder.mkdir(parents=True, exist_ok=True)
            saved[name] = folder / name
            content = client.get_object(Bucket=bucket, Key=prefix + name)["Body"].read()
            saved[name].write_bytes(content)
    if not saved:
        raise NotFoundError(f"run {run.run_id} of {run.model} is {run.state} and left no report")
    return saved
