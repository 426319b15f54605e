"""The estimator of the sandbox model that runs in Lambda: a logistic regression, which trains in an instant."""

from sklearn.linear_model import LogisticRegression


def build() -> LogisticRegression:
    """Return the unfitted estimator."""
    return LogisticRegression(C=10.0, max_iter=1000)
