"""Fit a model's own factorisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from relearn.errors import ArtifactError
from scoring.encode import Array
from training.fitting.ranking.interactions import Interactions


@dataclass(frozen=True, slots=True)
class Factors:
    """Factors of visitors and items: the score of a pair is the dot product of their rows.

    Parameters
    ----------
    visitors, items
        Shape (visitors or items, factors), float32.
    """

    visitors: Array
    items: Array


def fit(
    name: str, build: Callable[..., Any], hyperparameters: Mapping[str, float], known: Interactions
) -> Any:
    """Build and fit the factorisation of a model.

    BLAS runs on one thread: `implicit` has its own threads, and sums of floating-point numbers depend on
    their order.

    Parameters
    ----------
    name
        Name of the model, for messages.
    build
        The model's ``build``, which returns a matrix factorisation of `implicit`.
    hyperparameters
        Keyword arguments of ``build``.
    known
        Interactions to fit on.

    Raises
    ------
    ArtifactError
        The factors do not fit the interactions, or are not finite.
    """
    with threadpool_limits(1, "blas"):
        estimator = build(**hyperparameters)
        estimator.fit(known.matrix, show_progress=False)
    check(name, factors_of(estimator), known)
    return estimator


def factors_of(estimator: Any) -> Factors:
    """Return the factors of a fitted model of `implicit`; empty where it has none."""
    parts = (getattr(estimator, name, None) for name in ("user_factors", "item_factors"))
    visitors, items = (np.asarray([] if part is None else part, dtype=np.float32) for part in parts)
    return Factors(visitors, items)


def check(name: str, found: Factors, known: Interactions) -> None:
    """Refuse factors that do not cover every visitor and item with finite numbers.

    Raises
    ------
    ArtifactError
        The shapes are wrong, or a number is not finite.
    """
    wanted = (len(known.visitors), len(known.items))
    shapes = (found.visitors.shape, found.items.shape)
    width = found.visitors.shape[-1] if found.visitors.ndim == 2 else 0  # noqa: PLR2004
    if not width or shapes != ((wanted[0], width), (wanted[1], width)):
        raise ArtifactError(
            f"{name}/model.py: build gave a model whose user_factors and item_factors have the shapes {shapes}; "
            f"allowed: a matrix factorisation of implicit with factors of {wanted[0]} visitors and {wanted[1]} items"
        )
    if not (np.isfinite(found.visitors).all() and np.isfinite(found.items).all()):
        raise ArtifactError(f"the factorisation of {name} found factors that are not finite")
