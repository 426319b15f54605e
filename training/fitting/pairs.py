"""Agreement of two models on the same rows, which a shadow's agreement is held against (`relearn.traffic.pairs`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from relearn.spec.model import ModelSpec
from scoring.scorer import Scores


def agreement(spec: ModelSpec, mine: Scores, theirs: Scores) -> dict[str, Any]:
    """Return how far the answers of two models to the same rows agree, as `relearn.traffic.version_stats.agreement` counts it.

    Parameters
    ----------
    spec
        Spec of the models.
    mine, theirs
        Answers of both, shape (rows,), or (rows, k) items of a ranking.

    Returns
    -------
    dict
        ``rows``; ``flips``, the rows with another label, or of a ranking the sum of the shares of items that only one
        of both has; ``classes``, label of the second model to its rows and the flips among them; ``distance`` and
        ``distance_squares``, for a regression the sums of the absolute differences and of their squares.
    """
    first, second = mine.predictions, theirs.predictions
    found: dict[str, Any] = {
        "rows": len(first),
        "flips": 0,
        "classes": {},
        "distance": 0.0,
        "distance_squares": 0.0,
    }
    if spec.kind == "regression":
        away = np.abs(first.astype(np.float64) - second.astype(np.float64))
        return found | {"distance": float(away.sum()), "distance_squares": float((away**2).sum())}
    if spec.kind == "ranking":
        lists = [
            ({*one} - {""}, {*other} - {""})
            for one, other in zip(first.tolist(), second.tolist(), strict=True)
        ]
        return found | {"flips": sum(len(one ^ other) / (len(one | other) or 1) for one, other in lists)}
    flips = first != second
    classes = {
        str(label): [int(rows.sum()), int((rows & flips).sum())]
        for label in np.unique(second)
        if (rows := second == label).any()
    }
    return found | {"flips": int(flips.sum()), "classes": classes}
