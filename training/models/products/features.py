"""The features of products: visitors' interactions with products, with a weight by kind of event."""

from collections.abc import Mapping

import ibis

WEIGHTS = {"view": 1.0, "cart": 3.0, "purchase": 5.0}


def features(tables: Mapping[str, ibis.Table]) -> ibis.Table:
    """Return one row for each visitor, product and time of an interaction, with its weight.

    Parameters
    ----------
    tables
        ``events``, as the spec declares them.
    """
    events = tables["events"]
    weighed = events.select(
        "visitor", "product", as_of=events["at"], weight=events["event"].cases(*WEIGHTS.items(), else_=0.0)
    )
    return weighed.group_by("visitor", "product", "as_of").aggregate(weight=weighed["weight"].sum())
