"""What was measured, shown so that a decision can be understood: the metric that decides first, and enough digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cli.stage.api import connect
from cli.stage.target import Target
from relearn.errors import NotFoundError
from relearn.figures import apart
from relearn.spec.policies import METRICS
from relearn_client import RelearnClientError

HEADLINES = ("f1_macro", "accuracy", "r2", "mae", "ndcg_at_k", "recall_at_k")
"""Shown in a list, beside the metric that decides."""
Deciding = Mapping[str, str]
"""``name`` of the metric that decides, and whether ``higher`` or ``lower`` is ``better``."""


def deciding(target: Target, model: str) -> Deciding | None:
    """Ask which metric decides about a model; None where nobody tells: what the ledger says is shown all the same."""
    try:
        with connect(target) as api:
            return api.model(model).metric
    except (RelearnClientError, NotFoundError):
        return None


def words(metric: Deciding | None) -> str:
    """Say which metric decides, and in which direction; empty when it is not known."""
    return "" if metric is None else f"{metric['name']}, {metric['better']} is better"


def headlines(metric: Deciding | None, *measured: Mapping[str, float]) -> list[str]:
    """Show the metric that decides and a few others of sets that are compared, a cell each."""
    return _cells(_first(metric, HEADLINES), measured)


def everything(metric: Deciding | None, *measured: Mapping[str, float]) -> list[str]:
    """Show all metrics of sets that are compared, a cell each: what decides first, then in the order reports have."""
    known = [name for names in METRICS.values() for name in names]
    others = dict.fromkeys(name for values in measured for name in values if name not in known)
    return _cells(_first(metric, [*known, *others]), measured)


def against(metric: Deciding | None, candidate: Mapping[str, float], champion: Mapping[str, float]) -> str:
    """Show a candidate's deciding figure beside the champion's; empty before it was measured."""
    name = "" if metric is None else metric["name"]
    if name not in candidate:
        return ""
    if name not in champion:
        return apart(candidate[name])[0]
    mine, theirs = apart(candidate[name], champion[name])
    return f"{mine} against {theirs}"


def _first(metric: Deciding | None, names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*([] if metric is None else [metric["name"]]), *names]))


def _cells(names: Sequence[str], measured: Sequence[Mapping[str, float]]) -> list[str]:
    written = {name: iter(apart(*(one[name] for one in measured if name in one))) for name in names}
    return ["  ".join(f"{name} {next(written[name])}" for name in names if name in one) for one in measured]
