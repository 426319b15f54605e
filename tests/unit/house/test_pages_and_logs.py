"""What pages and logs show steers no terminal and turns nothing around, whoever wrote the text."""

from __future__ import annotations

import html
import json
import logging
import os
import subprocess
import sys

import pytest
from hypothesis import given

from demo.console import Console
from lambdas.runtime.logging import JsonFormatter
from local.console import Console as LaptopConsole
from pages import html as pages
from pages import svg
from relearn import visible
from scoring import progress
from tests.support.strategies import NEVER_RAW, hostile_texts

EVIL = "x\x1b[2J\x9b31m\u202egnp\u2066\x07\u2028"
SHOWN = "x\\x1b[2J\\x9b31m\\u202egnp\\u2066\\x07\\u2028"


@given(hostile_texts())
def test_a_page_shows_a_text_as_text(text: str) -> None:
    shown = pages.escape(text)
    assert not (NEVER_RAW - {"\n"}) & set(shown)
    assert not set("<>") & set(shown)
    assert html.unescape(shown) == visible.lines(text)


@given(hostile_texts())
def test_every_part_of_a_page_and_of_a_chart_shows_it(text: str) -> None:
    whole = pages.document(text, text, text, [pages.section(text, pages.table(text, [text], [[text, text]]))])
    chart = svg.figure(text, text, 1, 1, svg.text(1, 2, text, "x"))
    assert not (NEVER_RAW - {"\n"}) & set(whole + chart)


@given(hostile_texts())
def test_a_line_of_a_functions_log_is_visible_and_one_line(text: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "%s", (text,), None)
    record.reason = text
    error = ValueError(text)
    record.exc_info = (ValueError, error, None)
    line = JsonFormatter().format(record)
    assert not NEVER_RAW & set(line)
    assert line.isascii()
    assert json.loads(line)["reason"] == text


def fail(text: str) -> None:
    raise ValueError(text)


def test_a_jobs_log_shows_what_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say(f"{EVIL}\n2")
    progress.complain(f"{EVIL}\n2")
    try:
        fail(EVIL)
    except ValueError:
        progress.trace()
    out, err = capsys.readouterr()
    assert out == f"relearn: {SHOWN}\\n2\n"
    assert err.startswith(f"relearn: {SHOWN}\\n2\nTraceback")
    assert err.endswith(f"ValueError: {SHOWN}\n")


@given(hostile_texts())
def test_the_laptop_cloud_and_its_story_show_what_they_quote(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda line, **_: said.append(line))
        laptop, story = LaptopConsole(), Console()
        for tell in (laptop.step, laptop.detail, laptop.done, laptop.failed, laptop.plain):
            tell(text)
        for tell in (story.step, story.detail, story.done, story.failed):
            tell(text)
    assert not (NEVER_RAW - {"\n"}) & set("".join(said))
    "".join(said).encode()


@pytest.mark.parametrize("package", ["local", "demo"])
def test_a_console_that_nobody_reads_any_more_keeps_nothing_from_being_done(package: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = (
        "import sys\n"
        f"from {package}.console import Console\n"
        "console = Console()\n"
        "console.step('stopping')\n"
        "console.detail('stopped')\n"
        "print('all is done', file=sys.stderr)\n"
    )
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=nobody, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, "all is done\n")
