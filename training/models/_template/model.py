"""The estimator of template-model."""

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def build(*, inverse_penalty: float) -> Pipeline:
    """Return the unfitted estimator.

    It is fitted on a DataFrame with the spec's columns: numbers, booleans and date-times as float32 (NaN
    where missing; the parts of a date-time are columns of their own, such as ``at_hour``), categories and
    texts as strings ("" where missing).

    Parameters
    ----------
    inverse_penalty
        Inverse of the strength of the L2 penalty; a greater value fits the data more closely.
    """
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["distance", "weight"]),
        (OneHotEncoder(handle_unknown="ignore"), ["service"]),
        ("passthrough", ["holiday"]),
    )
    return make_pipeline(columns, LogisticRegression(C=inverse_penalty, max_iter=1000))
