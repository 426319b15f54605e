"""What the command prints steers no terminal, whoever wrote the text."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from rich.panel import Panel
from rich.text import Text

from cli.terminal import output
from cli.terminal.output import Terminal
from relearn import visible
from tests.support.cli_stage import CliStage
from tests.support.strategies import NEVER_RAW, hostile_texts

EVIL = "x\x1b[2J\x9b31m\u202egnp\u2066\x07\u2028[red]:bomb:"
SHOWN = "x\\x1b[2J\\x9b31m\\u202egnp\\u2066\\x07\\u2028[red]:bomb:"


def printed(show: Callable[[Terminal], Any]) -> str:
    """What a console sends to a file, where nothing has a colour."""
    file = io.StringIO()
    show(Terminal(file=file, width=2000, soft_wrap=True))
    return file.getvalue()


@given(hostile_texts())
def test_a_text_is_printed_as_one_visible_line(text: str) -> None:
    assert printed(lambda console: console.print(text)) == visible.line(text) + "\n"
    assert printed(lambda console: console.print("a", text, sep="")) == f"a{visible.line(text)}\n"


@given(hostile_texts())
def test_whatever_rich_shows_is_made_visible_at_last(text: str) -> None:
    shown = printed(lambda console: console.print(Text(text), Panel(Text(text))))
    assert not (NEVER_RAW - {"\n"}) & set(shown)


@given(hostile_texts(), hostile_texts())
def test_tables_show_titles_columns_and_cells(title: str, cell: str) -> None:
    file = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "Terminal", lambda **_: Terminal(file=file, width=2000))
        patch.setattr(output, "out", Terminal(file=io.StringIO()))
        output.print_table(title, [f"c{title}"], [[cell]])
    assert not (NEVER_RAW - {"\n"}) & set(file.getvalue())
    assert visible.line(cell).strip() in file.getvalue()


def evil_stage(cli_stage: CliStage) -> CliStage:
    """A stage whose file names, reasons and titles were written by an attacker."""
    from relearn.lifecycle.uploads import UploadState  # noqa: PLC0415

    upload = cli_stage.upload(f"{EVIL}.csv")
    cli_stage.ledger.move_upload(upload, UploadState.QUARANTINED, f"schema: {EVIL}")
    return cli_stage


def test_a_hostile_file_name_and_reason_are_shown_in_a_table(cli_stage: CliStage) -> None:
    shown = evil_stage(cli_stage).run("uploads", "iris").stdout
    assert not (NEVER_RAW - {"\n"}) & set(shown)
    assert f"{SHOWN}.csv" in shown
    assert f"schema: {SHOWN}" in shown


def test_json_says_the_same_value_without_a_raw_character(cli_stage: CliStage) -> None:
    shown = evil_stage(cli_stage).run("uploads", "iris", "--json").stdout
    assert not (NEVER_RAW - {"\n"}) & set(shown)
    (upload,) = json.loads(shown)
    assert upload["key"] == f"incoming/iris/{EVIL}.csv"
    assert upload["reason"] == f"schema: {EVIL}"


@pytest.mark.parametrize(
    "command",
    [
        ("upload", "iris", f"{EVIL}.csv"),
        ("predict", EVIL),
        ("route", EVIL),
        (EVIL,),
        (f"--{EVIL}",),
        ("predict", "iris", f"--{EVIL}"),
    ],
    ids=range(6),
)
def test_an_error_that_quotes_the_command_line_shows_it(
    cli_stage: CliStage, command: tuple[str, ...]
) -> None:
    answer = cli_stage.run(*command)
    assert answer.exit_code in (1, 2)
    assert not (NEVER_RAW - {"\n"}) & set(answer.output)
