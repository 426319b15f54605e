"""Count tokens as the first step of a text model's pipeline: a scikit-learn transformer.

``make_pipeline(TokenCounts(columns=("text",)), TfidfTransformer(sublinear_tf=True), LogisticRegression())``
is a whole model. `scoring.tokeniser` counts in training as in serving; `training.fitting.token_graph` exports
the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin

from scoring.text import Range, char_grams, normalise, word_grams
from scoring.tokeniser import Tokeniser


class TokenCounts(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Transformer that counts the tokens of text columns.

    Parameters
    ----------
    columns
        Text columns; their tokens are counted together.
    chars, words
        Shortest and longest n-gram of characters, of words; None: no such tokens.
    max_features
        Largest size of the vocabulary: the tokens in the most rows are kept; among equals, the first in the
        order of their characters.
    min_df
        Fewest rows that a token must be in.

    Attributes
    ----------
    tokeniser_
        Tokeniser with its vocabulary.
    """

    def __init__(
        self,
        columns: tuple[str, ...] = ("text",),
        *,
        chars: Range | None = (1, 3),
        words: Range | None = (1, 2),
        max_features: int = 20_000,
        min_df: int = 2,
    ) -> None:
        self.columns = columns
        self.chars = chars
        self.words = words
        self.max_features = max_features
        self.min_df = min_df

    def fit(self, X: pd.DataFrame, y: Any = None) -> TokenCounts:  # noqa: ARG002, N803 - scikit-learn's names
        """Choose the vocabulary from text columns.

        Raises
        ------
        ValueError
            No token is in `min_df` rows.
        """
        rows: Counter[tuple[bool, str]] = Counter()  # number of rows by (is a word n-gram, token)
        for row in self._rows(X):
            rows.update(self._tokens(row))
        often = [(-count, *token) for token, count in rows.items() if count >= self.min_df]
        kept = sorted(often)[: self.max_features]
        if not kept:
            raise ValueError(f"no token of {', '.join(self.columns)} is in {self.min_df} rows or more")
        known = {
            of_words: tuple(sorted(gram for _, kind, gram in kept if kind is of_words))
            for of_words in (False, True)
        }
        self.tokeniser_ = Tokeniser(tuple(self.columns), self.chars, self.words, known[False], known[True])
        return self

    def transform(self, X: pd.DataFrame) -> csr_matrix:  # noqa: N803 - scikit-learn's name
        """Return the counts, float64 of shape (rows, vocabulary)."""
        rows = self._rows(X)
        counted = self.tokeniser_.count(rows)
        shape = (len(rows), self.tokeniser_.size)
        return csr_matrix((counted.counts.astype(np.float64), counted.tokens, counted.starts), shape=shape)

    def _rows(self, X: pd.DataFrame) -> list[tuple[str, ...]]:  # noqa: N803
        return list(zip(*(X[column].tolist() for column in self.columns), strict=True))

    def _tokens(self, row: Iterable[str]) -> set[tuple[bool, str]]:
        return {
            (of_words, gram)
            for text in map(normalise, row)
            for of_words, lengths in (
                (False, char_grams(text, self.chars)),
                (True, word_grams(text, self.words)),
            )
            for grams in lengths
            for gram in grams
        }
