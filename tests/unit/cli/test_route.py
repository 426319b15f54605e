"""What serves is looked at and changed by hand, with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.cli_stage import CliStage

PATH = "/v1/models/iris/route"
WRITE = {
    "revision": 3,
    "champion": 1,
    "previous": 2,
    "candidate": None,
    "weight": 0,
    "shadow": False,
    "frozen": False,
    "what": "rolled back",
    "who": "ann",
    "why": "it answers nonsense",
    "at": "2026-05-04T10:00:00+00:00",
}
STANDS = {name: WRITE[name] for name in list(WRITE)[:7]}
ROUTE: dict[str, Any] = {"model": "iris", **STANDS, "restore": None, "history": [WRITE]}
RESTORE = {
    "version": 1,
    "state": "RESTORING",
    "reason": "",
    "what": "rolled back",
    "who": "ann",
    "why": "it answers nonsense",
    "started_at": "2026-05-04T10:00:00+00:00",
    "ended_at": None,
}


@pytest.fixture
def stage(cli_stage: CliStage) -> CliStage:
    cli_stage.api.answers[f"GET {PATH}"] = (200, {}, ROUTE)
    cli_stage.api.answers[f"POST {PATH}"] = (200, {}, {**ROUTE, "revision": 4})
    return cli_stage


def sent(stage: CliStage) -> Any:
    (body,) = (body for path, _, body in stage.api.asked if body and path.endswith("/route"))
    return body


def test_a_route_is_shown_with_who_moved_it_and_why(stage: CliStage) -> None:
    shown = stage.run("route", "iris").stdout
    assert "version 1 serves, revision 3; before it version 2" in shown
    for word in ("rolled back", "ann", "it answers nonsense", "2026-05-04 10:00:00"):
        assert word in shown


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (["rollback", "iris"], {"action": "rollback"}),
        (["rollback", "iris", "--to", "5"], {"action": "rollback", "version": 5}),
        (["promote", "iris", "7"], {"action": "promote", "version": 7}),
        (["freeze", "iris"], {"action": "freeze"}),
        (["unfreeze", "iris"], {"action": "unfreeze"}),
    ],
)
def test_a_change_names_the_revision_that_was_seen_and_the_reason(
    stage: CliStage, command: list[str], body: dict[str, Any]
) -> None:
    result = stage.run(*command, "--why", "because")
    assert result.exit_code == 0
    assert sent(stage) == {**body, "why": "because", "revision": 3}
    assert "version 1 serves, revision 4" in result.stderr


def test_without_a_reason_nothing_is_changed(stage: CliStage) -> None:
    result = stage.run("rollback", "iris")
    assert result.exit_code == 2
    assert "--why" in result.stderr
    assert not stage.api.asked


def test_who_was_first_is_told(stage: CliStage) -> None:
    detail = "the route of iris was read at revision 3; first came revision 4: rolled back by bob"
    problem = {
        "type": "urn:relearn:problem:route-changed",
        "title": "The route does not allow this change",
        "status": 409,
        "detail": detail,
    }
    stage.api.answers[f"POST {PATH}"] = (409, {"content-type": "application/problem+json"}, problem)
    result = stage.run("rollback", "iris", "--why", "because")
    assert result.exit_code == 1
    assert "first came revision 4: rolled back by bob" in result.stderr


@pytest.mark.parametrize(
    ("state", "reason", "code", "told"),
    [
        ("DONE", "", 0, "version 1 serves"),
        ("FAILED", "no capacity", 1, "version 1 was not deployed again, rolled back by ann: no capacity"),
    ],
)
def test_a_version_that_is_deployed_again_is_waited_for(
    stage: CliStage, state: str, reason: str, code: int, told: str
) -> None:
    stage.api.answers[f"POST {PATH}"] = (200, {}, {**ROUTE, "restore": RESTORE})
    ended = {**RESTORE, "state": state, "reason": reason, "ended_at": "2026-05-04T10:02:00+00:00"}
    stage.api.answers[f"GET {PATH}"] = (200, {}, {**ROUTE, "restore": ended})
    result = stage.run("rollback", "iris", "--why", "because")
    assert result.exit_code == code
    assert "version 1 is being deployed again" in result.stderr
    assert told in result.stderr


def test_waiting_has_an_end(stage: CliStage) -> None:
    restoring = {**ROUTE, "restore": RESTORE}
    for method in ("GET", "POST"):
        stage.api.answers[f"{method} {PATH}"] = (200, {}, restoring)
    result = stage.run("rollback", "iris", "--why", "because", "--timeout", "0")
    assert result.exit_code == 3
    assert "not ended within 0 s" in result.stderr


def test_a_script_gets_json(stage: CliStage) -> None:
    assert json.loads(stage.run("route", "iris", "--json").stdout)["champion"] == 1
    told = json.loads(stage.run("freeze", "iris", "--why", "because", "--json").stdout)
    assert told["revision"] == 4
