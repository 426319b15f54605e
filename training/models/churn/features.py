"""The features of churn: customers and their behaviour, from the rows known at each moment."""

from collections.abc import Mapping

import ibis

from training.features import after, before, days_between, onto
from training.models.churn.spec import HISTORY_DAYS, LABEL_DAYS

CUSTOMER = "customer_id"


def features(tables: Mapping[str, ibis.Table]) -> ibis.Table:
    """Return one row for each moment and each customer who has not left by then.

    Parameters
    ----------
    tables
        ``customers`` and ``events``, as the spec declares them, and ``moments``.
    """
    events = tables["events"]
    spine = _spine(tables["customers"], events, tables["moments"])
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
        tenure_days=days_between(made["signed_up"], made["as_of"]),
        days_since_visit=days_between(made["last_visit"], made["as_of"]),
        **{name: made[name].fill_null(0) for name in counted},
        outcome=made["leaves"].fill_null(0).cases((0, "stays"), else_="leaves"),
    )


def _spine(customers: ibis.Table, events: ibis.Table, moments: ibis.Table) -> ibis.Table:
    """Return every customer at every moment between signing up and leaving."""
    there = customers.cross_join(moments)
    there = there.filter(there["signed_up"] <= there["as_of"])
    left = before(there, events.filter(events["kind"] == "cancel"), on=CUSTOMER, time="at")
    return there.anti_join(left, [CUSTOMER, "as_of"])


def _leaving(spine: ibis.Table, events: ibis.Table) -> ibis.Table:
    cancels = events.filter(events["kind"] == "cancel")
    coming = after(spine, cancels, on=CUSTOMER, time="at", days=LABEL_DAYS)
    return coming.group_by([CUSTOMER, "as_of"]).aggregate(leaves=coming.count())
