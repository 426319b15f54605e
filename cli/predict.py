"""``relearn predict``: ask the version that serves."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import target as targets
from cli.api import Api
from cli.errors import USAGE
from cli.options import Json, Model
from cli.output import fail, print_json, print_table
from relearn.errors import RelearnError


def predict(
    ctx: typer.Context,
    model: Model,
    *,
    data: Annotated[
        str | None, typer.Option(help='JSON: {"instances": [...]}, a list of instances, or one instance.')
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="A file with such JSON, or JSON Lines with one instance a line; - is standard input."
        ),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="The model's own sample.")] = False,
    json_: Json = False,
) -> None:
    """Predict, over HTTP."""
    if (data is not None) + (file is not None) + sample != 1:
        fail("give one of --data, --file and --sample")
        raise typer.Exit(USAGE)
    api = Api(targets.of(ctx))
    instances = api.model(model)["sample"]["instances"] if sample else _instances(data, file)
    answer = api.predict(model, instances)
    if json_:
        print_json(answer)
    else:
        _show(answer, instances)


def _instances(data: str | None, file: Path | None) -> list[Any]:
    if data is None:
        assert file is not None  # noqa: S101 - one of them was given
        data = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    try:
        found = json.loads(data)
    except ValueError as error:
        found = _lines(data, str(error))
    if isinstance(found, dict):
        found = found.get("instances", [found])
    if not isinstance(found, list):
        raise RelearnError(
            'the data is neither {"instances": [...]}, nor a list of instances, nor an instance'
        )
    return found


def _lines(data: str, why: str) -> list[Any]:
    """Read JSON Lines; what is neither JSON nor JSON Lines is told as the former."""
    lines = [line for line in data.splitlines() if line.strip()]
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise RelearnError(f"the data is not JSON: {why}") from error


def _show(answer: dict[str, Any], instances: list[Any]) -> None:
    title = f"{answer['model']} version {answer['version']}"
    predictions = answer["predictions"]
    if "label" in predictions[0]:
        labels = list(predictions[0]["probabilities"])
        rows = [(p["label"], *(f"{p['probabilities'][label]:.4f}" for label in labels)) for p in predictions]
        columns = ["label", *(f"p({label})" for label in labels)]
    else:
        rows = [(f"{p['value']:.6g}",) for p in predictions]
        columns = ["value"]
    names = list(instances[0]) if isinstance(instances[0], dict) else []
    given = [tuple(str(instance.get(name, "")) for name in names) for instance in instances]
    print_table(title, [*names, *columns], [(*left, *right) for left, right in zip(given, rows, strict=True)])
