"""The one tokeniser of training and serving."""
# ruff: noqa: RUF001 - full-width letters are what is tested

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import ArtifactError
from scoring.text import LEADING, LONGEST, MOST_MARKS, char_grams, normalise, word_grams
from scoring.tokeniser import Tokeniser

KNOWN = Tokeniser(("text",), (1, 2), (1, 2), ("a", "ab", "é", "届", "届か"), ("ab", "ab cd"))
FORMS = st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"])


def counts(tokeniser: Tokeniser, *texts: str) -> dict[str, int]:
    """Name what was counted in one row."""
    counted = tokeniser.count([texts])
    names = [f"chars {one}" for one in tokeniser.known_chars] + [
        f"words {one}" for one in tokeniser.known_words
    ]
    return {names[at]: int(count) for at, count in zip(counted.tokens, counted.counts, strict=True)}


def test_runs_of_characters_and_of_words_are_counted_apart() -> None:
    assert counts(KNOWN, "ab cd ab") == {"chars a": 2, "chars ab": 2, "words ab": 2, "words ab cd": 1}


def test_the_columns_of_a_row_are_counted_together_but_no_run_goes_from_one_to_the_next() -> None:
    two = Tokeniser(("subject", "body"), (1, 2), None, ("a", "b", "ab"))
    assert counts(two, "a", "b") == {"chars a": 1, "chars b": 1}


def test_scripts_without_spaces_have_no_words() -> None:
    assert [list(grams) for grams in word_grams(normalise("注文 order 届きません ไทย b2"), (1, 1))] == [
        ["order", "b2"]
    ]


@pytest.mark.parametrize(
    ("given", "form"),
    [
        ("Ｈｅｌｌｏ　ＷＯＲＬＤ", "hello world"),
        ("ﾊﾟｽﾜｰﾄﾞ", "パスワード"),
        ("Straße", "strasse"),
        ("cafe\u0301", "café"),
        (" a\t\r\n b\u00a0c\u3000", "a b c"),
        ("①㈱", "1(株)"),
        ("", ""),
    ],
)
def test_what_is_compatible_becomes_the_same(given: str, form: str) -> None:
    assert normalise(given) == form


@given(st.text(), FORMS)
def test_equivalent_texts_have_the_same_tokens(text: str, form: Any) -> None:
    assert normalise(unicodedata.normalize(form, text)) == normalise(text)


@given(st.text(), st.tuples(st.integers(1, 4), st.integers(0, 3)))
def test_runs_of_characters_are_every_slice_of_the_text(text: str, sizes: tuple[int, int]) -> None:
    form, lengths = normalise(text), (sizes[0], sizes[0] + sizes[1])
    wanted = Counter(
        form[at : at + n] for n in range(lengths[0], lengths[1] + 1) for at in range(len(form) - n + 1)
    )
    assert Counter(gram for grams in char_grams(form, lengths) for gram in grams) == wanted


@given(st.lists(st.text(), max_size=5))
def test_rows_are_counted_alike_alone_and_together(texts: list[str]) -> None:
    grams = sorted({gram for text in texts for each in char_grams(normalise(text), (1, 2)) for gram in each})
    tokeniser = Tokeniser(("text",), (1, 2), None, tuple(grams))
    together = tokeniser.count([(text,) for text in texts])
    for at, text in enumerate(texts):
        alone, within = tokeniser.count([(text,)]), slice(together.starts[at], together.starts[at + 1])
        assert np.array_equal(alone.tokens, together.tokens[within])
        assert np.array_equal(alone.counts, together.counts[within])


@given(st.text(), st.lists(st.text(min_size=1), unique=True))
def test_a_tokeniser_survives_being_stored(text: str, grams: list[str]) -> None:
    tokeniser = Tokeniser(("a", "b"), (1, 3), None, tuple(grams))
    again = Tokeniser.from_json(tokeniser.to_json())
    assert again == tokeniser
    assert counts(again, text, "") == counts(tokeniser, text, "")


def test_what_is_stored_is_ascii_whatever_the_vocabulary_holds() -> None:
    assert Tokeniser(("text",), (1, 1), None, ("届", "\0", "\ud800")).to_json().isascii()


def test_a_long_row_of_marks_is_parted_so_that_its_order_is_found_in_time() -> None:
    # 100,000 marks in the wrong order take many seconds to sort as one row
    text = "a" + "\u0315\u0300" * 50_000
    form = normalise(text)
    longest = max(len(row) for row in form.translate({ord("\u034f"): " "}).split())
    assert longest <= MOST_MARKS + 1


def test_every_character_that_becomes_marks_is_known() -> None:
    found = {
        at
        for at in range(0x110000)
        if not unicodedata.combining(chr(at))
        and unicodedata.combining(unicodedata.normalize("NFKD", chr(at))[0])
    }
    assert found == set(LEADING)


def test_a_text_that_grows_by_its_normal_form_is_looked_at_up_to_a_bound() -> None:
    assert len(normalise("\ufdfa" * LONGEST)) == LONGEST


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ({"format": 2}, "format"),
        ({"columns": []}, "columns"),
        ({"columns": "text"}, "columns"),
        ({"known_chars": ["a", 1]}, "known_chars"),
        ({"known_chars": ["a", "a"]}, "known_chars"),
        ({"known_words": None}, "known_words"),
        ({"chars": [0, 2]}, "chars"),
        ({"chars": [3, 2]}, "chars"),
        ({"words": [1, True]}, "words"),
        ({"words": [1]}, "words"),
    ],
)
def test_a_damaged_tokeniser_is_refused_by_the_name_of_what_is_wrong(
    damage: dict[str, Any], named: str
) -> None:
    with pytest.raises(
        ArtifactError, match=f"the tokeniser of the model is damaged: {named} is .*; allowed: "
    ):
        Tokeniser.from_json(json.dumps({**json.loads(KNOWN.to_json()), **damage}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_what_is_no_tokeniser_is_refused(text: str) -> None:
    with pytest.raises(ArtifactError, match="the tokeniser of the model"):
        Tokeniser.from_json(text)
