"""OpenAPI description of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relearn.api import operations, paging
from relearn.api.openapi.described import Group, OperationDoc, Samples
from relearn.api.openapi.parts import METRICS, TEXT, TIME, VERSION, Json, list_of, object_of, or_null, ref
from relearn.lifecycle import power
from relearn.lifecycle.runs import RunState
from relearn.spec.model import ModelSpec

_PAGE: list[Json] = [
    {
        "name": "limit",
        "in": "query",
        "description": "How many runs a page has at most.",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": paging.MAX_LIMIT,
            "default": paging.DEFAULT_LIMIT,
        },
    },
    {
        "name": "next",
        "in": "query",
        "description": "What an earlier answer gave as `next`: the page after that one.",
        "schema": {"type": "string", "pattern": paging.CURSOR_PATTERN},
    },
]


POWER: Json = {
    "rows": {
        "type": "integer",
        "minimum": 1,
        "description": "Rows, or entities of a ranking, that are compared.",
    },
    "smallest": {
        "type": "number",
        "minimum": 0,
        "description": f"Smallest true difference in the metric that is found {power.POWER:.0%} of the time.",
    },
    "confidence": {
        "type": "number",
        "minimum": 0.5,
        "exclusiveMaximum": 1,
        "description": "One-sided confidence with which it is found.",
    },
    "planned": {
        "type": "boolean",
        "description": "Whether no two versions were compared, so that it is a planning figure.",
    },
}


def _operations(_specs: Mapping[str, ModelSpec], _samples: Samples) -> Sequence[OperationDoc]:
    model = {"model": "$request.path.model"}
    first = {**model, "run": "$response.body#/runs/0/run_id"}
    following = {**model, "next": "$response.body#/next"}
    return [
        OperationDoc(
            operation=operations.LIST_RUNS,
            summary="List a model's runs, newest first",
            parameters=_PAGE,
            answers="One page of runs.",
            content={"schema": ref("RunPage")},
            links={
                "firstRun": {"operationId": operations.GET_RUN.id, "parameters": first},
                "nextPage": {"operationId": operations.LIST_RUNS.id, "parameters": following},
            },
        ),
        OperationDoc(
            operation=operations.GET_RUN,
            summary="Describe a run",
            answers="The run.",
            content={"schema": ref("Run")},
        ),
    ]


def _schemas(_specs: Mapping[str, ModelSpec]) -> dict[str, Json]:
    state = {"type": "string", "enum": [str(state) for state in RunState]}
    run: Json = {
        "run_id": TEXT,
        "state": state,
        "reason": {**TEXT, "description": "Why it stands there; may be empty."},
        "started_at": or_null(TIME),
        "ended_at": or_null(TIME),
        "version": or_null(VERSION, description="The version it registered."),
        "metrics": METRICS,
        "champion_version": or_null(VERSION, description="The version that served when it opened."),
        "champion_metrics": METRICS,
    }
    ids = list_of(TEXT)
    whole = {
        **run,
        "states": list_of(object_of({"state": state, "at": TIME}), description="The way it went, in order."),
        "uploads": {**ids, "description": "Ids of the uploads it was started for."},
        "snapshot": {**ids, "description": "Ids of all uploads it trains on."},
        "left_out": {
            **ids,
            "description": "Ids of the uploads that were trained on before and are too old for it, by the spec's keep_days.",
        },
        "power": {
            "anyOf": [ref("Power"), {"type": "null"}],
            "description": "The smallest difference between two versions that its evaluation set shows; null before it was "
            "judged, and where the metric was undefined.",
        },
        "rows_waiting": {
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 1},
            "description": "Raw table to its rows that are dated later than the run began, which it did not see.",
        },
    }
    following = {"type": ["string", "null"], "description": "Where the next page begins; null on the last."}
    return {
        "RunBrief": object_of(run),
        "RunPage": object_of({"runs": list_of(ref("RunBrief")), "next": following}),
        "Run": object_of(whole),
        "Power": object_of(POWER),
    }


GROUP = Group(tag="runs", about="How new versions come to be.", operations=_operations, schemas=_schemas)
