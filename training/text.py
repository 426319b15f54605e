"""How a text becomes counts of tokens: the one tokeniser of training and serving.

A text is first brought into one form: compatible characters are made the same (NFKC: full-width, half-width and
combined forms), case is folded, every run of white space becomes one space, and no more than `LONGEST` characters are
looked at. Its tokens are then

- runs of characters, white space included, which is what languages without spaces between words need, and what
  survives a typo;
- words and runs of words, of scripts that have spaces between words.

numpy and the standard library only: a server imports this. The tokeniser with its vocabulary is JSON, which lies in the
metadata of the ONNX model that takes the counts, so that the two can not be mixed up (`training.token_graph`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relearn.errors import ArtifactError

FORMAT = 1
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
Texts = Sequence[str]


class Counted(NamedTuple):
    """Counts of tokens, row by row: the tokens of row i are ``tokens[starts[i]:starts[i + 1]]``.

    Parameters
    ----------
    starts
        Shape (rows + 1,), int64.
    tokens
        Places in the vocabulary, ascending within a row, none twice; int64.
    counts
        How often each is there; int64.
    """

    starts: NDArray[np.int64]
    tokens: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Tokeniser:
    """What is counted.

    Parameters
    ----------
    columns
        The text columns of a row, in order; their tokens are counted together.
    chars, words
        Shortest and longest run of characters, of words; None: there are none.
    known_chars, known_words
        The vocabulary: a token's place is its place in the first, or in the second after the first.
    """

    columns: tuple[str, ...]
    chars: Range | None
    words: Range | None
    known_chars: tuple[str, ...] = ()
    known_words: tuple[str, ...] = ()
    # places count from 1 here, so that what is not known can be dropped as what is false
    _chars: dict[str, int] = field(init=False, repr=False, compare=False)
    _words: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        after = len(self.known_chars) + 1
        object.__setattr__(self, "_chars", {gram: at for at, gram in enumerate(self.known_chars, 1)})
        object.__setattr__(self, "_words", {gram: at for at, gram in enumerate(self.known_words, after)})

    @property
    def size(self) -> int:
        """Tokens in the vocabulary."""
        return len(self.known_chars) + len(self.known_words)

    def count(self, rows: Sequence[Texts]) -> Counted:
        """Count the tokens of rows, each a text for each of `columns`."""
        found = [self._places(row) for row in rows]
        lengths = [len(places) for places in found]
        places = np.fromiter(chain.from_iterable(found), np.int64, sum(lengths))
        keys = np.repeat(np.arange(len(rows)) * self.size - 1, lengths) + places
        there, counts = np.unique(keys, return_counts=True)
        row_of, tokens = np.divmod(there, max(self.size, 1))
        return Counted(np.searchsorted(row_of, np.arange(len(rows) + 1)), tokens, counts)

    def _places(self, row: Texts) -> list[int]:
        places: list[int] = []
        for text in map(normalise, row):
            for grams in char_grams(text, self.chars):
                places += filter(None, map(self._chars.get, grams))
            for grams in word_grams(text, self.words):
                places += filter(None, map(self._words.get, grams))
        return places

    def to_json(self) -> str:
        """Write it down."""
        options = {"columns": self.columns, "chars": self.chars, "words": self.words}
        grams = {"known_chars": self.known_chars, "known_words": self.known_words}
        return json.dumps({"format": FORMAT, **options, **grams}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Tokeniser:
        """Read it.

        Raises
        ------
        ArtifactError
            It is damaged; the message says where.
        """
        try:
            given = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"the tokeniser of the model is not JSON: {error}") from error
        names = ("columns", "known_chars", "known_words")
        if not isinstance(given, dict) or given.get("format") != FORMAT:
            raise _damaged("format", given.get("format") if isinstance(given, dict) else given, str(FORMAT))
        lists = {name: _strings(name, given.get(name), least=int(name == "columns")) for name in names}
        ranges = {name: _range(name, given.get(name)) for name in ("chars", "words")}
        return cls(**lists, **ranges)  # type: ignore[arg-type]  # the keys are the fields


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


def _strings(name: str, given: Any, *, least: int) -> tuple[str, ...]:
    if not isinstance(given, list) or len(given) < least or not all(isinstance(one, str) for one in given):
        raise _damaged(name, given, "a list of strings")
    if len(set(given)) < len(given):
        raise _damaged(name, "one string twice", "each once")
    return tuple(given)


def _range(name: str, given: Any) -> Range | None:
    if given is None:
        return None
    whole = isinstance(given, list) and len(given) == 2 and all(type(one) is int for one in given)  # noqa: PLR2004
    if not whole or not 1 <= given[0] <= given[1]:
        raise _damaged(name, given, "null, or two whole numbers from 1, ascending")
    return given[0], given[1]


def _damaged(name: str, given: Any, allowed: str) -> ArtifactError:
    return ArtifactError(
        f"the tokeniser of the model is damaged: {name} is {str(given)[:80]!r}; allowed: {allowed}"
    )
