"""The churn model: a logistic regression on the features of features.py."""

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from training.models.churn.spec import HISTORY_DAYS

NUMBERS = (
    "tenure_days",
    "visits_30d",
    "visits_90d",
    "days_since_visit",
    "spend_90d",
    "tickets_30d",
    "failed_payments_30d",
)


def build(*, inverse_penalty: float) -> Pipeline:
    """Return the unfitted estimator.

    Parameters
    ----------
    inverse_penalty
        Inverse of the strength of the L2 penalty; a greater value fits the data more closely.
    """
    columns = make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="constant", fill_value=HISTORY_DAYS), StandardScaler()),
            list(NUMBERS),
        ),
        (OneHotEncoder(handle_unknown="ignore"), ["plan", "channel"]),
    )
    return make_pipeline(columns, LogisticRegression(C=inverse_penalty, max_iter=1000))
