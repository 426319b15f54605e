"""The ``relearn`` application: its commands and their shared options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands import (
    approve,
    backfill,
    batch,
    doctor,
    env,
    exclude,
    experiment,
    feedback,
    new_model,
    predict,
    predictions,
    proxy,
    remove_model,
    replay_dlq,
    report,
    retry,
    route,
    ship,
    status,
    upload,
    verify,
    wait,
)
from cli.commands import token as tokens
from cli.stage.target import LOCAL_FILE, Choice
from cli.terminal.errors import Cli
from relearn import VERSION

app = typer.Typer(
    name="relearn",
    cls=Cli,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Upload data, and a better model answers over HTTP. Exit codes: 0 done, 1 failed or ended badly, "
    "2 wrong usage, 3 not ended in time.",
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    *,
    stage: Annotated[str, typer.Option(envvar="RELEARN_STAGE", help="The deployed stage.")] = "dev",
    region: Annotated[str | None, typer.Option(help="AWS region; else as the AWS CLI finds it.")] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile; else as the AWS CLI finds it.")] = None,
    local: Annotated[
        bool,
        typer.Option(
            "--local", envvar="RELEARN_LOCAL", help=f"The laptop cloud that {LOCAL_FILE} describes."
        ),
    ] = False,
    local_file: Annotated[
        Path | None, typer.Option(help="The laptop cloud that another file describes; implies --local.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="RELEARN_TOKEN",
            help="Token of the stage's issuer, where its API takes tokens; else requests are signed.",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version, and leave."
        ),
    ] = False,
) -> None:
    """Keep the choice of the stage for the command."""
    del version  # handled by its callback
    file = local_file or (LOCAL_FILE if local else None)
    ctx.obj = Choice(stage=stage, region=region, profile=profile, local_file=file, token=token)


app.command("upload")(upload.upload)
app.command("predict")(predict.predict)
app.command("predictions")(predictions.predictions)
app.command("batch")(batch.batch)
app.command("batches")(batch.batches)
app.command("feedback")(feedback.feedback)
app.command("proxy")(proxy.proxy)
app.command("status")(status.status)
app.command("uploads")(status.uploads)
app.command("exclude")(exclude.exclude)
app.command("retry")(retry.retry)
app.command("replay-dlq")(replay_dlq.replay_dlq)
app.command("runs")(status.runs)
app.command("report")(report.report)
app.command("versions")(status.versions)
app.command("route")(route.route)
app.command("rollback")(route.rollback)
app.command("promote")(route.promote)
app.command("freeze")(route.freeze)
app.command("unfreeze")(route.unfreeze)
app.command("approve")(approve.approve)
app.command("reject")(approve.reject)
app.command("wait")(wait.wait)
app.command("remove-model")(remove_model.remove_model)
app.command("backfill")(backfill.backfill)
app.command("new-model")(new_model.new_model)
app.command("token")(tokens.token)
app.command("env")(env.env)
app.command("experiment")(experiment.experiment)
app.command("doctor")(doctor.doctor)
app.command("verify")(verify.verify)
app.command("push-image")(ship.push_image)
app.command("copy-image")(ship.copy_image)
app.command("check-image")(ship.check_image)
app.command("keep-previous")(ship.keep_previous)
app.command("put-back")(ship.put_back)
