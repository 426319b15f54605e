"""Texts of other people's making fit where they are stored, and say so when they were cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn import cutting

ANY_TEXT = st.one_of(
    st.text(), st.builds(lambda one, times: one * times, st.text(min_size=1), st.integers(1, 3000))
)


@given(ANY_TEXT, st.integers(100, 5000))
def test_a_cut_text_never_has_more_bytes_than_asked_for_and_is_utf8(text: str, most: int) -> None:
    assert len(cutting.cut(text, most).encode()) <= most


@given(st.text(st.characters(codec="utf-8"), max_size=25))
def test_a_text_that_fits_stays_as_it_is(text: str) -> None:
    assert cutting.cut(text, 100) == text


def test_a_text_that_was_cut_says_how_long_it_was_and_where_it_is_whole() -> None:
    said = cutting.cut("日" * 1000, 200, "rows.jsonl")
    assert said.startswith("日日")
    assert said.endswith("… [cut; it has 3000 bytes, all in rows.jsonl]")


def test_a_place_too_long_to_be_named_is_left_out() -> None:
    assert cutting.cut("a" * 300, 100, "x" * 200).endswith("[cut; it has 300 bytes]")


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert cutting.cut("a\ud83d") == "a?"


@given(st.lists(ANY_TEXT, min_size=1, max_size=200), st.integers(0, 2000))
def test_a_list_is_weighed_and_every_name_is_shown_or_counted(names: list[str], most: int) -> None:
    said = cutting.listed(names, most)
    assert len(said.encode()) <= max(most, cutting.NAME_BYTES) + len(" and 199 more")


@pytest.mark.parametrize(
    ("names", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a" * 9] * 9, "aaaaaaaaa and 8 more")]
)
def test_the_names_left_out_are_counted(names: list[str], said: str) -> None:
    assert cutting.listed(names, 15) == said


def test_a_text_is_cut_only_when_it_is_too_long() -> None:
    assert cutting.cut("a" * 100, 100) == "a" * 100
    assert cutting.cut("a" * 101, 100) == "a" * 73 + "… [cut; it has 101 bytes]"


def test_a_cut_text_takes_all_the_room_there_is() -> None:
    assert len(cutting.cut("a" * 5000, where="rows.jsonl").encode()) == cutting.REASON_BYTES


def test_a_place_is_named_as_long_as_its_name_fits() -> None:
    mark = len("… [cut; it has 300 bytes, all in ]".encode())
    fits, too_long = "x" * (100 - mark), "x" * (101 - mark)
    assert cutting.cut("a" * 300, 100, fits) == f"… [cut; it has 300 bytes, all in {fits}]"
    assert cutting.cut("a" * 300, 100, too_long) == "a" * 73 + "… [cut; it has 300 bytes]"


def test_no_half_of_a_character_is_left_where_a_text_is_cut() -> None:
    assert cutting.cut("aa" + "日" * 100, 100).startswith("aa" + "日" * 23 + "…")


def test_a_name_in_a_list_is_cut_by_itself() -> None:
    assert cutting.listed(["a" * 300, "b"]) == cutting.cut("a" * 300, cutting.NAME_BYTES) + ", b"


def test_a_list_is_weighed_with_its_commas() -> None:
    assert cutting.listed(["aaa", "bbb"], 10) == "aaa, bbb"
    assert cutting.listed(["aaa", "bbb"], 9) == "aaa and 1 more"
