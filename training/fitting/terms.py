"""The terms that speak for each class: the greatest coefficients of a linear model of counts of tokens.

A word, or words with spaces between them, stands as it is; a run of characters stands in corner brackets, a space in it
as ␣: ``「届か」``, ``「␣pa」``. No word has such a bracket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pages.html import escape
from scoring.encode import Array
from scoring.tokeniser import Tokeniser
from training.fitting.token_graph import takes

MOST = 12  # words of a class at most, and as many runs of characters
OPENED, CLOSED, SPACE = "「", "」", "␣"
Terms = dict[str, list[list[Any]]]


def terms(estimator: Any) -> Terms | None:
    """Find them.

    Parameters
    ----------
    estimator
        A fitted one of any kind.

    Returns
    -------
    dict or None
        Class to [term, coefficient], the greatest first; only what speaks for the class. None for an estimator
        that is not a pipeline of `training.fitting.token_counts.TokenCounts` with a linear classifier at its end.
    """
    if not takes(estimator):
        return None
    tokeniser: Tokeniser = estimator[0].tokeniser_
    last = estimator[-1]
    coefficients, classes = getattr(last, "coef_", None), getattr(last, "classes_", None)
    if coefficients is None or classes is None or coefficients.shape[1] != tokeniser.size:
        return None
    if len(classes) == 2:  # noqa: PLR2004 - one row, which speaks for the second class
        coefficients = np.vstack([-coefficients, coefficients])
    return {str(label): _strongest(tokeniser, row) for label, row in zip(classes, coefficients, strict=True)}


def _strongest(tokeniser: Tokeniser, weights: Array) -> list[list[Any]]:
    runs = [f"{OPENED}{gram.replace(' ', SPACE)}{CLOSED}" for gram in tokeniser.known_chars]
    names = [*runs, *tokeniser.known_words]
    of_each = (range(len(runs)), range(len(runs), len(names)))
    chosen = [
        at
        for places in of_each
        for at in sorted(places, key=lambda at: -weights[at])[:MOST]
        if weights[at] > 0
    ]
    return [[names[at], float(weights[at])] for at in sorted(chosen, key=lambda at: -weights[at])]


def shown(found: Mapping[str, Sequence[Sequence[Any]]], classes: Sequence[str]) -> str:
    """Write them as a list: of each class its words and its runs of characters."""
    items = []
    for label in classes:
        runs = [one for one in found[label] if one[0].startswith(OPENED)]
        words = [one for one in found[label] if not one[0].startswith(OPENED)]
        for what, kind in (("words", words), ("characters", runs)):
            if kind:
                listed = ", ".join(f"{term} {weight:.2f}" for term, weight in kind)
                items.append(f"<dt>{escape(label)}: {what}</dt><dd>{escape(listed)}</dd>")
    told = (
        f"By their coefficients, the greatest first. Runs of characters are in brackets; {SPACE} is a space."
    )
    return f'<p>{told}</p><dl class="lineage">{"".join(items)}</dl>'
