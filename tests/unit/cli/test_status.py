"""status, uploads, runs, versions: what the ledger holds is what is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relearn.lifecycle.runs import RunState, Version
from relearn.lifecycle.uploads import Upload, UploadState
from tests.support.cli_stage import ABOUT, NOW, CliStage


def test_the_command_reads_what_the_functions_write(cli_stage: CliStage) -> None:
    upload = cli_stage.upload("more.csv")
    accepted = cli_stage.ledger.move_upload(upload, UploadState.ACCEPTED, rows_accepted=3, rows_rejected=1)
    run = cli_stage.new_run()
    changes: dict[str, Any] = {
        "uploads": (upload.upload_id,),
        "snapshot": (upload.upload_id,),
        "champion_version": 1,
    }
    training = cli_stage.ledger.move_run(run, RunState.TRAINING, **changes)
    measured: dict[str, Any] = {
        "metrics": {"f1_macro": 0.5, "accuracy": 1.0},
        "champion_metrics": {"f1_macro": 0.75},
    }
    cli_stage.ledger.move_run(training, RunState.REJECTED, "not better", **measured)
    (shown,) = json.loads(cli_stage.run("uploads", "iris", "--json").stdout)
    assert shown == {
        "upload_id": accepted.upload_id, "model": "iris", "table": "main", "key": "incoming/iris/more.csv",
        "version_id": "v1", "sequencer": "01", "size_bytes": 10, "received_at": NOW.isoformat(),
        "state": "ACCEPTED", "reason": "", "rows_accepted": 3, "rows_rejected": 1, "rows_waiting": 0, "waits_until": "", "known_from": "", "newest": "", "attempts": 0,
        "checks": 0, "silent": 0, "checking_until": "", "sends": 0, "sent_at": "", "replaces": "", "sha256": "", "same_as": "", "run_id": "", "times": accepted.times, "predicts": "", "earlier": [],
    }  # fmt: skip
    (shown,) = json.loads(cli_stage.run("runs", "iris", "--json").stdout)
    assert (shown["state"], shown["reason"], shown["uploads"]) == (
        "REJECTED",
        "not better",
        [upload.upload_id],
    )
    assert {key: shown[key] for key in measured} == measured


def test_a_run_says_how_many_uploads_were_too_old_for_it(cli_stage: CliStage) -> None:
    cli_stage.new_run(left_out=("a" * 32, "b" * 32))
    shown = " ".join(cli_stage.run("runs", "iris").stdout.split())
    assert "2 uploads left out, older than the spec keeps" in shown


def test_rows_that_wait_are_told_of_an_upload_until_their_time_and_of_the_run_that_did_not_see_them(
    cli_stage: CliStage,
) -> None:
    waits: dict[str, Any] = {"rows_waiting": 2, "waits_until": "2999-05-05T09:00:00.000+00:00"}
    cli_stage.ledger.move_upload(cli_stage.upload("late"), UploadState.ACCEPTED, **waits)
    over = {**waits, "waits_until": "2026-05-05T09:00:00.000+00:00"}
    cli_stage.ledger.move_upload(cli_stage.upload("over"), UploadState.ACCEPTED, **over)
    shown = " ".join(cli_stage.run("uploads", "iris").stdout.split())
    assert shown.count("wait") == 1
    assert "2 rows wait for the time that is in them, at the latest until 2999-05-05T09:00:00Z" in shown
    cli_stage.new_run(rows_waiting={"orders": 3})
    shown = " ".join(cli_stage.run("runs", "iris").stdout.split())
    assert "rows dated later than it began wait for a later run: 3 of orders" in shown


def test_versions_come_newest_first_by_number(cli_stage: CliStage) -> None:
    cli_stage.serve(2)
    for number in (10, 9):
        run = cli_stage.new_run(run_id=f"20260505t0000{number:02}-cccccc")
        cli_stage.ledger.register(run, Version(model="iris", version=number, run_id=run.run_id))
    shown = json.loads(cli_stage.run("versions", "iris", "--json").stdout)
    assert [(version["version"], version["state"]) for version in shown] == [
        (10, "REGISTERED"),
        (9, "REGISTERED"),
        (2, "LIVE"),
    ]


def test_runs_come_newest_first_and_no_more_than_asked_for(cli_stage: CliStage) -> None:
    for day in range(1, 6):
        cli_stage.new_run(run_id=f"2026050{day}t000000-aaaaaa")
    shown = json.loads(cli_stage.run("runs", "iris", "--limit", "2", "--json").stdout)
    assert [run["run_id"] for run in shown] == ["20260505t000000-aaaaaa", "20260504t000000-aaaaaa"]


def test_tables_name_states_and_reasons(cli_stage: CliStage) -> None:
    upload = cli_stage.upload("broken.csv")
    cli_stage.ledger.move_upload(upload, UploadState.QUARANTINED, "schema: columns missing: petal_width")
    shown = cli_stage.run("uploads", "iris").stdout
    assert "QUARANTINED" in shown
    assert "schema: columns missing: petal_width" in shown
    assert "broken.csv" in shown


def test_uploads_name_their_tables(cli_stage: CliStage) -> None:
    for table in ("customers", "events"):
        cli_stage.upload(
            f"{table}.csv", model="churn", table=table, key=f"incoming/churn/{table}/october.csv"
        )
    shown = cli_stage.run("uploads", "churn").stdout
    assert "table" in shown
    assert "customers" in shown
    assert "events" in shown


def test_status_shows_every_model_with_its_version_run_and_pending_uploads(cli_stage: CliStage) -> None:
    cli_stage.serve()
    cli_stage.upload("waiting.csv")
    cli_stage.new_run(run_id="20260601t000000-dddddd")
    (shown,) = json.loads(cli_stage.run("status", "--json").stdout)
    assert (shown["name"], shown["version"], shown["pending"], shown["run"]["state"]) == (
        "iris",
        1,
        1,
        "DEBOUNCING",
    )
    assert shown["metrics"] == {"f1_macro": 0.95, "accuracy": 0.96}
    text = cli_stage.run("status").stdout
    assert "DEBOUNCING (now)" in text


def test_status_of_one_model_tells_what_it_waits_for(cli_stage: CliStage) -> None:
    about = cli_stage.api.answers["/v1/models/iris"][2]
    waiting = {**about, "state": "waiting", "version": None, "metrics": {}, "waiting_for": "the first upload"}
    cli_stage.api.answers["/v1/models/iris"] = (200, {}, waiting)
    shown = cli_stage.run("status", "iris")
    assert shown.exit_code == 0
    assert "waiting for the first upload" in shown.stdout


def test_an_upload_that_came_by_a_form_is_listed_by_the_name_of_its_file(cli_stage: CliStage) -> None:
    upload = cli_stage.upload("20260504t100000-abcdef/november.csv")
    listed = cli_stage.run("uploads", "iris").stdout
    assert "november.csv" in listed
    assert "20260504t100000" not in listed
    assert upload.upload_id[:12] in listed


def test_runs_say_where_the_report_of_their_data_is(cli_stage: CliStage) -> None:
    run = cli_stage.ledger.move_run(cli_stage.new_run(), RunState.TRAINING, snapshot=("u1",))
    where = f"s3://{cli_stage.lake}/reports/iris/{run.run_id}/data.html"
    (shown,) = json.loads(cli_stage.run("runs", "iris", "--json").stdout)
    assert shown["data_report"] == where
    assert where in cli_stage.run("runs", "iris").output


def test_a_run_that_had_no_data_names_no_report(cli_stage: CliStage) -> None:
    cli_stage.new_run()
    (shown,) = json.loads(cli_stage.run("runs", "iris", "--json").stdout)
    assert shown["data_report"] is None


def test_the_pages_about_the_newest_run_are_saved(cli_stage: CliStage, tmp_path: Path) -> None:
    run = cli_stage.new_run()
    for name in ("data.html", "report.html", "report.json"):
        key = f"reports/iris/{run.run_id}/{name}"
        cli_stage.s3.put_object(Bucket=cli_stage.lake, Key=key, Body=f"<p>{name}</p>".encode())
    done = cli_stage.run("report", "iris", "--to", str(tmp_path), "--json")
    assert sorted(json.loads(done.stdout)) == ["data.html", "report.html"]
    assert (tmp_path / "data.html").read_text() == "<p>data.html</p>"


def test_a_run_without_pages_says_so(cli_stage: CliStage) -> None:
    run = cli_stage.new_run()
    done = cli_stage.run("report", "iris")
    assert done.exit_code == 1
    assert f"run {run.run_id} of iris is DEBOUNCING and left no report" in done.output


CLOSE = {"f1_macro": 0.94841}
CLOSER = {"f1_macro": 0.94838, "accuracy": 0.9}


def rejected_run(stage: CliStage) -> None:
    training = stage.ledger.move_run(stage.new_run(), RunState.TRAINING, champion_version=1)
    measured: dict[str, Any] = {"metrics": CLOSER, "champion_metrics": CLOSE}
    stage.ledger.move_run(training, RunState.REJECTED, "not better", **measured)


SEEN = {"rows": 37, "smallest": 0.0876, "confidence": 0.95, "planned": False}


def test_status_says_the_smallest_difference_that_the_last_comparison_could_see(cli_stage: CliStage) -> None:
    training = cli_stage.ledger.move_run(cli_stage.new_run(), RunState.TRAINING)
    judged = cli_stage.ledger.move_run(training, RunState.REJECTED, "not better", power=SEEN)
    cli_stage.new_run(run_id="20260601t000000-dddddd")
    assert (
        "sees     0.088 on 37 rows (95% sure, found 80% of the time)"
        in cli_stage.run("status", "iris").stdout
    )
    shown = json.loads(cli_stage.run("status", "iris", "--json").stdout)
    assert shown["power"] == {"run_id": judged.run_id, **SEEN}


PART = {"low": -0.01, "high": 0.05, "error": 0.01, "smallest": 0.03, "confidence": 0.95}
COMPARED: dict[str, Any] = {
    "comparison": {
        "difference": 0.021,
        "rows": 52,
        **PART,
        "known": {"difference": 0.012, "rows": 40, **PART},
        "new": {"difference": 0.05, "rows": 12, **PART},
    },
    "duel": {"better": 5, "worse": 2},
}


def judged_version(stage: CliStage) -> None:
    training = stage.ledger.move_run(stage.new_run(run_id="20260505t000003-cccccc"), RunState.TRAINING)
    judged = stage.ledger.move_run(training, RunState.JUDGING, **COMPARED)
    stage.ledger.register(judged, Version(model="iris", version=3, run_id=judged.run_id))


@pytest.mark.parametrize("command", ["runs", "versions"])
def test_runs_and_versions_show_both_parts_and_the_rows_on_which_each_is_better(
    cli_stage: CliStage, command: str
) -> None:
    judged_version(cli_stage)
    shown = cli_stage.run(command, "iris").stdout
    assert "known +0.012 on 40 rows; new +0.05 on 12 rows; better on 5 rows, worse on 2" in shown
    newest = json.loads(cli_stage.run(command, "iris", "--json").stdout)[0]
    assert {key: newest[key] for key in COMPARED} == COMPARED


def test_status_says_that_a_difference_is_planned_where_no_versions_were_compared(
    cli_stage: CliStage,
) -> None:
    training = cli_stage.ledger.move_run(cli_stage.new_run(), RunState.TRAINING)
    cli_stage.ledger.move_run(training, RunState.PROMOTED, power={**SEEN, "planned": True})
    assert "planned: no two versions were compared yet" in cli_stage.run("status", "iris").stdout


def test_status_of_a_model_that_was_not_judged_names_no_difference(cli_stage: CliStage) -> None:
    cli_stage.new_run()
    assert json.loads(cli_stage.run("status", "iris", "--json").stdout)["power"] is None
    assert "sees" not in cli_stage.run("status", "iris").stdout


@pytest.mark.parametrize("command", [["status"], ["status", "iris"], ["runs", "iris"], ["versions", "iris"]])
def test_what_decides_is_named_with_its_direction(cli_stage: CliStage, command: list[str]) -> None:
    cli_stage.serve()
    assert "f1_macro, higher is better" in cli_stage.run(*command).stdout


@pytest.mark.parametrize("command", [["status"], ["status", "iris"], ["runs", "iris"]])
def test_a_rejection_by_a_little_shows_by_how_little(cli_stage: CliStage, command: list[str]) -> None:
    rejected_run(cli_stage)
    shown = cli_stage.run(*command).stdout
    assert "0.94838" in shown
    assert "0.94841" in shown


def test_versions_that_differ_are_shown_to_differ(cli_stage: CliStage) -> None:
    cli_stage.serve(2)
    run = cli_stage.new_run(run_id="20260505t000003-cccccc")
    made = Version(model="iris", version=3, run_id=run.run_id, metrics={"f1_macro": 0.95001})
    cli_stage.ledger.register(run, made)
    shown = cli_stage.run("versions", "iris").stdout
    assert "f1_macro 0.95000" in shown
    assert "f1_macro 0.95001" in shown


def test_the_metric_that_decides_comes_first_though_it_is_no_headline(cli_stage: CliStage) -> None:
    about = {**ABOUT, "metric": {"name": "recall_macro", "better": "higher"}}
    cli_stage.api.answers["/v1/models/iris"] = (200, {}, about)
    training = cli_stage.ledger.move_run(cli_stage.new_run(), RunState.TRAINING)
    cli_stage.ledger.move_run(training, RunState.REJECTED, metrics={"accuracy": 0.75, "recall_macro": 0.5})
    assert "recall_macro 0.5000  accuracy 0.7500" in cli_stage.run("runs", "iris").stdout


def test_what_the_ledger_says_is_shown_where_nobody_tells_what_decides(cli_stage: CliStage) -> None:
    rejected_run(cli_stage)
    del cli_stage.api.answers["/v1/models/iris"]
    result = cli_stage.run("runs", "iris")
    assert result.exit_code == 0
    assert "f1_macro 0.94838" in result.stdout


def refused(stage: CliStage, *lines: int) -> Upload:
    """An upload with refused rows, each with one fault."""
    error = {"column": "petal_width", "value": "abc", "reason": "not a number"}
    upload = stage.upload("more.csv")
    body = "".join(json.dumps({"line": line, "errors": [error]}) + "\n" for line in lines)
    key = f"quarantine/iris/{upload.upload_id}/rows.jsonl"
    stage.s3.put_object(Bucket=stage.lake, Key=key, Body=body)
    return stage.ledger.move_upload(
        upload, UploadState.QUARANTINED, "bad_row_rate: 3 of 3", rows_rejected=len(lines)
    )


@pytest.mark.parametrize("model", [["iris"], []])
def test_refused_rows_are_shown_by_line_column_value_and_reason(
    cli_stage: CliStage, model: list[str]
) -> None:
    upload = refused(cli_stage, 17, 90)
    result = cli_stage.run("uploads", *model, "--rows", upload.upload_id[:8])
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["line", "column", "value", "reason"] in rows
    assert ["17", "petal_width", "abc", "not", "a", "number"] in rows
    assert ["90", "petal_width", "abc", "not", "a", "number"] in rows
    assert "2 in all" in result.stdout
    assert "QUARANTINED: bad_row_rate: 3 of 3" in result.stderr


def test_refused_rows_come_page_by_page(cli_stage: CliStage) -> None:
    upload = refused(cli_stage, 3, 5, 8)
    first = cli_stage.run("uploads", "iris", "--rows", upload.upload_id, "--limit", "2")
    assert f"more: relearn uploads iris --rows {upload.upload_id[:12]} --after 5" in first.stderr
    second = cli_stage.run(
        "uploads", "iris", "--rows", upload.upload_id, "--limit", "2", "--after", "5", "--json"
    )
    assert [row["line"] for row in json.loads(second.stdout)] == [8]


def test_an_upload_without_refused_rows_says_why_it_was_refused(cli_stage: CliStage) -> None:
    upload = cli_stage.ledger.move_upload(
        cli_stage.upload(), UploadState.QUARANTINED, "empty: the file has no rows"
    )
    result = cli_stage.run("uploads", "--rows", upload.upload_id)
    assert result.exit_code == 0
    assert "empty: the file has no rows; no refused row is kept of it" in result.stderr


def test_values_of_private_columns_are_not_shown(cli_stage: CliStage) -> None:
    upload = cli_stage.upload("tickets.csv", model="tickets", key="incoming/tickets/tickets.csv")
    error = {"column": "body", "value": "my password is 1234", "reason": "longer than 10 characters"}
    key = f"quarantine/tickets/{upload.upload_id}/rows.jsonl"
    row = json.dumps({"line": 2, "errors": [error]}) + "\n"
    cli_stage.s3.put_object(Bucket=cli_stage.lake, Key=key, Body=row)
    for form in ([], ["--json"]):
        shown = cli_stage.run("uploads", "tickets", "--rows", upload.upload_id, *form).stdout
        assert "longer than 10 characters" in shown
        assert "(private)" in shown
        assert "password" not in shown


def test_uploads_of_no_model_are_wrong_usage(cli_stage: CliStage) -> None:
    result = cli_stage.run("uploads")
    assert result.exit_code == 2
    assert "which model? allowed: relearn uploads MODEL" in result.stderr
