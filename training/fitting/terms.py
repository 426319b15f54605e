"""Find the strongest terms of each class: the greatest coefficients of a linear model of token counts.

A term of words is written as it is. A character n-gram is written in corner brackets, with ␣ for a space:
``「届か」``, ``「␣pa」``. No word contains such a bracket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pages.html import escape
from scoring.encode import Array
from scoring.tokeniser import Tokeniser
from training.fitting.token_graph import takes

MOST = 12  # most word terms of a class, and most character n-grams
OPENED, CLOSED, SPACE = "「", "」", "␣"
Terms = dict[str, list[list[Any]]]


def terms(estimator: Any) -> Terms | None:
    """Return the strongest terms of a fitted estimator.

    Parameters
    ----------
    estimator
        Fitted estimator of any kind.

    Returns
    -------
    dict or None
        Lists of [term, coefficient] by class, the greatest first, only with positive coefficients. None for
        an estimator that is not a pipeline of `training.fitting.token_counts.TokenCounts` with a linear
        classifier at its end.
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
    """Return the terms as an HTML list: the words and the character n-grams of each class."""
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
