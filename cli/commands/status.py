"""``relearn status``, ``uploads``, ``runs`` and ``versions``: show the state of models from the ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.commands.report import data_report
from cli.stage import measured, rejected
from cli.stage import target as targets
from cli.stage.api import connect
from cli.stage.follow import run_text, why
from cli.stage.ledger import Ledger
from cli.stage.lookup import find_upload, models
from cli.stage.target import Target
from cli.terminal.errors import USAGE
from cli.terminal.options import Json, Limit, Model
from cli.terminal.output import fail, moment, note, out, print_json, print_table, state
from relearn.lifecycle import runs as life
from relearn.lifecycle import waiting
from relearn.lifecycle.power import Power
from relearn.lifecycle.runs import Run
from relearn.lifecycle.uploads import Upload, UploadState
from relearn_client import Model as AboutModel
from relearn_client import ModelBrief

MOST_RUNS = 200
"""Newest runs among which `versions` looks for those that made its versions."""
PENDING = (UploadState.RECEIVED, UploadState.ACCEPTED)
ENDED_BADLY = (UploadState.QUARANTINED, UploadState.FAILED)


def status(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(help="One model; none shows all.")] = None,
    json_: Json = False,
) -> None:
    """Show what serves, what runs and what is pending."""
    target = targets.of(ctx)
    ledger = Ledger(target)
    if model is None:
        with connect(target) as api:
            found = [_brief(ledger, about) for about in api.models()]
        if json_:
            print_json(found)
        else:
            columns = ("model", "state", "version", "decides", "metrics", "last run", "pending uploads")
            rows = [
                (
                    f["name"],
                    f["state"],
                    f["version"] or "-",
                    measured.words(f["metric"]) or "-",
                    *measured.headlines(f["metric"], f["metrics"]),
                    _run_cell(f["metric"], f["run"]),
                    f["pending"],
                )
                for f in found
            ]
            print_table(f"Stage {target.stage} in {target.region}", columns, rows)
        return
    with connect(target) as api:
        about = _whole(ledger, api.model(model))
    if json_:
        print_json(about)
    else:
        _print_whole(about)


def uploads(
    ctx: typer.Context,
    model: Annotated[
        str | None, typer.Argument(help="The model's name; with --rows it may be left out.")
    ] = None,
    *,
    states: Annotated[
        list[UploadState] | None,
        typer.Option(
            "--state", case_sensitive=False, help="Only those in this state; give it again for another."
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="UPLOAD",
            help="The refused rows of one upload, by its id (its first characters will do): line, column, value, reason.",
        ),
    ] = None,
    after: Annotated[
        int, typer.Option(min=0, help="With --rows: only rows behind this line of the file.")
    ] = 0,
    limit: Limit = 20,
    json_: Json = False,
) -> None:
    """List a model's uploads, newest first; or the rejected rows of one."""
    target = targets.of(ctx)
    ledger = Ledger(target)
    if rows is not None:
        _rejected_rows(
            target, find_upload(ledger, [model] if model else models(target), rows), after, limit, json_=json_
        )
        return
    if model is None:
        fail("which model? allowed: relearn uploads MODEL, or relearn uploads --rows UPLOAD")
        raise typer.Exit(USAGE)
    newest = next(iter(ledger.runs(model, 1)), None)
    chosen = [upload for upload in ledger.uploads(model) if not states or upload.state in states]
    now = datetime.now(UTC)
    found = [waiting.explained(upload, newest, now) for upload in chosen[:limit]]
    if json_:
        print_json([asdict(upload) for upload in found])
        return
    columns = ("upload", "received (UTC)", "table", "name", "state", "good", "rejected", "reason")
    print_table(
        f"Uploads of {model}",
        columns,
        [
            (
                u.upload_id[:12],
                moment(u.received_at),
                u.table or "-",
                u.key.rpartition("/")[2],
                u.state,
                u.rows_accepted,
                u.rows_rejected,
                _reason(u),
            )
            for u in found
        ],
    )
    if any(u.rows_rejected for u in found):
        note(f"rows that were refused: relearn uploads {model} --rows UPLOAD")
    if any(u.state in ENDED_BADLY for u in found):
        note("try one again, after its cause has gone: relearn retry UPLOAD")


def _rejected_rows(target: Target, upload: Upload, after: int, limit: int, *, json_: bool) -> None:
    found = rejected.page(target, upload, after=after, limit=limit)
    if json_:
        print_json(found)
        return
    name = f"upload {upload.upload_id[:12]} of {upload.model}"
    told = f"{name} is {upload.state}{f': {upload.reason}' if upload.reason else ''}"
    if not found:
        note(f"{told}; no refused row is kept of it{f' behind line {after}' if after else ''}")
        return
    note(told)
    rejected.print_page(f"Refused rows of {name}: {upload.rows_rejected} in all", found)
    if len(found) == limit:
        last = found[-1]["line"]
        note(f"more: relearn uploads {upload.model} --rows {upload.upload_id[:12]} --after {last}")


