"""Metrics as text: the deciding metric first, with enough digits to understand the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cli.stage.api import connect
from cli.stage.target import Target
from relearn.errors import NotFoundError
from relearn.figures import apart, counted
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.runs import Run
from relearn.spec.policies import METRICS
from relearn_client import RelearnClientError

HEADLINES = ("f1_macro", "accuracy", "r2", "mae", "ndcg_at_k", "recall_at_k")
"""Metrics shown in lists beside the deciding one."""
Deciding = Mapping[str, str]
"""``name`` of the deciding metric, and ``better``: "higher" or "lower"."""


def deciding(target: Target, model: str) -> Deciding | None:
    """Return the deciding metric of a model.

    None when the API does not answer, so that the ledger can be shown without it.
    """
    try:
        with connect(target) as api:
            return api.model(model).metric
    except (RelearnClientError, NotFoundError):
        return None


def words(metric: Deciding | None) -> str:
    """Describe the deciding metric and its direction; empty when it is not known."""
    return "" if metric is None else f"{metric['name']}, {metric['better']} is better"


def headlines(metric: Deciding | None, *measured: Mapping[str, float]) -> list[str]:
    """Return one cell for each set of metrics: the deciding metric and a few others, in comparable digits."""
    return _cells(_first(metric, HEADLINES), measured)


def everything(metric: Deciding | None, *measured: Mapping[str, float]) -> list[str]:
    """Return one cell for each set of metrics with all of them, the deciding one first."""
    known = [name for names in METRICS.values() for name in names]
    others = dict.fromkeys(name for values in measured for name in values if name not in known)
    return _cells(_first(metric, [*known, *others]), measured)


def against(metric: Deciding | None, candidate: Mapping[str, float], champion: Mapping[str, float]) -> str:
    """Return the candidate's deciding metric beside the champion's; empty before it is measured."""
    name = "" if metric is None else metric["name"]
    if name not in candidate:
        return ""
    if name not in champion:
        return apart(candidate[name])[0]
    mine, theirs = apart(candidate[name], champion[name])
    return f"{mine} against {theirs}"


def compared(run: Run | None) -> str:
    """Return the lead over the champion on the known and the new rows, and the rows on which each is better.

    It is empty where nothing was compared. The lead is above 0 where the candidate is better, for errors too.
    """
    if run is None:
        return ""
    found = Comparison.from_report({"comparison": run.comparison or None})
    parts = [] if found is None else [("known", found.known), ("new", found.new)]
    told = [
        f"{name} {part.difference:+.2g} on {counted(part.rows, 'row')}"
        for name, part in parts
        if part is not None
    ]
    if run.duel:
        told.append(f"better on {counted(run.duel['better'], 'row')}, worse on {run.duel['worse']:,}")
    return "; ".join(told)


def _first(metric: Deciding | None, names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*([] if metric is None else [metric["name"]]), *names]))


def _cells(names: Sequence[str], measured: Sequence[Mapping[str, float]]) -> list[str]:
    written = {name: iter(apart(*(one[name] for one in measured if name in one))) for name in names}
    return ["  ".join(f"{name} {next(written[name])}" for name in names if name in one) for one in measured]
