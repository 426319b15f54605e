"""OpenAPI description of manual operations: changing routes, and deciding about versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relearn.api import operations as routes
from relearn.api.openapi.described import Group, OperationDoc, Samples
from relearn.api.openapi.parts import TEXT, TIME, VERSION, Json, list_of, object_of, or_null, ref
from relearn.lifecycle import approval
from relearn.lifecycle.approval import ApprovalState, Decision
from relearn.spec.model import ModelSpec
from relearn.traffic import route_changes
from relearn.traffic.route_changes import Action, RestoreState

_COUNT: Json = {"type": "integer", "minimum": 0}


_ALLOWED: Sequence[tuple[list[Action], Json | None]] = (
    (
        [Action.ROLLBACK],
        or_null(VERSION, description="Another than the previous one; needed after a rollback."),
    ),
    ([Action.PROMOTE], {**VERSION, "description": "The one that shall serve."}),
    ([Action.FREEZE, Action.UNFREEZE], None),
)
"""Actions on a route, to the schema of the version in the request; None for no version."""


def _operations(_specs: Mapping[str, ModelSpec], _samples: Samples) -> Sequence[OperationDoc]:
    back = {"action": "rollback", "why": "it answers nonsense"}
    return [
        OperationDoc(
            operation=routes.GET_ROUTE,
            summary="Tell which versions answer for a model, and who decided so",
            answers="The route and its newest writes.",
            content={"schema": ref("Route")},
        ),
        OperationDoc(
            operation=routes.CHANGE_ROUTE,
            summary="Roll back, promote, freeze or unfreeze by hand",
            description="Takes effect within 5 seconds. A version whose endpoint is gone is deployed again first: "
            "`restore` then tells how that stands, and the route moves when it is done. A rollback leads back once: the "
            "version that was rolled back from, or an older one, has to be named.",
            answers="The route as it is now.",
            body={
                "application/json": {
                    "schema": ref("RouteChange"),
                    "examples": {"rollback": {"summary": "Back to the previous version", "value": back}},
                }
            },
            content={"schema": ref("Route")},
        ),
        OperationDoc(
            operation=routes.DECIDE_VERSION,
            summary="Approve or reject a version that waits for it",
            description="The first decision stands. An approved version is deployed, tried and promoted as any; a "
            "rejected one never serves, and what was new in its run is not tried again. Setting the version's approval "
            "status in the SageMaker Model Registry does the same.",
            answers="The version as it is now.",
            body={
                "application/json": {
                    "schema": ref("Decision"),
                    "examples": {
                        "approve": {"summary": "Let it go on", "value": {"decision": "approve"}},
                        "reject": {
                            "summary": "Never let it serve",
                            "value": {"decision": "reject", "why": "a test's rows got in"},
                        },
                    },
                }
            },
            content={"schema": ref("Version")},
        ),
    ]


def _schemas(_specs: Mapping[str, ModelSpec]) -> dict[str, Json]:
    changes = [_change(actions, version) for actions, version in _ALLOWED]
    route: Json = {
        "revision": {**_COUNT, "description": "Counts the writes."},
        "champion": or_null(VERSION, description="The version that serves."),
        "previous": or_null(VERSION, description="The one that served before."),
        "candidate": or_null(VERSION, description="The one that is tried beside the champion."),
        "weight": {**_COUNT, "maximum": 99, "description": "Percent of requests that the candidate answers."},
        "shadow": {"type": "boolean", "description": "Whether it gets copies of requests."},
        "frozen": {"type": "boolean", "description": "Whether runs leave the route alone."},
    }
    who: Json = {"what": TEXT, "who": TEXT, "why": TEXT}
    restore = object_of(
        {
            "version": VERSION,
            "state": {"type": "string", "enum": list(RestoreState)},
            "reason": {**TEXT, "description": "Why it stands there; may be empty."},
            **who,
            "started_at": TIME,
            "ended_at": or_null(TIME),
        }
    )
    return {
        "Approval": _approval(),
        "Decision": {"oneOf": [_decision(Decision.APPROVE), _decision(Decision.REJECT)]},
        "RouteChange": {"oneOf": changes},
        "RouteWrite": object_of({**route, **who, "at": TIME}),
        "Restore": restore,
        "Route": object_of(
            {
                "model": TEXT,
                **route,
                "restore": {
                    "oneOf": [ref("Restore"), {"type": "null"}],
                    "description": "The last version that had to be deployed again.",
                },
                "history": list_of(ref("RouteWrite"), description="The newest writes, newest first."),
            }
        ),
    }


def _approval() -> Json:
    return object_of(
        {
            "state": {"type": "string", "enum": list(ApprovalState)},
            "hours": {"type": "integer", "minimum": 1, "description": "How long people have to decide."},
            "until": TIME,
            "who": {**TEXT, "description": "Who decided; empty until then."},
            "why": {**TEXT, "description": "For what reason; may be empty."},
            "at": or_null(TIME, description="When."),
        }
    )


def _decision(decision: Decision) -> Json:
    why: Json = {"type": "string", "maxLength": approval.MAX_WHY, "description": "Kept, for people."}
    fields: dict[str, Json] = {"decision": {"type": "string", "const": str(decision)}}
    if decision is Decision.APPROVE:
        return object_of({**fields, "why": why}, "why", additionalProperties=False)
    return object_of({**fields, "why": {**why, "pattern": r"\S"}}, additionalProperties=False)


def _change(actions: list[Action], version: Json | None) -> Json:
    needed = ["action", "why"] + (["version"] if Action.PROMOTE in actions else [])
    change = object_of(
        {
            "action": {"type": "string", "enum": list(actions)},
            **({} if version is None else {"version": {**version, "maximum": 10**9}}),
            "revision": or_null(
                {**_COUNT, "maximum": 10**9},
                description="The revision you have seen; no other is changed.",
            ),
            "why": {
                "type": "string",
                "pattern": r"\S",
                "maxLength": route_changes.MAX_WHY,
                "description": "Kept in the history, for people.",
            },
        },
        additionalProperties=False,
    )
    return {**change, "required": needed}


GROUP = Group(
    tag="operations",
    about="Decide by hand which version serves; every change keeps who made it, and why.",
    operations=_operations,
    schemas=_schemas,
)
