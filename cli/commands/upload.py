"""``relearn upload``: upload files for a model, and follow their processing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from cli.stage import rejected
from cli.stage import target as targets
from cli.stage.api import connect
from cli.stage.follow import follow, upload_looks
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from cli.terminal.errors import USAGE
from cli.terminal.options import DEFAULT_TIMEOUT, Json, Model, Timeout
from cli.terminal.output import done, fail, note, print_json
from cli.terminal.progress_bar import watched
from relearn.errors import RelearnError
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import filenames, ids, s3_keys
from relearn.spec.tables import MAIN
from relearn_client import NotFoundError, RelearnClientError
from training import catalog

MAX_BYTES = 5 * 1024**3
"""Maximum size of one PUT to S3; one PUT has one version id, which identifies the upload."""
SHOWN_REJECTIONS = 10


def upload(
    ctx: typer.Context,
    model: Model,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="CSV, JSON Lines (both also gzipped) or Parquet files.", exists=True, dir_okay=False
        ),
    ],
    *,
    table: Annotated[
        str | None, typer.Option(help="Which of the model's tables, for a model that has several.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Let a file take the place of an earlier one of its name, without being asked."
        ),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow each upload until a run has used it, or it is refused.")
    ] = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json_: Json = False,
) -> None:
    """Upload data for a model."""
    target = targets.of(ctx)
    files = _data(files)
    if len({file.name for file in files}) < len(files):
        fail("two files have the same name; they would be two versions of one object")
        raise typer.Exit(USAGE)
    _check_model(target, model)
    prefix = s3_keys.incoming_prefix(model, _table(model, table))
    sent = [_send(target, model, prefix, file, replace=replace) for file in files]
    codes = [_follow(target, one, timeout) for one in sent] if wait else [0]
    if json_:
        print_json(sent)
    elif not wait:
        for one in sent:
            note(f"follow it: relearn wait {model} --upload {one['upload_id']}")
    raise typer.Exit(max(codes))


def _data(files: list[Path]) -> list[Path]:
    """Leave out files that cannot be data, which `relearn upload MODEL FOLDER/*` includes.

    Exit when none is left.
    """
    chosen = []
    for file in files:
        if why := filenames.no_data(file.name):
            note(f"left out {file}: {why}")
        else:
            chosen.append(file)
    if not chosen:
        fail("no file is left that can be data; where one is, give it another name")
        raise typer.Exit(USAGE)
    return chosen


def _check_model(target: Target, model: str) -> None:
    """Raise the error of an unknown model, whose upload would never be processed.

    Ignore other errors of the API.

    Raises
    ------
    NotFoundError
        When the API has no such model.
    """
    with connect(target) as api:
        try:
            api.model(model)
        except RelearnClientError as error:
            if isinstance(error, NotFoundError):
                raise


def _table(model: str, given: str | None) -> str:
    """Return the table, checked if this checkout has the model's spec; ingest checks it for every upload."""
    spec = catalog.load().get(model)
    tables = (given or MAIN,) if spec is None else spec.table_names
    if (chosen := given or MAIN) not in tables:
        one = f"one of --table {', --table '.join(tables)}" if spec and spec.tables else "no --table"
        fail(f"{model}: got {'--table ' + given if given else 'no --table'}; allowed: {one}")
        raise typer.Exit(USAGE)
    return chosen


def _send(target: Target, model: str, prefix: str, file: Path, *, replace: bool) -> dict[str, Any]:
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise RelearnError(
            f"{file} has {size} bytes; S3 takes at most {MAX_BYTES} in one upload: split it or gzip it"
        )
    bucket, key = target.output("UploadsBucket"), prefix + file.name
    version = _put(target, bucket, key, file, replace=replace)
    if not version and _may_replace(file, key):
        version = _put(target, bucket, key, file, replace=True)
    if not version:
        raise RelearnError(
            f"{key} is there already, and its rows would no longer count: give the file another name to keep both, "
            "or say --replace"
        )
    upload_id = ids.upload_id(bucket, key, version)
    done(f"{file.name} is upload {upload_id[:12]} of {model}")
    return {
        "file": str(file),
        "model": model,
        "upload_id": upload_id,
        "key": key,
        "version_id": version,
    }


def _put(target: Target, bucket: str, key: str, file: Path, *, replace: bool) -> str:
    """Store a file and return its version id; "" when an object of its key exists and must not be replaced.

    S3 checks the condition, so that of two concurrent uploads one is refused.
    """
    condition: dict[str, Any] = {} if replace else {"IfNoneMatch": "*"}
    with watched(file) as body:
        try:
            answer = target.client("s3").put_object(Bucket=bucket, Key=key, Body=body, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict"}:
                return ""
            raise
    return str(answer["VersionId"])


def _may_replace(file: Path, key: str) -> bool:
    """Ask whether to replace the object; False without a terminal."""
    if not sys.stdin.isatty():
        return False
    return typer.confirm(
        f"{key} is there already. Shall the rows of {file.name} take its rows' place?", err=True
    )


def _follow(target: Target, sent: dict[str, Any], timeout: float) -> int:
    ledger = Ledger(target)
    look = upload_looks(ledger, sent["model"], sent["upload_id"])
    seen, code = follow(look, what=Path(sent["file"]).name, timeout=timeout, poll=target.poll_seconds)
    sent["state"], sent["record"] = seen.state, seen.record
    if seen.state == UploadState.QUARANTINED:
        _show_rejections(target, Upload(**seen.record))
    return code


def _show_rejections(target: Target, upload: Upload) -> None:
    """Print the first rejected rows of a quarantined upload, if any."""
    try:
        rows = rejected.page(target, upload, after=0, limit=SHOWN_REJECTIONS)
    except ClientError:
        return  # no permission for the lake; the reason is printed already
    if rows:
        more = f"all: relearn uploads {upload.model} --rows {upload.upload_id[:12]}"
        rejected.print_page(f"First rejected rows; {more}", rows)
