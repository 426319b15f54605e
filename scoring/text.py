"""What the tokens of a text are, in training and in serving.

A text is first brought into one form: compatible characters are made the same (NFKC: full-width, half-width and
combined forms), case is folded, every run of white space becomes one space, and no more than `LONGEST` characters are
looked at. Its tokens are then

- runs of characters, white space included, which is what languages without spaces between words need, and what
  survives a typo;
- words and runs of words, of scripts that have spaces between words.

The standard library only: a server imports this. `scoring.tokeniser` counts them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from operator import add

LONGEST = 100_000  # characters of one text, once it is in its one form: so many are looked at
SHORT = 1_000  # up to here nothing that normalising does can take long
MOST_MARKS = 30  # combining marks in a row, as in the Stream-Safe Text Format of Unicode's annex 15
JOINER = "\u034f"  # the mark that this format puts between more of them
_RUN_OF_MARKS = b"\1" * (MOST_MARKS + 1)
LEADING = {ord(one): unicodedata.normalize("NFKD", one) for one in "\u0f73\u0f75\u0f81\uff9e\uff9f"}
"""Characters that are no marks themselves but become some."""
WORD = re.compile(  # letters and digits, but of no script that is written without spaces: Thai to Khmer, kana, Han
    "[^\\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
Range = tuple[int, int]


def normalise(text: str) -> str:
    """Bring a text into its one form, in time that grows with its length alone."""
    if text.isascii():
        return " ".join(text.lower().split())[:LONGEST]
    if len(text) > SHORT:
        text = _stream_safe(text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())[:LONGEST]


def char_grams(text: str, lengths: Range | None) -> Iterator[Iterable[str]]:
    """Give the runs of characters of a text in its one form, length by length."""
    if lengths is not None:
        yield from _grams(text, lengths, text)


def word_grams(text: str, lengths: Range | None) -> Iterator[Iterable[str]]:
    """Give the runs of words of a text in its one form, with a space between them, length by length."""
    if lengths is not None:
        words = WORD.findall(text)
        yield from _grams(words, lengths, [" " + word for word in words])


def _grams(single: Sequence[str], lengths: Range, following: Sequence[str]) -> Iterator[Iterable[str]]:
    shortest, longest = lengths
    grams: Sequence[str] = single
    for length in range(1, longest + 1):
        if length > 1:  # each run is the one before with what follows it; no slice is made for each
            grams = list(map(add, grams, following[length - 1 :]))
        if length >= shortest:
            yield grams


def _stream_safe(text: str) -> str:
    """Part long rows of combining marks: putting them in order takes the square of their number."""
    text = text.translate(LEADING)
    marks = bytes(map(bool, map(unicodedata.combining, text)))
    if _RUN_OF_MARKS not in marks:
        return text
    parts, row = [], 0
    for character, mark in zip(text, marks, strict=True):
        row = row + 1 if mark else 0
        if row > MOST_MARKS:
            parts.append(JOINER)
            row = 1
        parts.append(character)
    return "".join(parts)
