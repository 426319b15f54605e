"""A model is removed by the function that takes stages down; without --yes it is only said what would go."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from relearn.naming import s3_keys
from relearn.records import holdings
from relearn.records.predictions import predictions_folder, truth_folder
from tests.support.cli_stage import NOW, CliStage
from tests.support.removals import items, versions

TOLD = {
    "serves": 2,
    "versions": [1, 2],
    "endpoints": ["relearn-test-iris-v2"],
    "packages": 2,
    "deployed": True,
}


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


def keep(stage: CliStage, model: str) -> int:
    """Put an object into each place of a model, twice, and a delete marker; items too; give how many versions there are."""
    for bucket, prefixes in holdings.prefixes(model).items():
        for prefix in prefixes:
            for content in (b"old", b"new"):
                stage.s3.put_object(Bucket=getattr(stage, bucket), Key=f"{prefix}a/b", Body=content)
    stage.s3.delete_object(Bucket=stage.uploads, Key=f"incoming/{model}/a/b")
    keys = [f"{kind}{model}" for kind in ("MODEL#", "FORM#", "LIVE#", "IDEMPOTENCY#")]
    for pk in (*keys, f"PREDICTION#{model}#20260504t100000-0123456789ab"):
        for sk in ("LOCK", *(f"UPLOAD#{number}" for number in range(30))):
            stage.dynamodb.put_item(TableName="ledger", Item={"pk": {"S": pk}, "sk": {"S": sk}})
    return sum(map(len, versions(stage, model).values()))


@pytest.mark.parametrize("deployed", [True, False])
def test_its_data_goes_too_with_every_version_and_item_and_no_other_models(
    cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch, *, deployed: bool
) -> None:
    many, others = keep(cli_stage, "iris"), keep(cli_stage, "iris-2")
    answering(monkeypatch, {**TOLD, "deployed": deployed})
    result = cli_stage.run("remove-model", "iris", "--yes", "--delete-objects", "--confirm", "iris", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)["data"]
    assert sum(count for what, count in told.items() if not what.startswith("ledger")) == many
    assert told["ledger MODEL#"] == 31
    assert sum(map(len, versions(cli_stage, "iris").values())) == 0
    assert items(cli_stage, "iris") == ({("MODEL#iris", "LOCK")} if deployed else set())
    assert sum(map(len, versions(cli_stage, "iris-2").values())) == others
    assert len(items(cli_stage, "iris-2")) == 5 * 31


def test_what_would_be_deleted_is_counted_first_and_stays(
    cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = keep(cli_stage, "iris")
    answering(monkeypatch, TOLD)
    result = cli_stage.run("remove-model", "iris", "--delete-objects")
    assert result.exit_code == 0
    assert "lake datasets/iris/" in result.stdout
    assert "nothing was removed; to do it: relearn remove-model iris --yes --delete-objects" in result.stderr
    assert sum(map(len, versions(cli_stage, "iris").values())) == many


@pytest.mark.parametrize("confirm", [(), ("--confirm", "rose")])
def test_no_data_goes_without_the_name_of_the_model(
    cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch, confirm: tuple[str, ...]
) -> None:
    many = keep(cli_stage, "iris")
    stands = answering(monkeypatch, TOLD)
    result = cli_stage.run("remove-model", "iris", "--yes", "--delete-objects", *confirm)
    assert result.exit_code == 1
    assert "nothing was removed" in result.stderr
    assert "needed: --confirm iris" in result.stderr
    assert (stands.asked, sum(map(len, versions(cli_stage, "iris").values()))) == ([], many)


def test_no_data_goes_of_a_model_that_cannot_be_removed(
    cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = keep(cli_stage, "iris")
    answering(monkeypatch, {**TOLD, "refused": "run r1 of iris is under way"})
    result = cli_stage.run("remove-model", "iris", "--yes", "--delete-objects", "--confirm", "iris")
    assert result.exit_code == 1
    assert sum(map(len, versions(cli_stage, "iris").values())) == many


def test_every_place_that_a_model_has_is_known_to_who_deletes_them() -> None:
    """A function that names a place of a model, and is not among these, is a place that would be left over."""
    places = {
        name: getattr(s3_keys, name)("iris", *["x"] * (made.__code__.co_argcount - 1))
        for name, made in vars(s3_keys).items()
        if callable(made) and getattr(made, "__code__", None) and made.__code__.co_varnames[:1] == ("model",)
    }
    assert len(places) > 15
    places |= {"predictions": predictions_folder("iris", NOW), "truth": truth_folder("iris", NOW)}
    known = tuple(prefix for of in holdings.prefixes("iris").values() for prefix in of)
    assert [name for name, place in places.items() if not f"{place}/".startswith(known)] == []
