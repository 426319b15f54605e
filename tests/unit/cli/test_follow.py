"""upload and wait: what is followed, and how the exit code tells the outcome."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.stage.arriving import EVENT_LATE
from relearn.lifecycle.runs import Run, RunState, VersionState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import ids
from tests.support.cli_stage import ABOUT, NOW, CliStage

RUN = "20260504t100000-aaaaaa"


@pytest.fixture
def between_looks(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What happens at the stage between two looks of the command, in order."""
    steps: list[Callable[[], object]] = []

    def sleep(_: float) -> None:
        assert steps, "the command waits for something that never comes"
        steps.pop(0)()

    # the command's own clock: other threads of the process sleep as they like
    monkeypatch.setattr("cli.stage.follow.time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    return steps


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "more.csv"
    file.write_text("a,b\n1,2\n")
    return file


def sent_id(stage: CliStage) -> str:
    (version,) = stage.s3.list_object_versions(Bucket=stage.uploads)["Versions"]
    return ids.upload_id(stage.uploads, version["Key"], version["VersionId"])


def test_an_upload_lands_under_the_models_prefix_and_is_named_by_its_version(
    cli_stage: CliStage, file: Path
) -> None:
    result = cli_stage.run("upload", "iris", str(file), "--json")
    assert result.exit_code == 0
    (said,) = json.loads(result.stdout)
    assert said["key"] == "incoming/iris/more.csv"
    assert said["upload_id"] == sent_id(cli_stage)
    body = cli_stage.s3.get_object(Bucket=cli_stage.uploads, Key=said["key"])["Body"].read()
    assert body == file.read_bytes()


def test_nothing_is_uploaded_for_a_model_that_does_not_exist(cli_stage: CliStage, file: Path) -> None:
    result = cli_stage.run("upload", "rose", str(file))
    assert result.exit_code == 1
    assert "no model 'rose'" in result.stderr
    assert "Versions" not in cli_stage.s3.list_object_versions(Bucket=cli_stage.uploads)


def test_an_upload_of_one_of_several_tables_lands_under_its_name(cli_stage: CliStage, file: Path) -> None:
    cli_stage.api.answers["/v1/models/churn"] = (200, {}, {**ABOUT, "name": "churn"})
    result = cli_stage.run("upload", "churn", "--table", "events", str(file), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["key"] == "incoming/churn/events/more.csv"


@pytest.mark.parametrize(("arguments", "given"), [([], "no --table"), (["--table", "main"], "--table main")])
def test_an_upload_that_names_no_table_of_a_model_with_several_is_refused(
    cli_stage: CliStage, file: Path, arguments: list[str], given: str
) -> None:
    cli_stage.api.answers["/v1/models/churn"] = (200, {}, {**ABOUT, "name": "churn"})
    result = cli_stage.run("upload", "churn", *arguments, str(file))
    assert result.exit_code == 2
    assert f"churn: got {given}; allowed: one of --table customers, --table events" in result.stderr
    assert "Versions" not in cli_stage.s3.list_object_versions(Bucket=cli_stage.uploads)


def test_a_table_of_a_model_that_has_one_table_is_refused(cli_stage: CliStage, file: Path) -> None:
    result = cli_stage.run("upload", "iris", "--table", "events", str(file))
    assert result.exit_code == 2
    assert "iris: got --table events; allowed: no --table" in result.stderr
    assert "Versions" not in cli_stage.s3.list_object_versions(Bucket=cli_stage.uploads)


def test_two_files_of_one_name_are_refused(cli_stage: CliStage, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "b" / file.name
    other.parent.mkdir()
    other.write_text("x")
    assert cli_stage.run("upload", "iris", str(file), str(other)).exit_code == 2


def test_a_name_that_is_taken_is_refused_with_what_helps_and_nothing_is_replaced(
    cli_stage: CliStage, file: Path
) -> None:
    assert cli_stage.run("upload", "iris", str(file)).exit_code == 0
    file.write_text("a,b\n3,4\n")
    result = cli_stage.run("upload", "iris", str(file))
    assert result.exit_code == 1
    assert "incoming/iris/more.csv is there already" in result.stderr
    assert "another name to keep both, or say --replace" in result.stderr
    assert sent_id(cli_stage)


def test_a_file_replaces_another_of_its_name_when_that_is_said(cli_stage: CliStage, file: Path) -> None:
    for _ in range(2):
        assert cli_stage.run("upload", "iris", str(file), "--replace").exit_code == 0
    assert len(cli_stage.s3.list_object_versions(Bucket=cli_stage.uploads)["Versions"]) == 2


@pytest.mark.parametrize(("answer", "versions"), [("y\n", 2), ("n\n", 1), ("\n", 1)])
def test_who_is_there_to_answer_is_asked_before_anything_is_replaced(
    cli_stage: CliStage, file: Path, monkeypatch: pytest.MonkeyPatch, answer: str, versions: int
) -> None:
    assert cli_stage.run("upload", "iris", str(file)).exit_code == 0
    monkeypatch.setattr(
        "cli.commands.upload.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    )
    result = cli_stage.run("upload", "iris", str(file), stdin=answer)
    assert result.exit_code == (0 if versions > 1 else 1)
    assert "Shall the rows of more.csv take its rows' place?" in result.stderr
    assert len(cli_stage.s3.list_object_versions(Bucket=cli_stage.uploads)["Versions"]) == versions


def test_what_lies_beside_data_is_left_out_and_said(cli_stage: CliStage, file: Path) -> None:
    beside = file.with_name("_SUCCESS")
    beside.touch()
    result = cli_stage.run("upload", "iris", str(file), str(beside), "--json")
    assert [one["key"] for one in json.loads(result.stdout)] == ["incoming/iris/more.csv"]
    assert "_SUCCESS: '_SUCCESS' begins with '_'" in result.stderr
    assert cli_stage.run("upload", "iris", str(beside)).exit_code == 2


def test_a_file_that_is_not_there_is_wrong_usage(cli_stage: CliStage) -> None:
    assert cli_stage.run("upload", "iris", "/nowhere.csv").exit_code == 2


def test_upload_wait_tells_each_step_until_a_run_has_used_it(
    cli_stage: CliStage, file: Path, between_looks: list[Callable[[], object]]
) -> None:
    ledger = cli_stage.ledger
    between_looks += [
        lambda: cli_stage.upload(upload_id=sent_id(cli_stage)),
        lambda: ledger.move_upload(_upload(cli_stage), UploadState.ACCEPTED, rows_accepted=1),
        lambda: cli_stage.new_run(RUN),
        lambda: ledger.move_run(_run(cli_stage), RunState.TRAINING, uploads=(sent_id(cli_stage),)),
        lambda: ledger.move_run(_run(cli_stage), RunState.PROMOTED, "better", version=2),
        lambda: ledger.move_upload(_upload(cli_stage), UploadState.TRAINED),
    ]
    result = cli_stage.run("upload", "iris", str(file), "--wait")
    assert result.exit_code == 0
    said = [line.partition("s  ")[2] for line in result.stderr.splitlines() if "s  upload" in line]
    assert [word for line in said for word in line.split() if word.isupper()] == [
        "RECEIVED", "ACCEPTED", "ACCEPTED", "DEBOUNCING", "ACCEPTED", "TRAINING", "ACCEPTED", "PROMOTED", "TRAINED", "PROMOTED",
    ]  # fmt: skip


def _upload(stage: CliStage) -> Upload:
    upload = stage.ledger.upload("iris", sent_id(stage))
    assert upload is not None
    return upload


def _run(stage: CliStage) -> Run:
    return stage.ledger.run("iris", RUN)


def test_upload_wait_of_a_refused_file_fails_and_shows_its_rejected_rows(
    cli_stage: CliStage, file: Path, between_looks: list[Callable[[], object]]
) -> None:
    def refuse() -> None:
        upload = cli_stage.upload(upload_id=sent_id(cli_stage))
        error = {"column": "petal_width", "value": "abc", "reason": "not a number"}
        cli_stage.s3.put_object(
            Bucket=cli_stage.lake,
            Key=f"quarantine/iris/{upload.upload_id}/rows.jsonl",
            Body=json.dumps({"line": 17, "errors": [error]}) + "\n",
        )
        cli_stage.ledger.move_upload(upload, UploadState.QUARANTINED, "bad_row_rate: 1 of 1")

    between_looks.append(refuse)
    result = cli_stage.run("upload", "iris", str(file), "--wait")
    assert result.exit_code == 1
    assert "bad_row_rate: 1 of 1" in result.stderr
    assert "17    petal_width  abc    not a number" in result.stdout


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (RunState.PROMOTED, 0),
        (RunState.REJECTED, 1),
        (RunState.ROLLED_BACK, 1),
        (RunState.FAILED, 1),
        (RunState.EMPTY, 1),
    ],
)
def test_waiting_for_a_run_ends_by_its_outcome(
    cli_stage: CliStage, between_looks: list[Callable[[], object]], state: RunState, code: int
) -> None:
    cli_stage.new_run(RUN)
    between_looks.append(lambda: cli_stage.ledger.move_run(_run(cli_stage), state, "because"))
    result = cli_stage.run("wait", "iris", "--run", RUN, "--json")
    assert result.exit_code == code
    said = json.loads(result.stdout)
    assert (said["state"], said["good"], said["record"]["reason"]) == (state, code == 0, "because")


def test_waiting_without_an_option_takes_the_first_run_that_starts(
    cli_stage: CliStage, between_looks: list[Callable[[], object]]
) -> None:
    between_looks += [
        lambda: cli_stage.new_run(RUN),
        lambda: cli_stage.ledger.move_run(_run(cli_stage), RunState.PROMOTED),
    ]
    assert cli_stage.run("wait", "iris").exit_code == 0


def promoted_before(stage: CliStage) -> None:
    """A run that ended well before whatever a test does."""
    stage.new_run(RUN)
    stage.ledger.move_run(_run(stage), RunState.PROMOTED, "better", version=2)


def refuse(stage: CliStage, name: str = "a", **changes: Any) -> Upload:
    return stage.ledger.move_upload(
        stage.upload(name, **changes), UploadState.QUARANTINED, "bad_row_rate: 9 of 9"
    )


def test_waiting_after_a_refused_upload_does_not_tell_the_success_of_the_run_before(
    cli_stage: CliStage,
) -> None:
    promoted_before(cli_stage)
    upload = refuse(cli_stage)
    result = cli_stage.run("wait", "iris", "--json")
    assert result.exit_code == 1
    assert (
        f"upload {upload.upload_id[:12]} is QUARANTINED: bad_row_rate: 9 of 9; before it, run"
        in result.stderr
    )
    said = json.loads(result.stdout)
    assert (said["state"], said["record"]["upload_id"]) == ("QUARANTINED", upload.upload_id)


@pytest.mark.parametrize(
    ("others", "told"), [(1, "1 more upload was refused"), (2, "2 more uploads were refused")]
)
def test_waiting_after_several_refused_uploads_tells_one_and_how_many_more_there_are(
    cli_stage: CliStage, others: int, told: str
) -> None:
    promoted_before(cli_stage)
    for number in range(others + 1):
        refuse(cli_stage, f"file-{number}")
    said = cli_stage.run("wait", "iris").stderr
    assert f"bad_row_rate: 9 of 9; {told}; before it, run" in " ".join(said.split())


def test_waiting_after_the_first_upload_was_refused_ends(cli_stage: CliStage) -> None:
    refuse(cli_stage)
    result = cli_stage.run("wait", "iris")
    assert result.exit_code == 1
    assert "bad_row_rate: 9 of 9; before it, iris has no run yet" in result.stderr


def test_an_upload_refused_before_the_newest_run_began_is_no_news(cli_stage: CliStage) -> None:
    refuse(cli_stage)
    later = (NOW + timedelta(minutes=1)).isoformat()
    cli_stage.ledger.create_run(Run(run_id=RUN, model="iris", started_at=later))
    cli_stage.ledger.move_run(_run(cli_stage), RunState.PROMOTED)
    assert cli_stage.run("wait", "iris").exit_code == 0


def test_a_refused_file_that_was_mended_and_uploaded_again_is_no_news(cli_stage: CliStage) -> None:
    promoted_before(cli_stage)
    refuse(cli_stage)
    mended = cli_stage.upload(upload_id="f" * 32, version_id="v2", sequencer="02")
    cli_stage.ledger.move_upload(mended, UploadState.ACCEPTED)
    trained = cli_stage.ledger.upload("iris", mended.upload_id)
    assert trained is not None
    cli_stage.ledger.move_upload(trained, UploadState.TRAINED, run_id=RUN)
    assert cli_stage.run("wait", "iris").exit_code == 0


def test_an_upload_that_is_being_checked_is_waited_for(cli_stage: CliStage) -> None:
    promoted_before(cli_stage)
    cli_stage.upload()
    result = cli_stage.run("wait", "iris", "--timeout", "0")
    assert result.exit_code == 3
    assert "is being checked" in result.stderr


@pytest.mark.parametrize("options", [(), ("--upload", "late")])
def test_what_an_upload_of_the_future_waits_for_is_told(
    cli_stage: CliStage, options: tuple[str, ...]
) -> None:
    promoted_before(cli_stage)
    waits: dict[str, Any] = {
        "rows_waiting": 2,
        "waits_until": "2999-05-05T09:00:00.000+00:00",
        "known_from": "2999-05-05T08:00:00.000+00:00",
    }
    upload = cli_stage.ledger.move_upload(cli_stage.upload(), UploadState.ACCEPTED, **waits)
    chosen = [upload.upload_id if option == "late" else option for option in options]
    result = cli_stage.run("wait", "iris", *chosen, "--timeout", "0")
    assert result.exit_code == 3
    told = " ".join(result.stderr.split())
    assert "2 rows wait for the time that is in them, the first until 2999-05-05T08:00:00Z" in told


def test_the_run_that_an_accepted_upload_waits_for_is_the_one_that_counts(
    cli_stage: CliStage, between_looks: list[Callable[[], object]]
) -> None:
    promoted_before(cli_stage)
    upload = cli_stage.ledger.move_upload(cli_stage.upload(), UploadState.ACCEPTED)
    second = "20260504t100100-bbbbbb"

    def move(state: RunState, **changes: Any) -> None:
        cli_stage.ledger.move_run(cli_stage.ledger.run("iris", second), state, "worse", **changes)

    between_looks += [
        lambda: cli_stage.new_run(second),
        lambda: move(RunState.TRAINING, uploads=(upload.upload_id,)),
        lambda: move(RunState.REJECTED),
    ]
    result = cli_stage.run("wait", "iris")
    assert result.exit_code == 1
    assert "waits for the next run" in result.stderr
    assert f"run {second} is REJECTED: worse" in result.stderr


def test_what_a_failed_run_leaves_behind_is_not_waited_for(cli_stage: CliStage) -> None:
    upload = cli_stage.ledger.move_upload(cli_stage.upload(), UploadState.ACCEPTED)
    cli_stage.new_run(RUN)
    cli_stage.ledger.move_run(_run(cli_stage), RunState.TRAINING, uploads=(upload.upload_id,))
    cli_stage.ledger.move_run(_run(cli_stage), RunState.FAILED, "no capacity")
    result = cli_stage.run("wait", "iris")
    assert result.exit_code == 1
    assert "FAILED: no capacity" in result.stderr


def test_waiting_knows_an_upload_whose_event_is_on_the_way(
    cli_stage: CliStage, between_looks: list[Callable[[], object]]
) -> None:
    promoted_before(cli_stage)
    cli_stage.s3.put_object(Bucket=cli_stage.uploads, Key="incoming/iris/more.csv", Body=b"x")
    between_looks.append(lambda: refuse(cli_stage, upload_id=sent_id(cli_stage)))
    result = cli_stage.run("wait", "iris")
    assert result.exit_code == 1
    assert "incoming/iris/more.csv was uploaded, and its event is on the way" in result.stderr


def test_an_object_that_never_became_an_upload_is_not_waited_for_forever(
    cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted_before(cli_stage)
    cli_stage.s3.put_object(Bucket=cli_stage.uploads, Key="incoming/iris/more.csv", Body=b"x")
    monkeypatch.setattr("cli.stage.arriving._now", lambda _: datetime.now(UTC) + EVENT_LATE)
    assert cli_stage.run("wait", "iris").exit_code == 0


@pytest.mark.parametrize(
    ("state", "code"), [(VersionState.LIVE, 0), (VersionState.FAILED, 1), (VersionState.RETIRED, 0)]
)
def test_waiting_for_a_version_ends_when_it_serves_or_fails(
    cli_stage: CliStage, between_looks: list[Callable[[], object]], state: VersionState, code: int
) -> None:
    cli_stage.serve(1)
    served = cli_stage.ledger.version("iris", 1)
    assert served is not None
    cli_stage.ledger.change_version(served, state=VersionState.REGISTERED)

    def change() -> None:
        version = cli_stage.ledger.version("iris", 1)
        assert version is not None
        cli_stage.ledger.change_version(version, state=state)

    between_looks.append(change)
    assert cli_stage.run("wait", "iris", "--version", "1").exit_code == code


def test_an_upload_may_be_named_by_its_first_characters(cli_stage: CliStage) -> None:
    upload = cli_stage.upload()
    cli_stage.ledger.move_upload(upload, UploadState.QUARANTINED, "empty")
    assert cli_stage.run("wait", "iris", "--upload", upload.upload_id[:8]).exit_code == 1
    result = cli_stage.run("wait", "iris", "--upload", "zz")
    assert "0 uploads of iris start with 'zz'" in result.stderr


def test_waiting_for_an_upload_ends_when_a_run_came_to_no_decision_about_it(cli_stage: CliStage) -> None:
    upload = cli_stage.upload()
    accepted = cli_stage.ledger.move_upload(upload, UploadState.ACCEPTED)
    cli_stage.ledger.leave_undecided(accepted, RUN, f"no decision by run {RUN}: no difference seen")
    result = cli_stage.run("wait", "iris", "--upload", upload.upload_id[:8])
    assert result.exit_code == 1
    assert f"is ACCEPTED: no decision by run {RUN}: no difference seen" in result.stderr


def test_what_has_not_ended_in_time_has_an_exit_code_of_its_own(cli_stage: CliStage) -> None:
    cli_stage.new_run(RUN)
    result = cli_stage.run("wait", "iris", "--run", RUN, "--timeout", "0")
    assert result.exit_code == 3
    assert "gave up after 0 s" in result.stderr


def test_waiting_for_a_run_that_does_not_exist_is_one_clear_line(cli_stage: CliStage) -> None:
    result = cli_stage.run("wait", "iris", "--run", "nope")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


def test_two_things_at_once_can_not_be_waited_for(cli_stage: CliStage) -> None:
    assert cli_stage.run("wait", "iris", "--run", RUN, "--version", "1").exit_code == 2
