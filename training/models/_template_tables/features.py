"""The features of template-model: for each customer and moment, from the rows known by then."""

from collections.abc import Mapping

import ibis

from training.features import after, before, onto

CUSTOMER = "customer_id"
DAY = 86_400  # seconds


def features(tables: Mapping[str, ibis.Table]) -> ibis.Table:
    """Return one row for each customer and moment: the spec's columns, its target, and ``as_of``.

    Parameters
    ----------
    tables
        ``customers`` and ``orders``, as the spec declares them, and ``moments``.
    """
    orders = tables["orders"]
    spine = tables["customers"].cross_join(tables["moments"])
    spine = spine.filter(spine["since"] <= spine["as_of"])

    recent = before(spine, orders, on=CUSTOMER, time="at", days=90)
    bought = recent.group_by([CUSTOMER, "as_of"]).aggregate(
        orders_90d=recent.count(), spent_90d=recent["amount"].sum(), last=recent["at"].max()
    )
    coming = after(spine, orders, on=CUSTOMER, time="at", days=30)  # only for the target
    outcome = coming.group_by([CUSTOMER, "as_of"]).aggregate(coming=coming.count())

    made = onto(onto(spine, bought, on=CUSTOMER), outcome, on=CUSTOMER)
    return made.select(
        CUSTOMER,
        "as_of",
        orders_90d=made["orders_90d"].fill_null(0),
        spent_90d=made["spent_90d"].fill_null(0),
        days_since_order=(made["as_of"].epoch_seconds() - made["last"].epoch_seconds()) / DAY,
        outcome=(made["coming"].fill_null(0) > 0).ifelse("buys", "nothing"),
    )
