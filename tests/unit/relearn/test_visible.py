"""Characters that steer a terminal or turn text around are shown as escapes."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn import visible
from tests.support.strategies import NEVER_RAW, hostile_texts


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("iris\u202egnp.csv", "iris\\u202egnp.csv"),
        ("a\u2066b\u2069\u061c\u200f", "a\\u2066b\\u2069\\u061c\\u200f"),
        ("a\nb\r\tc\u2028d", "a\\nb\\r\\tc\\u2028d"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_is_not_seen_is_shown_as_its_escape(raw: str, shown: str) -> None:
    assert visible.line(raw) == shown


@pytest.mark.parametrize("text", ["花 ß é", "العربية", "👩\u200d💻", "a\\x1b", ""])
def test_what_is_seen_stays_as_it_is(text: str) -> None:
    assert visible.line(text) == visible.lines(text) == text


@given(hostile_texts())
def test_no_text_steers_anything(text: str) -> None:
    shown = visible.line(text)
    assert not NEVER_RAW & set(shown)
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown)
    assert visible.line(shown) == shown
    shown.encode()


@given(hostile_texts())
def test_our_own_lines_stay_lines_and_nothing_else_does(text: str) -> None:
    assert visible.lines(text).split("\n") == [visible.line(part) for part in text.split("\n")]


@given(st.recursive(hostile_texts(), lambda inner: st.lists(inner) | st.dictionaries(hostile_texts(), inner)))
def test_json_says_the_same_without_a_raw_character(value: object) -> None:
    text = visible.json_text(json.dumps(value, indent=2, ensure_ascii=False))
    assert not (NEVER_RAW - {"\n"}) & set(text)
    assert json.loads(text) == value
