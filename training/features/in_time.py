"""Joins and cuts that keep to the time: at a row's ``as_of``, only what was known by then.

What happened at ``as_of`` itself is known; what comes after it is the future, which only a target may see.
A *spine* is a table with a row for each entity and moment that the model learns from: a column that names the
entity, and ``as_of``. All of it is plain relational algebra, so that any engine of Ibis runs it.
"""

from __future__ import annotations

import ibis

from relearn.spec.tables import AS_OF

DAY_SECONDS = 86_400
WHOSE = "__whose"  # no column can be named so
AGAIN = "__again_{name}"  # nor so: what a join calls a column that both sides have


def before(spine: ibis.Table, rows: ibis.Table, *, on: str, time: str, days: int | None = None) -> ibis.Table:
    """Give, for each row of a spine, what was known of its entity: not after ``as_of``.

    Parameters
    ----------
    spine
        Entities and moments.
    rows
        What happened.
    on
        The column that names the entity, in both.
    time
        The column of ``rows`` that says when.
    days
        How many days back; None: all the way.

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
    """Give, for each row of a spine, what its entity's next days brought: for the target alone.

    Parameters are those of `before`.
    """
    moments = _moments(spine, on)
    end = moments[AS_OF] + ibis.interval(days=days)
    coming = [rows[on] == moments[WHOSE], rows[time] > moments[AS_OF], rows[time] <= end]
    return rows.inner_join(moments, coming).drop(WHOSE)


def latest(spine: ibis.Table, rows: ibis.Table, *, on: str, time: str) -> ibis.Table:
    """Give, for each row of a spine, the newest row known of its entity; none where there is none.

    Of two at the same time the one with the greater values comes first, column by column: the same
    whatever the order of the data. Parameters are those of `before`.
    """
    known = before(spine, rows, on=on, time=time)
    others = [known[name].desc() for name in rows.columns if name not in (on, time)]
    place = ibis.row_number().over(group_by=[on, AS_OF], order_by=[known[time].desc(), *others])
    return known.mutate(__place=place).filter(lambda ranked: ranked["__place"] == 0).drop("__place")


def onto(spine: ibis.Table, made: ibis.Table, *, on: str) -> ibis.Table:
    """Put columns beside a spine; they are missing where ``made`` has no row.

    Parameters
    ----------
    spine
        Entities and moments, with any other columns.
    made
        ``on``, ``as_of`` and the columns to add, at most one row for each.
    on
        The column that names the entity, in both.
    """
    added = [name for name in made.columns if name not in (on, AS_OF)]
    joined = spine.left_join(made, [on, AS_OF], rname=AGAIN)
    return joined.select(*spine.columns, *added)


def days_between(since: ibis.Value, until: ibis.Value) -> ibis.Value:
    """Give the time from one date-time to another in days, of whole seconds.

    Engines differ in what the seconds of a date-time with a fraction are; the fractions go first.
    """
    seconds = until.truncate("s").epoch_seconds() - since.truncate("s").epoch_seconds()
    return seconds / DAY_SECONDS


def _moments(spine: ibis.Table, on: str) -> ibis.Table:
    return spine.select(**{WHOSE: spine[on], AS_OF: spine[AS_OF]})
