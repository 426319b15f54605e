"""The tickets estimator: a multinomial logistic regression on weighted counts of characters and words.

Runs of one to three characters are what Japanese needs, which has no spaces between words, and what typos leave whole.
"""

from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from training.fitting.token_counts import TokenCounts


def build(*, inverse_penalty: float) -> Pipeline:
    """Make the unfitted estimator.

    Parameters
    ----------
    inverse_penalty
        Inverse of the L2 penalty's strength: the greater, the closer it follows the data.
    """
    return make_pipeline(
        TokenCounts(columns=("subject", "body"), chars=(1, 3), words=(1, 2), max_features=20_000, min_df=2),
        TfidfTransformer(sublinear_tf=True),
        LogisticRegression(C=inverse_penalty, solver="newton-cg", max_iter=1000),
    )
