"""Split texts into tokens, in training and in serving.

A text is normalised first: compatible characters are unified (NFKC: full-width, half-width and combined
forms), case is folded, every run of white space becomes one space, and only the first `LONGEST` characters are
kept. Its tokens are then

- character n-grams, white space included: for languages without spaces between words, and robust to typos;
- word n-grams, in scripts that put spaces between words.

A server imports this module, so it needs the standard library alone. `scoring.tokeniser` counts the tokens.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from operator import add

LONGEST = 100_000  # characters kept of a normalised text
SHORT = 1_000  # characters up to which normalising is always fast
MOST_MARKS = 30  # consecutive combining marks, as in UAX #15, Stream-Safe Text Format
JOINER = "\u034f"  # inserted between more of them (combining grapheme joiner)
_RUN_OF_MARKS = b"\1" * (MOST_MARKS + 1)
LEADING = {ord(one): unicodedata.normalize("NFKD", one) for one in "\u0f73\u0f75\u0f81\uff9e\uff9f"}
"""Characters that are not combining marks but decompose into some."""
WORD = re.compile(  # letters and digits, except of scripts without spaces: Thai to Khmer, kana, Han
    "[^\\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
Range = tuple[int, int]


def normalise(text: str) -> str:
    """Return the normalised form of a text, in time linear in its length."""
    if text.isascii():
        return " ".join(text.lower().split())[:LONGEST]
    if len(text) > SHORT:
        text = _stream_safe(text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())[:LONGEST]


def char_grams(text: str, lengths: Range | None) -> Iterator[Iterable[str]]:
    """Yield the character n-grams of a normalised text, one iterable per length; none if ``lengths`` is None."""
    if lengths is not None:
        yield from _grams(text, lengths, text)


def word_grams(text: str, lengths: Range | None) -> Iterator[Iterable[str]]:
    """Yield the word n-grams of a normalised text, words joined by spaces, one iterable per length."""
    if lengths is not None:
        words = WORD.findall(text)
        yield from _grams(words, lengths, [" " + word for word in words])


def _grams(single: Sequence[str], lengths: Range, following: Sequence[str]) -> Iterator[Iterable[str]]:
    shortest, longest = lengths
    grams: Sequence[str] = single
    for length in range(1, longest + 1):
        if length > 1:  # append one element to each shorter n-gram, instead of slicing
            grams = list(map(add, grams, following[length - 1 :]))
        if length >= shortest:
            yield grams


def _stream_safe(text: str) -> str:
    """Separate long runs of combining marks: ordering them takes time quadratic in their number."""
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
