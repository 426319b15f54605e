"""The estimator of the sandbox model with an endpoint: a linear regression, which trains in an instant."""

from sklearn.linear_model import LinearRegression


def build() -> LinearRegression:
    """Return the unfitted estimator."""
    return LinearRegression()
