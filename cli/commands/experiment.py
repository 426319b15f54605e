"""``relearn experiment``: an ad-hoc training or tuning job of our image, outside of the loop.

Its model never serves. The job has its own names and prefix, and the ledger does not know it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.experiments import sagemaker_sdk, summary
from cli.experiments.plan import Plan, make_plan, parse_settings
from cli.stage import target as targets
from cli.stage.follow import follow
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from cli.terminal.options import DEFAULT_TIMEOUT, Json, Model, Timeout
from cli.terminal.output import note, print_json
from relearn.errors import RelearnError
from relearn.naming import s3_keys
from training import catalog


def experiment(
    ctx: typer.Context,
    model: Model,
    *,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A hyperparameter; may be repeated."),
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Search the spec's hyperparameter ranges; --set fixes some.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=750, help="With --tune: training jobs in all.")] = 8,
    parallel: Annotated[int, typer.Option(min=1, max=10, help="With --tune: training jobs at a time.")] = 2,
    save: Annotated[
        Path | None, typer.Option(help="Where to save the report; default <job name>.html here.")
    ] = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json_: Json = False,
) -> None:
    """Train or tune on the current data with the SageMaker SDK, and show the report."""
    sagemaker_sdk.require()
    spec = catalog.get(model)
    fixed = parse_settings(spec, settings or [])
    target = targets.of(ctx)
    plan = make_plan(target, Ledger(target), spec, fixed, datetime.now(UTC))
    with sagemaker_sdk.environment(target):
        trial = (
            sagemaker_sdk.tune(target, plan, jobs, parallel) if tune else sagemaker_sdk.train(target, plan)
        )
        note(f"{trial.kind} {trial.name}, on {len(plan.snapshot)} uploads; Ctrl-C leaves it running")
        seen, code = follow(trial.look, what=trial.name, timeout=timeout, poll=target.poll_seconds)
        best = trial.best() if seen.good else None
    if best is None:
        raise typer.Exit(code)
    _show(target, plan, best, save or Path(f"{best}.html"), json_=json_)


def _show(target: Target, plan: Plan, job: str, save: Path, *, json_: bool) -> None:
    archive = _download(target, plan, job)
    found, page = summary.extract_report(archive)
    save.write_bytes(page)
    if json_:
        print_json({"job": job, "report": found, "html": str(save)})
    else:
        summary.show(found, job, save)


def _download(target: Target, plan: Plan, job: str) -> Any:
    bucket, prefix = s3_keys.parse_uri(plan.output_path)
    key = f"{prefix}/{job}/output/output.tar.gz"
    s3 = target.client("s3")
    size = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
    if size > summary.MAX_ARCHIVE_BYTES:
        raise RelearnError(
            f"{s3_keys.uri(bucket, key)} has {size} bytes; a report has at most {summary.MAX_ARCHIVE_BYTES}"
        )
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
