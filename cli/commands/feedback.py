"""``relearn feedback``: send ground truth of predictions, in bulk."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.stage import target as targets
from cli.stage.api import connect
from cli.terminal.errors import FAILED
from cli.terminal.options import Json, Model
from cli.terminal.output import out, print_json, print_table
from relearn.errors import RelearnError
from relearn_client import Client, Feedback

KEPT = ("accepted", "duplicate")
"""States of ground truth that the stage has stored."""
SHOWN = 10
Row = tuple[str, Any]


def feedback(
    ctx: typer.Context,
    model: Model,
    file: Annotated[
        Path,
        typer.Argument(
            help='JSON Lines of {"prediction": id, "truth": value}, or CSV (.csv) with these columns; - is standard input.'
        ),
    ],
    *,
    json_: Json = False,
) -> None:
    """Send ground truth of predictions.

    Sending it again is safe. Exit code 1 when the stage did not store all of it.
    """
    with connect(targets.of(ctx)) as api:
        answer = api.feedback(model, list(_rows(api, model, file)))
    lost = [one for one in answer.results if one.state not in KEPT]
    if json_:
        print_json({"model": model, "counts": answer.counts, "not_kept": [asdict(one) for one in lost]})
    else:
        _show(answer)
    raise typer.Exit(FAILED if lost else 0)


def _rows(api: Client, model: str, file: Path) -> Iterator[Row]:
    if file.suffix.lower() == ".csv":
        kind = api.model(model).target.get("type")
        with file.open(encoding="utf-8-sig", newline="") as lines:
            yield from _csv_rows(lines, kind)
    else:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
        yield from _json_rows(text.split("\n"))


def _json_rows(lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
                yield row["prediction"], row["truth"]
            except (ValueError, KeyError, TypeError) as error:
                raise RelearnError(
                    f'line {number}: got {line.strip()[:100]!r}; allowed: {{"prediction": id, "truth": value}}'
                ) from error


def _csv_rows(lines: Iterable[str], kind: Any) -> Iterator[Row]:
    rows = csv.DictReader(lines, strict=True)
    for row in rows:
        if row.get("prediction") is None or row.get("truth") is None:
            raise RelearnError(
                f"line {rows.line_num}: got the columns {', '.join(row)!r}; allowed: prediction and truth in each"
            )
        yield row["prediction"], _value(row["truth"], kind, rows.line_num)


def _value(text: str, kind: Any, line: int) -> Any:
    """Convert the text of a CSV cell to the type of the model's target."""
    words: Mapping[str, Any] = {"true": True, "false": False}
    try:
        match kind:
            case "number":
                return float(text)
            case "boolean":
                return words[text.strip().lower()]
            case _:
                return text
    except (ValueError, KeyError) as error:
        allowed = "a number" if kind == "number" else "true or false"
        raise RelearnError(f"line {line}: truth: got {text!r}; allowed: {allowed}") from error


def _show(answer: Feedback) -> None:
    counts = ", ".join(f"{count} {word}" for word, count in sorted(answer.counts.items()))
    out.print(f"{len(answer.results)} truths about {answer.model}: {counts or 'none'}")
    lost = [one for one in answer.results if one.state not in KEPT][:SHOWN]
    if lost:
        rows = [(one.prediction, one.state, one.detail) for one in lost]
        print_table("Not kept", ("prediction", "state", "detail"), rows)
