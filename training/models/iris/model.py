"""The iris estimator: a multinomial logistic regression on standardised measurements.

A linear model on three nearly linearly separable species; its ONNX form is exact to float32.
"""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def build(*, inverse_penalty: float) -> Pipeline:
    """Make the unfitted estimator.

    Parameters
    ----------
    inverse_penalty
        Inverse of the L2 penalty's strength: the greater, the closer it follows the data.
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=1000))
