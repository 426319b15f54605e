"""``relearn verify``: play the product's own story on a stage's sandbox models, and report what AWS answered."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status
from rich.text import Text

from cli.stage import target as targets
from cli.stage.api import connect
from cli.terminal.errors import FAILED, INTERRUPTED
from cli.terminal.options import Json
from cli.terminal.output import Terminal, done, err, fail, note, out, plain, print_json, state, waiting_for
from cli.verify import report
from cli.verify.cleaning import Cleaned
from cli.verify.playing import Outcome
from cli.verify.remedies import Problem
from cli.verify.verification import Plan
from cli.verify.verification import verify as verify_stage

WIDTH = len("failed")
EXITS = {report.PASSED: 0, report.FAILED: FAILED, report.INTERRUPTED: INTERRUPTED}


def verify(
    ctx: typer.Context,
    *,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Leave what it made on the stage, to look at it; the next one removes it."
        ),
    ] = False,
    report_file: Annotated[
        Path | None,
        typer.Option(
            "--report", help="Where the report goes, as Markdown; else relearn-verify-STAGE.md here."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that one wait of a step may take.")] = 2700.0,
    json_: Json = False,
) -> None:
    """Verify a deployed stage: play the product's own story on two sandbox models, and remove them again.

    It touches no other model. The report has no secrets and no account ids.
    """
    target = targets.of(ctx)
    with connect(target) as api, _terminable(), err.waiting("the stage") as spinner:
        shown = Shown(err if json_ else out, spinner)
        made = verify_stage(
            target,
            api,
            Plan(keep=keep, patience_seconds=timeout),
            tell=lambda what: spinner.update(waiting_for(what)),
            show=shown.step,
            show_cleaned=shown.cleaned,
        )
    file = report_file or Path(f"relearn-verify-{target.stage}.md")
    if json_:
        print_json(made)
    file.write_text(report.markdown(made), encoding="utf-8")
    _end(made, file)
    raise typer.Exit(EXITS[made["result"]])


class Shown:
    """Prints what came of each step.

    Parameters
    ----------
    console
        Console that it is printed on.
    spinner
        Status line of a wait, which is hidden while something is printed.
    """

    def __init__(self, console: Terminal, spinner: Status) -> None:
        self._console = console
        self._spinner = spinner

    def step(self, outcome: Outcome) -> None:
        """Print a step's status, duration, cost and answer; for one that failed its error and remedy.

        A step that was not run is in the report only.
        """
        if outcome.status == "not run":
            return
        figures = f"{outcome.seconds:7.1f} s  ${outcome.usd:.4f}"
        told = f" {outcome.name:9} {figures}  {outcome.does}; expected: {outcome.expects}"
        with self._without_spinner():
            self._console.print(_head("ok" if outcome.status == "passed" else outcome.status), told, sep="")
            if answered := report.words(outcome.answer):
                self._detail(answered)
            if outcome.problem is not None:
                self._problem(outcome.problem)

    def cleaned(self, one: Cleaned) -> None:
        """Print what was removed of a model, and what is left."""
        told = f" clean     removed of {one.model}: {report.words(one.totals) or 'nothing'}"
        with self._without_spinner():
            self._console.print(_head("ok" if one.clean else "failed"), told, sep="")
            if one.problem is not None:
                self._problem(one.problem)
                self._detail(f"left: {report.words(one.left) or 'not known'}; remove it: {one.command}")

    @contextmanager
    def _without_spinner(self) -> Iterator[None]:
        self._spinner.stop()
        yield
        self._spinner.start()

    def _problem(self, problem: Problem) -> None:
        called = f"{problem.operation}: " if problem.operation else ""
        self._detail(f"{called}{problem.code}: {problem.message}", "red")
        self._detail(f"→ {problem.remedy}")

    def _detail(self, text: str, style: str = "dim") -> None:
        line = Text(" " * 10)
        line.append_text(plain(text, style))
        self._console.print(line)


def _head(word: str) -> Text:
    head = state(word)
    head.pad_right(max(0, WIDTH - len(word)))
    return head


def _end(made: report.Document, file: Path) -> None:
    told = f"{made['seconds']:.0f} s, about ${made['usd']:.4f} by {made['prices']}"
    for command in made["kept"]:
        note(f"kept; to remove it: {command}")
    if made["result"] == report.PASSED:
        done(f"stage {made['stage']} does what it should: {told}; report: {file}")
    else:
        fail(
            f"the verification of stage {made['stage']} {made['result']}: {told}; report to attach to an issue: {file}"
        )


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM interrupt as Ctrl-C does, so that the stage is cleaned; and SIGINT, which background jobs ignore."""
    before = {one: signal.signal(one, signal.default_int_handler) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
