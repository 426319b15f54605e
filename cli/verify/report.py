"""The report of a verification: one document, as JSON for scripts and as Markdown for a bug report.

A bug report is read by people where Markdown is rendered, so the file that is attached is Markdown; ``--json`` prints
the same document for scripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from cli.verify import costs
from cli.verify.cleaning import Cleaned
from cli.verify.playing import Outcome
from cli.verify.redaction import Redactor
from cli.verify.remedies import Problem
from relearn import VERSION, visible

PASSED, FAILED, INTERRUPTED = "passed", "failed", "interrupted"
Document = dict[str, Any]


def document(
    outcomes: Sequence[Outcome],
    cleaned: Sequence[Cleaned],
    redactor: Redactor,
    *,
    stage: str,
    region: str,
    where: str,
    began: datetime,
    seconds: float,
    kept: Sequence[str] = (),
) -> Document:
    """Return the report as JSON-ready data, without secrets and account ids.

    Parameters
    ----------
    outcomes, cleaned
        What came of the steps, and of the cleaning.
    redactor
        Removes what must not be shown.
    stage, region, where
        Name and region of the stage, and whether it is on AWS or on the laptop cloud.
    began, seconds
        Start, time-zone aware, and duration.
    kept
        Commands that remove what was kept on request.
    """
    made = {
        "relearn": VERSION,
        "stage": stage,
        "region": region,
        "where": where,
        "began": began.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "usd": round(sum(one.usd for one in outcomes), 4),
        "prices": costs.basis(),
        "result": result(outcomes, cleaned),
        "steps": [_step(one) for one in outcomes],
        "cleaning": [{**asdict(one), "clean": one.clean} for one in cleaned],
        "kept": list(kept),
    }
    found: Document = redactor.document(made)
    return found


def redacted(outcome: Outcome, redactor: Redactor) -> Outcome:
    """Return the outcome of a step without secrets and account ids."""
    return replace(
        outcome,
        answer=redactor.document(outcome.answer),
        problem=_redacted_problem(outcome.problem, redactor),
    )


def redacted_cleaning(cleaned: Cleaned, redactor: Redactor) -> Cleaned:
    """Return the outcome of a cleaning without secrets and account ids."""
    return replace(cleaned, problem=_redacted_problem(cleaned.problem, redactor))


def _redacted_problem(problem: Problem | None, redactor: Redactor) -> Problem | None:
    return problem and Problem(**redactor.document(asdict(problem)))


def result(outcomes: Iterable[Outcome], cleaned: Iterable[Cleaned]) -> str:
    """Return ``passed``, ``failed`` or ``interrupted``; something that was left behind is a failure."""
    ends = {one.status for one in outcomes}
    if "interrupted" in ends:
        return INTERRUPTED
    return PASSED if ends == {"passed"} and all(one.clean for one in cleaned) else FAILED


def markdown(made: Document) -> str:
    """Return the report as Markdown."""
    rows = [
        f"# relearn verify: stage {_cell(made['stage'])}, {made['result']}",
        "",
        _summary(made),
        "",
        "| step | did | expected | result | seconds | USD | answered |",
        "|---|---|---|---|---:|---:|---|",
    ]
    rows += [_row(step) for step in made["steps"]]
    for step in made["steps"]:
        rows += _trouble(f"Step {step['name']}", step["problem"])
    for one in made["cleaning"]:
        rows += ["", f"Removed of {_cell(one['model'])}: {_cell(words(one['removed'])) or 'nothing'}."]
        rows += _trouble(f"Cleaning {one['model']}", one["problem"])
        if not one["clean"]:
            rows += [
                f"- left: {_cell(words(one['left'])) or 'not known'}",
                f"- remove it: `{_cell(one['command'])}`",
            ]
    rows += ["", "Kept on request; to remove it:", ""] if made["kept"] else []
    rows += [f"- `{_cell(command)}`" for command in made["kept"]]
    return "\n".join(rows) + "\n"


def _summary(made: Document) -> str:
    place = f"{_cell(made['where'])}, {_cell(made['region'])}, {made['began']}, {made['seconds']} s"
    return f"relearn {made['relearn']}, {place}, about {made['usd']:.4f} USD by {made['prices']}."


def words(facts: Mapping[str, Any]) -> str:
    """Return facts in one line, such as ``version 2; state PROMOTED``."""
    return "; ".join(
        f"{name.replace('_', ' ')} {_value(value)}"
        for name, value in facts.items()
        if value not in ("", {}, [])
    )


def _step(one: Outcome) -> dict[str, Any]:
    return {**asdict(one), "seconds": round(one.seconds, 1), "usd": round(one.usd, 6)}


def _row(step: Mapping[str, Any]) -> str:
    figures = f"{step['seconds']:.1f} | {step['usd']:.4f}"
    told = (step["name"], step["does"], step["expects"], step["status"])
    return f"| {' | '.join(map(_cell, told))} | {figures} | {_cell(words(step['answer']))} |"


def _trouble(title: str, problem: Mapping[str, str] | None) -> list[str]:
    if problem is None:
        return []
    lines = ["", f"## {_cell(title)}", ""]
    return [*lines, *(f"- {name.replace('_', ' ')}: {_cell(text)}" for name, text in problem.items() if text)]


def _value(value: Any) -> str:
    match value:
        case Mapping():
            return f"({words(value)})"
        case list() | tuple():
            return ", ".join(map(str, value))
    return str(value)


def _cell(text: str) -> str:
    """Return a text as one line that cannot end a table's cell or begin markup."""
    shown = visible.line(str(text))
    for character in "\\`*_<>|[]":
        shown = shown.replace(character, f"\\{character}")
    return shown
