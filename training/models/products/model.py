"""The products model: alternating least squares for implicit feedback."""

from implicit.cpu.als import AlternatingLeastSquares


def build(*, factors: int, regularization: float, iterations: int, alpha: float) -> AlternatingLeastSquares:
    """Make the model, not yet fitted.

    Parameters
    ----------
    factors
        How many numbers describe a visitor, and a product.
    regularization
        How strongly these are held near zero.
    iterations
        How often visitors and products are solved for, in turn.
    alpha
        How much more a weight of 1 counts than a pair that never met.
    """
    return AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        iterations=iterations,
        alpha=alpha,
        random_state=0,
    )
