"""The tickets estimator: a multinomial logistic regression on weighted counts of character and word n-grams.

Japanese has no spaces between words, so it needs character n-grams, here of one to three characters; they are
also robust to typos.
"""

from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from training.fitting.token_counts import TokenCounts


def build(*, inverse_penalty: float) -> Pipeline:
    """Return the unfitted estimator.

    Parameters
    ----------
    inverse_penalty
        Inverse of the strength of the L2 penalty; a greater value fits the data more closely.
    """
    return make_pipeline(
        TokenCounts(columns=("subject", "body"), chars=(1, 3), words=(1, 2), max_features=20_000, min_df=2),
        TfidfTransformer(sublinear_tf=True),
        LogisticRegression(C=inverse_penalty, solver="newton-cg", max_iter=1000),
    )
