"""A verification leaves nothing behind, or says what is left and how to remove it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.stage.holdings import FewHoldings
from cli.stage.target import Choice, Target
from cli.verify.cleaning import Cleaned, Cleaner
from relearn.lifecycle.runs import Run
from relearn.records import predictions
from tests.support.cli_stage import NOW, REGION, CliStage
from tests.support.removals import TOLD, Lifecycle, items, versions

REFUSED = {**TOLD, "refused": "run r1 of verify is under way"}


RECORD = "20260504t100000-0123456789ab"
ITEMS = 4
"""Items of the ledger that `leave` writes of a model, the lock among them."""


def leave(stage: CliStage, model: str) -> int:
    """Store objects and items of a model; return the number of object versions."""
    for bucket, key in ((stage.uploads, f"incoming/{model}/a.csv"), (stage.lake, f"datasets/{model}/a")):
        stage.s3.put_object(Bucket=bucket, Key=key, Body=b"a")
    stage.s3.delete_object(Bucket=stage.uploads, Key=f"incoming/{model}/a.csv")
    record = predictions.Record(
        id=RECORD,
        model=model,
        version=1,
        at="2026-05-04T10:00:00+00:00",
        request_id="q",
        latency_ms=1,
        inputs=[],
        outputs=[],
    )
    line = predictions.line(record)
    stage.s3.put_object(
        Bucket=stage.lake, Key=f"{predictions.predictions_folder(model, NOW)}a.jsonl", Body=line
    )
    keys = [(f"MODEL#{model}", "LOCK"), (f"MODEL#{model}", "UPLOAD#1"), (f"IDEMPOTENCY#{model}", "k")]
    for pk, sk in (*keys, (f"PREDICTION#{model}#{RECORD}", "RECORD")):
        stage.dynamodb.put_item(TableName="ledger", Item={"pk": {"S": pk}, "sk": {"S": sk}})
    return 4


@pytest.fixture
def target(cli_stage: CliStage) -> Target:
    del cli_stage
    return Choice(stage="test", region=REGION, profile=None, local_file=None).target()


def cleaner(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    *answers: Any,
    stop: Callable[[Run], None] = lambda _: None,
    clock: Callable[[], float] = lambda: 0.0,
) -> tuple[Cleaner, Lifecycle]:
    lifecycle = Lifecycle(*(answers or (TOLD,)))
    monkeypatch.setattr("cli.stage.removal.remove", lifecycle.remove)
    made = Cleaner(
        target=target, stop=stop, tell=lambda _: None, patience_seconds=60, clock=clock, sleep=lambda _: None
    )
    return made, lifecycle


def clean(made: Cleaner, *models: str) -> list[Cleaned]:
    return made.clean(models or ("verify",))


def test_everything_of_the_model_goes_with_its_lock_and_nothing_of_another(
    cli_stage: CliStage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    many, others = leave(cli_stage, "verify"), leave(cli_stage, "iris")
    made, lifecycle = cleaner(target, monkeypatch)
    (found,) = clean(made)
    assert found.clean
    assert (found.left, found.command) == ({}, "")
    assert lifecycle.asked == [("verify", False)]
    assert sum(map(len, versions(cli_stage, "verify").values())) == 0
    assert items(cli_stage, "verify") == set()
    assert sum(map(len, versions(cli_stage, "iris").values())) == others
    assert len(items(cli_stage, "iris")) == ITEMS
    assert found.totals == {
        "versions": 2,
        "endpoints": 1,
        "packages": 2,
        "objects": many,
        "items of the ledger": ITEMS,
    }


def test_a_run_that_is_under_way_is_stopped_once_and_waited_for(
    cli_stage: CliStage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli_stage.ledger.create_run(Run(run_id="r1", model="verify", started_at="2026-05-04T10:00:00"))
    stopped: list[str] = []
    made, lifecycle = cleaner(
        target, monkeypatch, REFUSED, REFUSED, TOLD, stop=lambda run: stopped.append(run.run_id)
    )
    assert clean(made)[0].clean
    assert stopped == ["r1"]
    assert len(lifecycle.asked) == 3


def test_a_run_that_may_not_be_stopped_is_waited_for(
    cli_stage: CliStage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli_stage.ledger.create_run(Run(run_id="r1", model="verify", started_at="2026-05-04T10:00:00"))

    def stop(_: Run) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "StopExecution")

    made, _ = cleaner(target, monkeypatch, REFUSED, TOLD, stop=stop)
    assert clean(made)[0].clean


def test_a_run_that_does_not_end_is_reported_and_the_data_stays(
    cli_stage: CliStage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = leave(cli_stage, "verify")
    seconds = iter([0.0, 61.0])
    made, _ = cleaner(target, monkeypatch, REFUSED, clock=lambda: next(seconds))
    (found,) = clean(made)
    assert found.problem is not None
    assert found.problem.message == "verify was not removed: run r1 of verify is under way"
    assert sum(count for what, count in found.left.items() if not what.startswith("ledger")) == many
    assert found.command == (
        "relearn --stage test --region eu-west-1 remove-model verify --yes --delete-objects --confirm verify"
    )


def test_an_error_of_aws_is_reported_and_the_next_model_is_cleaned(
    cli_stage: CliStage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(cli_stage, "iris")
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Invoke")
    made, lifecycle = cleaner(target, monkeypatch, denied, TOLD)
    first, second = clean(made, "verify", "iris")
    assert first.problem is not None
    assert (first.problem.code, first.problem.operation) == ("AccessDeniedException", "Invoke")
    assert "allow the action" in first.problem.remedy
    assert second.clean
    assert [model for model, _ in lifecycle.asked] == ["verify", "iris"]
    assert items(cli_stage, "iris") == set()


def test_an_interrupted_cleaning_says_what_is_left_and_begins_no_other(
    cli_stage: CliStage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(cli_stage, "iris")
    made, lifecycle = cleaner(target, monkeypatch, KeyboardInterrupt())
    first, second = clean(made, "verify", "iris")
    assert [one.problem.code for one in (first, second) if one.problem] == ["Interrupted", "Interrupted"]
    assert second.left["ledger MODEL#"] == 2
    assert second.command.endswith("remove-model iris --yes --delete-objects --confirm iris")
    assert lifecycle.asked == [("verify", False)]


def test_what_a_late_event_stores_after_a_deletion_goes_too(
    cli_stage: CliStage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(cli_stage, "verify")
    made, _ = cleaner(target, monkeypatch)
    made = replace(made, sleep=Late(cli_stage, times=1).store)
    assert clean(made)[0].clean
    assert items(cli_stage, "verify") == set()


def test_what_comes_again_and_again_is_reported(
    cli_stage: CliStage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.verify.cleaning.PASSES", 2)
    made, _ = cleaner(target, monkeypatch)
    late = Late(cli_stage, times=99)
    late.store(0)
    (found,) = clean(replace(made, sleep=late.store))
    assert found.problem is not None
    assert "are there again after 2 deletions" in found.problem.message
    assert found.left == {"ledger MODEL#": 1}


class Late:
    """Stores an item of the ledger whenever a cleaning pauses, at most so many times."""

    def __init__(self, stage: CliStage, *, times: int) -> None:
        self._stage, self._left = stage, times

    def store(self, _seconds: float) -> None:
        if self._left:
            self._left -= 1
            self._stage.dynamodb.put_item(
                TableName="ledger", Item={"pk": {"S": "MODEL#verify"}, "sk": {"S": "RUN#late"}}
            )


def test_what_is_left_is_not_known_where_it_cannot_be_read(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: FewHoldings) -> dict[str, int]:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectVersions")

    monkeypatch.setattr(FewHoldings, "count", unreadable)
    made, _ = cleaner(target, monkeypatch)
    (found,) = clean(made)
    assert (found.clean, found.left) == (False, {})


def test_on_the_laptop_the_command_names_the_laptop(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "endpoint_url", "http://127.0.0.1:1")
    made, _ = cleaner(target, monkeypatch)
    assert made.command("verify").startswith("relearn --local remove-model verify ")


def test_a_run_that_has_ended_is_not_under_way(
    cli_stage: CliStage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = cleaner(target, monkeypatch)
    assert made.under_way("verify") is None
    run = cli_stage.ledger.create_run(Run(run_id="r1", model="verify", started_at="2026-05-04T10:00:00"))
    found = made.under_way("verify")
    assert found is not None
    assert found.run_id == replace(run).run_id
