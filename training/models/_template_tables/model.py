"""The estimator of template-model."""

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

NUMBERS = ["orders_90d", "spent_90d", "days_since_order"]


def build(*, inverse_penalty: float) -> Pipeline:
    """Return the unfitted estimator.

    It is fitted on a DataFrame with the spec's columns without the ids: numbers as float32 (NaN where
    missing).

    Parameters
    ----------
    inverse_penalty
        Inverse of the strength of the L2 penalty; a greater value fits the data more closely.
    """
    numbers = make_pipeline(SimpleImputer(strategy="constant", fill_value=90), StandardScaler())
    columns = make_column_transformer((numbers, NUMBERS))
    return make_pipeline(columns, LogisticRegression(C=inverse_penalty, max_iter=1000))
