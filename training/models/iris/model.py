"""The iris estimator: a multinomial logistic regression on standardised measurements.

A linear model suits three nearly linearly separable species; its ONNX graph is exact to float32.
"""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def build(*, inverse_penalty: float) -> Pipeline:
    """Return the unfitted estimator.

    Parameters
    ----------
    inverse_penalty
        Inverse of the strength of the L2 penalty; a greater value fits the data more closely.
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=1000))
