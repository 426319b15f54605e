"""A model is removed by the function that takes stages down; without --yes it is only said what would go."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.unit.cli_stage import CliStage

TOLD = {"serves": 2, "versions": [1, 2], "endpoints": ["relearn-test-iris-v2"], "packages": 2}


class Lambda:
    """Answers one invocation as Lambda does."""

    def __init__(self, answer: dict[str, Any], *, failed: bool = False) -> None:
        self.answer, self.failed = answer, failed
        self.asked: list[tuple[str, Any]] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.asked.append((FunctionName, json.loads(Payload)["remove_model"]))
        body = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return {**body, "FunctionError": "Unhandled"} if self.failed else body


def answering(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], *, failed: bool = False) -> Lambda:
    stands = Lambda(answer, failed=failed)
    monkeypatch.setattr("boto3.Session.client", _clients(stands))
    return stands


def _clients(stands: Lambda) -> Any:
    import boto3  # noqa: PLC0415 - before it is replaced

    client = boto3.Session.client
    return lambda session, service, **more: (
        stands if service == "lambda" else client(session, service, **more)
    )


def test_without_yes_it_is_said_what_would_go(cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stands = answering(monkeypatch, TOLD)
    result = cli_stage.run("remove-model", "iris")
    assert result.exit_code == 0
    assert "Would go of iris" in result.stdout
    assert "relearn-test-iris-v2" in result.stdout
    assert "nothing was removed; to do it: relearn remove-model iris --yes" in result.stderr
    ((function, asked),) = stands.asked
    assert function == "relearn-test-lifecycle"
    assert (asked["model"], asked["only_tell"]) == ("iris", True)


def test_with_yes_it_goes_and_the_data_stays(cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stands = answering(monkeypatch, TOLD)
    result = cli_stage.run("remove-model", "iris", "--yes", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"model": "iris", "removed": True, **TOLD}
    asked = stands.asked[0][1]
    assert asked["only_tell"] is False
    assert asked["who"].startswith("arn:aws:")


@pytest.mark.parametrize("failed", [False, True])
def test_why_it_can_not_be_removed_is_told(
    cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch, *, failed: bool
) -> None:
    told = {"errorMessage": "no permission"} if failed else {**TOLD, "refused": "run r1 of iris is under way"}
    answering(monkeypatch, told, failed=failed)
    result = cli_stage.run("remove-model", "iris", "--yes")
    assert result.exit_code == 1
    assert ("no permission" if failed else "run r1 of iris is under way") in result.stderr
