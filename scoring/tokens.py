"""Feed token counts to a graph, a few rows at a time, in the form that `training.fitting.token_graph` defines.

A server imports this module, so it needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from relearn.errors import ArtifactError
from scoring.tokeniser import Texts, TokenCounts, Tokeniser

INPUT = "Tokens"  # name of the graph's input; no column can have it
TYPE = "tokens"  # type of such an input in model.json
METADATA = "relearn_tokeniser"  # key of the tokeniser in the ONNX model's metadata
ROWS = 256  # rows tokenised at a time
CELLS = 32_000  # (row, token) pairs passed to the graph at a time, with padding


class Feed:
    """Builder of a graph's token input.

    Parameters
    ----------
    metadata
        Metadata of the ONNX model.
    columns
        Columns that the graph takes according to model.json, in order.

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
        """Input of one row with the last token of the vocabulary, to test the graph's size."""
        return np.array([[[max(self._tokeniser.size - 1, 0)], [1]]], np.int32)

    def parts(self, rows: Sequence[Texts]) -> Iterator[NDArray[np.int32]]:
        """Yield the input of rows in parts, at least one; each row has one text per column.

        A part has shape (rows, 2, tokens), padded with zeros: indexes, then counts.
        """
        for start in range(0, max(len(rows), 1), ROWS):
            counted = self._tokeniser.count(rows[start : start + ROWS])
            for first, end in _together(np.diff(counted.starts).tolist()):
                yield _padded(counted, first, end)


def _together(widths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows to pass together, so that one long row does not pad many short ones."""
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
