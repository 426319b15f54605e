"""Point-in-time joins: at a row's ``as_of``, only what was known by then is visible.

A row at ``as_of`` itself is known; later rows are the future, which only a target may see. A *spine* is a
table with one row for each entity and moment that the model learns from: a column with the entity, and
``as_of``. The joins are plain relational algebra, so every engine of Ibis can run them.
"""

from __future__ import annotations

import ibis

from relearn.spec.tables import AS_OF

DAY_SECONDS = 86_400
WHOSE = "__whose"  # no column can have this name
AGAIN = "__again_{name}"  # a join's name of a column that both sides have


def before(spine: ibis.Table, rows: ibis.Table, *, on: str, time: str, days: int | None = None) -> ibis.Table:
    """Join each row of a spine with the rows known of its entity: those not after ``as_of``.

    Parameters
    ----------
    spine
        Entities and moments.
    rows
        Rows with an entity and a time.
    on
        Column of the entity, in both.
    time
        Column of ``rows`` with the time.
    days
        Length of the time window, in days before ``as_of``; None: unlimited.

    Returns
    -------
    ibis.Table
        The columns of ``rows``, and ``as_of``; group by ``on`` and ``as_of`` to aggregate.
    """
    moments = _moments(spine, on)
    known = [rows[on] == moments[WHOSE], rows[time] <= moments[AS_OF]]
    if days is not None:
        known.append(rows[time] > moments[AS_OF] - ibis.interval(days=days))
    return rows.inner_join(moments, known).drop(WHOSE)


def after(spine: ibis.Table, rows: ibis.Table, *, on: str, time: str, days: int) -> ibis.Table:
    """Join each row of a spine with its entity's rows of the ``days`` after ``as_of``; only for the target.

    The parameters are those of `before`.
    """
    moments = _moments(spine, on)
    end = moments[AS_OF] + ibis.interval(days=days)
    coming = [rows[on] == moments[WHOSE], rows[time] > moments[AS_OF], rows[time] <= end]
    return rows.inner_join(moments, coming).drop(WHOSE)


def latest(spine: ibis.Table, rows: ibis.Table, *, on: str, time: str) -> ibis.Table:
    """Join each row of a spine with the newest known row of its entity; drop those without one.

    Of two rows at the same time the one with the greater values wins, column by column, so the result does
    not depend on the order of the data. The parameters are those of `before`.
    """
    known = before(spine, rows, on=on, time=time)
    others = [known[name].desc() for name in rows.columns if name not in (on, time)]
    place = ibis.row_number().over(group_by=[on, AS_OF], order_by=[known[time].desc(), *others])
    return known.mutate(__place=place).filter(lambda ranked: ranked["__place"] == 0).drop("__place")


def onto(spine: ibis.Table, made: ibis.Table, *, on: str) -> ibis.Table:
    """Add columns to a spine; they are missing where ``made`` has no row.

    Parameters
    ----------
    spine
        Entities and moments, with any other columns.
    made
        ``on``, ``as_of`` and the columns to add; at most one row for each entity and moment.
    on
        Column of the entity, in both.
    """
    added = [name for name in made.columns if name not in (on, AS_OF)]
    joined = spine.left_join(made, [on, AS_OF], rname=AGAIN)
    return joined.select(*spine.columns, *added)


def days_between(since: ibis.Value, until: ibis.Value) -> ibis.Value:
    """Return the time between two date-times in days; fractions of seconds are dropped first.

    Engines differ in how they round a date-time with a fraction to seconds.
    """
    seconds = until.truncate("s").epoch_seconds() - since.truncate("s").epoch_seconds()
    return seconds / DAY_SECONDS


def _moments(spine: ibis.Table, on: str) -> ibis.Table:
    return spine.select(**{WHOSE: spine[on], AS_OF: spine[AS_OF]})
