"""``relearn predictions``: recent prediction records with their ground truth."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cli.stage import target as targets
from cli.stage.lake import Lake
from cli.terminal.options import Json, Model
from cli.terminal.output import moment, note, print_json, print_table
from relearn.records.predictions import Outcome

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST = timedelta(days=366)
ALLOWED = "a whole number and s, m, h or d, such as 30m, 24h or 7d; at most 366d"


def duration(text: str) -> timedelta:
    """Parse a duration such as 30m, 24h or 7d.

    Raises
    ------
    typer.BadParameter
        When it is malformed or longer than `LONGEST`.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,7})([smhd])", text)
    length = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else timedelta.max
    if length > LONGEST:
        raise typer.BadParameter(f"got {text!r}; allowed: {ALLOWED}", param_hint="--last")
    return length


def predictions(
    ctx: typer.Context,
    model: Model,
    *,
    last: Annotated[str, typer.Option(metavar="TIME", help="How far back, such as 30m, 24h or 7d.")] = "1h",
    limit: Annotated[int, typer.Option(min=1, help="How many to show at most, of the newest.")] = 100,
    json_: Json = False,
) -> None:
    """Show recent predictions, newest last; a prediction appears about half a minute after its answer."""
    length, until = duration(last), datetime.now(UTC)
    found = Lake(targets.of(ctx)).outcomes(model, until - length, until)
    shown = found[-limit:]
    if json_:
        print_json([_plain(outcome) for outcome in shown])
    elif shown:
        print_table(
            f"Predictions of {model}", list(_cells(shown[0])), [[*_cells(one).values()] for one in shown]
        )
    known = sum(outcome.truth is not None for outcome in found)
    newest = f"; these are the newest {len(shown)}" if len(shown) < len(found) else ""
    noun = "prediction" if len(found) == 1 else "predictions"
    note(f"{len(found)} {noun} in the last {last}; the truth is known of {known}{newest}")


def _plain(outcome: Outcome) -> dict[str, Any]:
    record = outcome.record
    return {
        "id": outcome.prediction,
        "at": record.at,
        "version": record.version,
        "request_id": record.request_id,
        "latency_ms": record.latency_ms,
        "input": outcome.input,
        "output": outcome.output,
        "truth": outcome.truth and outcome.truth.truth,
    }


def _cells(outcome: Outcome) -> dict[str, str]:
    """Return column names and texts of a prediction."""
    record, output, truth = outcome.record, outcome.output, outcome.truth
    return {
        "time (UTC)": moment(record.at),
        "version": str(record.version),
        "inputs": ", ".join(f"{name} {value}" for name, value in outcome.input.items()),
        **_predicted(output),
        "latency": f"{record.latency_ms:.0f} ms",
        "truth": "-" if truth is None else str(truth.truth),
    }


def _predicted(output: dict[str, Any]) -> dict[str, str]:
    if "label" in output:
        label = output["label"]
        return {"label": label, "probability": f"{output['probabilities'][label]:.4f}"}
    if "items" in output:
        return {"items": ", ".join(one["item"] for one in output["items"]) or "-", "basis": output["basis"]}
    return {"value": f"{output['value']:.6g}"}
