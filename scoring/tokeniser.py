"""Count the tokens of texts that are in a vocabulary: the one tokeniser of training and serving.

A server imports this module, so it needs numpy alone. The tokeniser and its vocabulary are stored as JSON in
the metadata of the ONNX model that takes the counts, so that the two cannot be mixed up
(`training.fitting.token_graph`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relearn.errors import ArtifactError
from scoring.text import Range, char_grams, normalise, word_grams

FORMAT = 1
MOST_INT32 = 2**31
Texts = Sequence[str]


class TokenCounts(NamedTuple):
    """Token counts in rows: the tokens of row i are ``tokens[starts[i]:starts[i + 1]]``.

    Parameters
    ----------
    starts
        Shape (rows + 1,), int64.
    tokens
        Index of each token in the vocabulary, ascending and unique within a row; int64.
    counts
        Number of occurrences of each token; int64.
    """

    starts: NDArray[np.int64]
    tokens: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Tokeniser:
    """Tokeniser with its vocabulary.

    Parameters
    ----------
    columns
        Text columns of a row, in order; their tokens are counted together.
    chars, words
        Shortest and longest n-gram of characters, of words; None: no such tokens.
    known_chars, known_words
        Vocabulary. The index of a token is its position in ``known_chars``, or ``len(known_chars)`` plus its
        position in ``known_words``.
    """

    columns: tuple[str, ...]
    chars: Range | None
    words: Range | None
    known_chars: tuple[str, ...] = ()
    known_words: tuple[str, ...] = ()
    # indexes start at 1 here, so that `filter(None, ...)` drops unknown tokens
    _chars: dict[str, int] = field(init=False, repr=False, compare=False)
    _words: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        after = len(self.known_chars) + 1
        object.__setattr__(self, "_chars", {gram: at for at, gram in enumerate(self.known_chars, 1)})
        object.__setattr__(self, "_words", {gram: at for at, gram in enumerate(self.known_words, after)})

    @property
    def size(self) -> int:
        """Number of tokens in the vocabulary."""
        return len(self.known_chars) + len(self.known_words)

    def count(self, rows: Sequence[Texts]) -> TokenCounts:
        """Count the tokens of rows; each row has one text per column of `columns`."""
        found = [self._places(row) for row in rows]
        lengths = [len(places) for places in found]
        size, kind = max(self.size, 1), np.int32 if len(rows) * self.size < MOST_INT32 else np.int64
        keys: NDArray[Any] = np.fromiter(chain.from_iterable(found), kind, sum(lengths))
        keys += np.repeat(np.arange(len(rows), dtype=kind) * size - 1, lengths)
        keys.sort()  # takes half the time of np.unique, and int32 half of that
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = np.diff(first, append=len(keys))
        row_of, tokens = np.divmod(keys[first], size)
        starts = np.searchsorted(row_of, np.arange(len(rows) + 1))
        return TokenCounts(starts, tokens.astype(np.int64), counts)

    def _places(self, row: Texts) -> list[int]:
        places: list[int] = []
        for text in map(normalise, row):
            for grams in char_grams(text, self.chars):
                places += filter(None, map(self._chars.get, grams))
            for grams in word_grams(text, self.words):
                places += filter(None, map(self._words.get, grams))
        return places

    def to_json(self) -> str:
        """Return the tokeniser as JSON."""
        options = {"columns": self.columns, "chars": self.chars, "words": self.words}
        grams = {"known_chars": self.known_chars, "known_words": self.known_words}
        return json.dumps({"format": FORMAT, **options, **grams}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Tokeniser:
        """Read a tokeniser from JSON.

        Raises
        ------
        ArtifactError
            The JSON is damaged; the message names the field.
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