def runs(ctx: typer.Context, model: Model, limit: Limit = 20, json_: Json = False) -> None:
    """List a model's runs, newest first."""
    target = targets.of(ctx)
    found, metric = Ledger(target).runs(model, limit), measured.deciding(target, model)
    if json_:
        print_json(
            [{**asdict(run), "metric": metric, "data_report": data_report(target, run)} for run in found]
        )
        return
    columns = (
        "run",
        "started (UTC)",
        "ended (UTC)",
        "state",
        "version",
        "candidate",
        "champion",
        "compared",
        "reason",
    )
    print_table(
        _title(f"Runs of {model}", metric),
        columns,
        [
            (
                r.run_id,
                moment(r.started_at),
                moment(r.ended_at),
                r.state,
                r.version or "-",
                *measured.headlines(metric, r.metrics, r.champion_metrics),
                measured.compared(r),
                why(r),
            )
            for r in found
        ],
    )
    if (newest := next((run for run in found if run.snapshot), None)) is not None:
        note(f"data of {newest.run_id}: {data_report(target, newest)} (saved by: relearn report {model})")


def versions(ctx: typer.Context, model: Model, json_: Json = False) -> None:
    """List a model's versions, newest first."""
    target = targets.of(ctx)
    ledger = Ledger(target)
    found, metric = ledger.versions(model), measured.deciding(target, model)
    made = {run.run_id: run for run in ledger.runs(model, MOST_RUNS)}
    if json_:
        print_json(
            [{**asdict(version), "metric": metric, **_judged(made.get(version.run_id))} for version in found]
        )
        return
    columns = ("version", "created (UTC)", "state", "metrics", "compared", "run", "reason")
    cells = measured.everything(metric, *(version.metrics for version in found))
    rows = [
        (
            v.version,
            moment(v.created_at),
            v.state,
            cell,
            measured.compared(made.get(v.run_id)),
            v.run_id,
            v.reason,
        )
        for v, cell in zip(found, cells, strict=True)
    ]
    print_table(_title(f"Versions of {model}", metric), columns, rows)


def _judged(run: Run | None) -> dict[str, Any]:
    """Return how a version was compared with the champion of its run; None where that is not known."""
    return {
        "champion_version": (run and run.champion_version) or None,
        "comparison": (run and run.comparison) or None,
        "duel": (run and run.duel) or None,
    }


def _title(what: str, metric: measured.Deciding | None) -> str:
    told = measured.words(metric)
    return f"{what}; {told}" if told else what


def _brief(ledger: Ledger, about: ModelBrief) -> dict[str, Any]:
    """Return a model as the API describes it, with metrics, newest run and pending uploads from the ledger."""
    name = about.name
    version = ledger.version(name, about.version) if about.version else None
    newest = next(iter(ledger.runs(name, 1)), None)
    return {
        **asdict(about),
        "metrics": version.metrics if version else {},
        "run": asdict(newest) if newest else None,
        "pending": sum(upload.state in PENDING for upload in ledger.uploads(name)),
    }


def _whole(ledger: Ledger, about: AboutModel) -> dict[str, Any]:
    name = about.name
    recent = ledger.runs(name)
    newest = next(iter(recent), None)
    judged = next((run for run in recent if run.power), None)
    kept = ("name", "title", "kind", "state", "version", "metric", "metrics", "waiting_for")
    return {
        **{key: getattr(about, key) for key in kept},
        "previous": ledger.route(name).previous or None,
        "run": asdict(newest) if newest else None,
        "power": {"run_id": judged.run_id, **judged.power} if judged else None,
        "uploads": dict(Counter(upload.state.value for upload in ledger.uploads(name))),
    }


def _print_whole(about: dict[str, Any]) -> None:
    out.print(f"{about['name']}: {about['title']}", style="bold")
    serving = (
        f"version {about['version']}"
        if about["version"]
        else f"nothing yet; waiting for {about['waiting_for']}"
    )
    previous = f", before it version {about['previous']}" if about["previous"] else ""
    out.print("  serves   ", state(about["state"]), f" {serving}{previous}", sep="")
    metric = about["metric"]
    if told := measured.words(metric):
        out.print(f"  decides  {told}")
    if about["metrics"]:
        out.print(f"  metrics  {measured.everything(metric, about['metrics'])[0]}")
    if (power := Power.from_dict(about["power"])) is not None:
        out.print(f"  sees     {power.words}")
    if about["run"]:
        run = Run(**about["run"])
        out.print(f"  last run {run_text(run)}")
        if figures := measured.against(metric, run.metrics, run.champion_metrics):
            out.print(f"           {measured.words(metric)}: {figures}")
    counts = ", ".join(f"{count} {word}" for word, count in sorted(about["uploads"].items()))
    out.print(f"  uploads  {counts or 'none'}")


def _reason(upload: Upload) -> str:
    """Return the reason of an upload's state and the number of its retries."""
    times = len(upload.earlier)
    before = f"after {times} {'retry' if times == 1 else 'retries'}" if times else ""
    return "; ".join(filter(None, (upload.reason, before)))


def _run_cell(metric: measured.Deciding | None, run: dict[str, Any] | None) -> str:
    if run is None:
        return "-"
    state = run["state"] if run["state"] in life.FINAL else f"{run['state']} (now)"
    figures = measured.against(metric, run["metrics"], run["champion_metrics"])
    return f"{state}: {figures}" if figures else state
