"""Feeds a graph that takes counts of tokens, a few rows at a time: `training.fitting.token_graph` says how it takes them.

numpy only: a server imports this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from relearn.errors import ArtifactError
from scoring.tokeniser import Texts, TokenCounts, Tokeniser

INPUT = "Tokens"  # no column can be named so
TYPE = "tokens"  # of such an input, in model.json
METADATA = "relearn_tokeniser"  # its key in the metadata of the ONNX model
ROWS = 256  # rows tokenised at once
CELLS = 32_000  # (row, token) pairs given to the graph at once, empty ones too


class Feed:
    """Makes the input of a graph.

    Parameters
    ----------
    metadata
        The graph's.
    columns
        What the graph is said to take, in order.

    Raises
    ------
    ArtifactError
        The tokeniser is missing or damaged, or takes other columns.
    """

    def __init__(self, metadata: Mapping[str, str], columns: Sequence[str]) -> None:
        if METADATA not in metadata:
            raise ArtifactError(f"the model takes tokens, but has no {METADATA} in its metadata")
        self._tokeniser = Tokeniser.from_json(metadata[METADATA])
        if self._tokeniser.columns != tuple(columns):
            raise ArtifactError(
                f"the tokeniser takes {', '.join(self._tokeniser.columns)}, the model {', '.join(columns)}"
            )

    @property
    def last(self) -> NDArray[np.int32]:
        """The input of a row with the vocabulary's last token."""
        return np.array([[[max(self._tokeniser.size - 1, 0)], [1]]], np.int32)

    def parts(self, rows: Sequence[Texts]) -> Iterator[NDArray[np.int32]]:
        """Give the input of rows, each a text a column: part by part, one at least."""
        for start in range(0, max(len(rows), 1), ROWS):
            counted = self._tokeniser.count(rows[start : start + ROWS])
            for first, end in _together(np.diff(counted.starts).tolist()):
                yield _padded(counted, first, end)


def _together(widths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Say which rows go together, so that a long one does not make many short ones long."""
    first, widest = 0, 1
    for at, width in enumerate(widths):
        widest = max(widest, width)
        if at > first and (at + 1 - first) * widest > CELLS:
            yield first, at
            first, widest = at, max(width, 1)
    yield first, len(widths)


def _padded(counted: TokenCounts, first: int, end: int) -> NDArray[np.int32]:
    starts = counted.starts[first : end + 1]
    widths = np.diff(starts)
    given = np.zeros((end - first, 2, max(int(widths.max(initial=0)), 1)), np.int32)
    within = slice(starts[0], starts[-1])
    row = np.repeat(np.arange(end - first), widths)
    place = np.arange(starts[0], starts[-1]) - starts[row]
    given[row, 0, place] = counted.tokens[within]
    given[row, 1, place] = counted.counts[within]
    return given
