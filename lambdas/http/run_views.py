"""Views of runs for callers: pages, newest first, and single runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.http.request import InvalidParametersError, unknown
from relearn.api import operations, paging
from relearn.lifecycle.runs import Run
from relearn.spec.columns import shown


def page(ledger: Ledger, model: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Return one page of a model's runs, newest first.

    Parameters
    ----------
    ledger
        Holds the runs.
    model
        Name of the model.
    query
        ``limit`` and ``next``, both optional.

    Raises
    ------
    InvalidParametersError
        A parameter is invalid or unknown.
    """
    limit, before = _read(query)
    runs = ledger.runs(model, newest=limit + 1, before=before)
    more = len(runs) > limit
    return {
        "runs": [brief(run) for run in runs[:limit]],
        "next": paging.cursor(runs[limit - 1].run_id) if more else None,
    }


def brief(run: Run) -> dict[str, Any]:
    """Return a run as a list shows it."""
    return {
        "run_id": run.run_id,
        "state": run.state,
        "reason": run.reason,
        "started_at": run.started_at or None,
        "ended_at": run.ended_at or None,
        "version": run.version or None,
        "metrics": run.metrics,
        "champion_version": run.champion_version or None,
        "champion_metrics": run.champion_metrics,
    }


def whole(run: Run) -> dict[str, Any]:
    """Return a run with its states, its uploads and its snapshot."""
    reached = sorted(run.times.items(), key=lambda step: (step[1], step[0] == run.state))
    return {
        **brief(run),
        "states": [{"state": state, "at": at} for state, at in reached if at],
        "uploads": list(run.uploads),
        "snapshot": list(run.snapshot),
        "left_out": list(run.left_out),
        "rows_waiting": run.rows_waiting,
        "power": run.power or None,
    }


def _read(query: Mapping[str, str]) -> tuple[int, str]:
    wrong = unknown(query, operations.LIST_RUNS.query)
    limit, before = paging.DEFAULT_LIMIT, ""
    if "limit" in query:
        limit = paging.limit(query["limit"]) or 0
        if not limit:
            given = shown(query["limit"])
            wrong["limit"] = f"got {given}; allowed: a whole number, 1 to {paging.MAX_LIMIT}"
    if "next" in query:
        before = paging.place(query["next"]) or ""
        if not before:
            wrong["next"] = f"got {shown(query['next'])}; allowed: what an earlier answer gave as next"
    if wrong:
        raise InvalidParametersError(wrong)
    return limit, before
