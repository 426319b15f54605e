"""The churn model: features of customers and of what they do, and a logistic regression on them."""

from collections.abc import Mapping

import ibis
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from training.features import after, before, month_starts, onto

CUSTOMER = "customer_id"
LABEL_DAYS, HISTORY_DAYS = 30, 90
NUMBERS = (
    "tenure_days",
    "visits_30d",
    "visits_90d",
    "days_since_visit",
    "spend_90d",
    "tickets_30d",
    "failed_payments_30d",
)
DAY = 86_400  # seconds


def features(tables: Mapping[str, ibis.Table]) -> ibis.Table:
    """Make a row for each customer who had not left and each start of a month.

    Parameters
    ----------
    tables
        ``customers`` and ``events``, as the spec declares them.
    """
    events = tables["events"]
    spine = _spine(tables["customers"], events)
    recent = before(spine, events, on=CUSTOMER, time="at", days=HISTORY_DAYS)
    last_30_days = recent["at"] > recent["as_of"] - ibis.interval(days=30)
    visit = recent["kind"] == "visit"
    behaviour = recent.group_by([CUSTOMER, "as_of"]).aggregate(
        visits_30d=(visit & last_30_days).sum(),
        visits_90d=visit.sum(),
        last_visit=recent["at"].max(where=visit),
        spend_90d=recent["amount"].sum(where=recent["kind"] == "purchase"),
        tickets_30d=((recent["kind"] == "ticket") & last_30_days).sum(),
        failed_payments_30d=((recent["kind"] == "payment_failed") & last_30_days).sum(),
    )
    made = onto(onto(spine, behaviour, on=CUSTOMER), _leaving(spine, events), on=CUSTOMER)
    counted = ("visits_30d", "visits_90d", "spend_90d", "tickets_30d", "failed_payments_30d")
    return made.select(
        CUSTOMER,
        "as_of",
        "plan",
        "channel",
        tenure_days=_days(made["signed_up"], made["as_of"]),
        days_since_visit=_days(made["last_visit"], made["as_of"]),
        **{name: made[name].fill_null(0) for name in counted},
        outcome=made["leaves"].fill_null(0).cases((0, "stays"), else_="leaves"),
    )


def build(*, inverse_penalty: float) -> Pipeline:
    """Make the unfitted estimator.

    Parameters
    ----------
    inverse_penalty
        Inverse of the L2 penalty's strength: the greater, the closer it follows the data.
    """
    columns = make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="constant", fill_value=HISTORY_DAYS), StandardScaler()),
            list(NUMBERS),
        ),
        (OneHotEncoder(handle_unknown="ignore"), ["plan", "channel"]),
    )
    return make_pipeline(columns, LogisticRegression(C=inverse_penalty, max_iter=1000))


def _spine(customers: ibis.Table, events: ibis.Table) -> ibis.Table:
    """Give every customer at every start of a month between signing up and leaving."""
    moments = month_starts(events, "at", history_days=HISTORY_DAYS, label_days=LABEL_DAYS)
    there = customers.cross_join(moments)
    there = there.filter(there["signed_up"] <= there["as_of"])
    left = before(there, events.filter(events["kind"] == "cancel"), on=CUSTOMER, time="at")
    return there.anti_join(left, [CUSTOMER, "as_of"])


def _leaving(spine: ibis.Table, events: ibis.Table) -> ibis.Table:
    cancels = events.filter(events["kind"] == "cancel")
    coming = after(spine, cancels, on=CUSTOMER, time="at", days=LABEL_DAYS)
    return coming.group_by([CUSTOMER, "as_of"]).aggregate(leaves=coming.count())


def _days(since: ibis.Value, until: ibis.Value) -> ibis.Value:
    return (until.epoch_seconds() - since.epoch_seconds()) / DAY
