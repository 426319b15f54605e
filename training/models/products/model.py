"""The products model: alternating least squares for implicit feedback."""

from implicit.cpu.als import AlternatingLeastSquares


def build(*, factors: int, regularization: float, iterations: int, alpha: float) -> AlternatingLeastSquares:
    """Return the unfitted model.

    Parameters
    ----------
    factors
        Number of factors of a visitor and of a product.
    regularization
        Strength of the L2 penalty on the factors.
    iterations
        Number of alternating passes over visitors and products.
    alpha
        Factor on the weights: how much more an interaction of weight 1 counts than a pair that never met.
    """
    return AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        iterations=iterations,
        alpha=alpha,
        random_state=0,
    )
