"""``relearn predict``: request predictions of the version that serves."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.stage import target as targets
from cli.stage.api import connect
from cli.terminal.errors import USAGE
from cli.terminal.options import Json
from cli.terminal.options import Model as Name
from cli.terminal.output import fail, print_json, print_table
from cli.terminal.predictions import as_said
from relearn.errors import RelearnError
from relearn_client import Classification, Model, Prediction, Predictions, Ranking


def predict(
    ctx: typer.Context,
    model: Name,
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
    entity: Annotated[
        list[str] | None,
        typer.Option(help="An entity whose features are looked up, e.g. c42; may be given again."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="The model's own sample.")] = False,
    json_: Json = False,
) -> None:
    """Request predictions over HTTP."""
    if (data is not None) + (file is not None) + bool(entity) + sample != 1:
        fail("give one of --data, --file, --entity and --sample")
        raise typer.Exit(USAGE)
    with connect(targets.of(ctx)) as api:
        if entity:
            instances = _named(api.model(model), entity)
        else:
            instances = api.model(model).sample["instances"] if sample else _instances(data, file)
        answer = api.predict(model, instances)
    if json_:
        said = asdict(answer)
        print_json({**said, "predictions": [as_said(one) for one in said["predictions"]]})
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


def _named(model: Model, entities: list[str]) -> list[Any]:
    if model.lookup is None:
        raise RelearnError(f"{model.name} looks nothing up; allowed: --data or --file with every column")
    return [{str(model.lookup["column"]): entity} for entity in entities]


def _lines(data: str, why: str) -> list[Any]:
    """Parse JSON Lines; report data that is neither JSON nor JSON Lines with the JSON error `why`."""
    lines = [line for line in data.splitlines() if line.strip()]
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise RelearnError(f"the data is not JSON: {why}") from error


def _show(answer: Predictions, instances: list[Any]) -> None:
    names = list(instances[0]) if isinstance(instances[0], dict) else []
    given = [tuple(str(instance.get(name, "")) for name in names) for instance in instances]
    rows = [(*left, *_cells(right).values()) for left, right in zip(given, answer.predictions, strict=True)]
    print_table(f"{answer.model} version {answer.version}", [*names, *_cells(answer.predictions[0])], rows)


def _cells(prediction: Prediction) -> dict[str, str]:
    """Return column names and texts of a prediction."""
    if isinstance(prediction, Classification):
        likely = {f"p({label})": f"{value:.4f}" for label, value in prediction.probabilities.items()}
        return {"label": prediction.label, **likely}
    if isinstance(prediction, Ranking):
        best = ", ".join(f"{one.item} ({one.score:.3g})" for one in prediction.items)
        return {"items, best first": best or "-", "basis": prediction.basis}
    return {"value": f"{prediction.value:.6g}"}
