"""An upload over HTTP, on moto: a form is given away, and its id tells what became of the file."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.handlers import uploads
from lambdas.uploads import requests
from relearn.api import operations as api
from relearn.api import upload_forms
from relearn.naming import ids, s3_keys
from tests.support import gateway
from tests.support.models import FLOWERS_CSV, flowers_csv
from tests.support.stage import without_credentials_for_links
from tests.support.world import LAKE, TABLE, UPLOADS, LambdaContext, World


def ask(
    operation: api.Operation, body: object = None, *, model: str = "flowers", upload: str = ""
) -> tuple[int, dict[str, str], Any]:
    asked = gateway.event(operation, body, model=model, upload=upload)
    return gateway.answered(uploads.handler(asked, LambdaContext()))


def begin(asked: dict[str, str] | None = None, *, model: str = "flowers") -> Any:
    status, _, body = ask(api.CREATE_UPLOAD, asked or {"filename": "new.csv"}, model=model)
    assert status == 201, body
    return body


def look(upload: str, model: str = "flowers") -> Any:
    status, _, body = ask(api.GET_UPLOAD, model=model, upload=upload)
    assert status == 200, body
    return body


def key(form: Any) -> str:
    return str(form["form"]["fields"]["key"])


def policy(form: Any) -> Any:
    return json.loads(base64.b64decode(form["form"]["fields"]["policy"]))


@pytest.mark.usefixtures("world")
def test_a_new_upload_waits_for_its_file_and_says_where_to_send_it() -> None:
    status, headers, body = ask(api.CREATE_UPLOAD, {"filename": "new.csv"})
    assert (status, headers["location"]) == (201, f"/v1/models/flowers/uploads/{body['upload']}")
    assert (body["model"], body["filename"], body["state"]) == ("flowers", "new.csv", "WAITING_FOR_FILE")
    assert key(body) == f"incoming/flowers/{body['upload']}/new.csv"
    assert UPLOADS in body["form"]["url"]
    form = body.pop("form")
    life = datetime.fromisoformat(form["expires_at"]) - datetime.fromisoformat(body["states"][0]["at"])
    assert timedelta(minutes=44, seconds=59) < life <= timedelta(minutes=45)
    assert look(body["upload"]) == body


@pytest.mark.usefixtures("world")
def test_the_form_takes_this_one_object_of_1_byte_to_what_the_spec_allows_and_nothing_else() -> None:
    form = begin()
    conditions = policy(form)["conditions"]
    assert {"key": key(form)} in conditions
    assert ["content-length-range", 1, 100_000] in conditions
    assert form["form"]["max_bytes"] == 100_000
    assert not [one for one in conditions if isinstance(one, list) and one[0] == "starts-with"]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("seconds", "largest"), [("0.05", 50_000), ("0.2", 100_000), ("900", 100_000)])
def test_a_form_never_takes_more_than_ingest_checks_in_the_time_that_the_stage_gives_it(
    monkeypatch: pytest.MonkeyPatch, seconds: str, largest: int
) -> None:
    monkeypatch.setenv("INGEST_SECONDS", seconds)
    assert begin()["form"]["max_bytes"] == largest


@pytest.mark.usefixtures("world")
def test_a_form_never_takes_more_than_s3_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_forms, "LARGEST_POST", 999)
    assert begin()["form"]["max_bytes"] == 999


@pytest.mark.usefixtures("world")
def test_every_wrong_field_is_named_at_once() -> None:
    problem = ask(api.CREATE_UPLOAD, {"filename": "a.zip", "size": 1, "a/b": 2})[2]
    assert [error["pointer"] for error in problem["errors"]] == ["/size", "/a~1b", "/filename"]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("upload", ["none", "20260504t100000-abcdef", "0" * 32, "x" * 3000])
def test_an_unknown_upload_is_not_found(upload: str) -> None:
    assert ask(api.GET_UPLOAD, upload=upload)[0] == 404


@pytest.mark.usefixtures("world")
def test_an_upload_belongs_to_its_model() -> None:
    assert ask(api.GET_UPLOAD, model="prices", upload=begin()["upload"])[0] == 404
    assert ask(api.CREATE_UPLOAD, {"filename": "a.csv"}, model="trees")[0] == 404


def test_without_credentials_to_sign_with_no_upload_is_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_credentials_for_links(monkeypatch)
    status, headers, problem = ask(api.CREATE_UPLOAD, {"filename": "new.csv"})
    assert (status, problem["type"]) == (503, "urn:relearn:problem:no-links")
    assert int(headers["retry-after"]) > 0
    assert world.dynamodb.scan(TableName=TABLE)["Items"] == []


def test_a_form_is_forgotten_after_90_days(world: World) -> None:
    form = begin()
    found = world.dynamodb.get_item(
        TableName=TABLE, Key={"pk": {"S": "FORM#flowers"}, "sk": {"S": form["upload"]}}
    )["Item"]
    assert int(found["expires_at"]["N"]) == int((world.clock.now + timedelta(days=90)).timestamp())


def test_a_file_that_ingest_has_not_seen_yet_is_received(today: World) -> None:
    form = begin()
    event = today.put(key(form), FLOWERS_CSV)
    found = look(form["upload"])
    version = event["detail"]["object"]["version-id"]
    assert found["upload_id"] == ids.upload_id(UPLOADS, key(form), version)
    assert (found["state"], found["size_bytes"]) == ("RECEIVED", len(FLOWERS_CSV))
    assert (found["rows_accepted"], found["run_id"]) == (None, None)
    assert [step["state"] for step in found["states"]] == ["WAITING_FOR_FILE", "RECEIVED"]


def test_a_file_is_followed_until_a_run_has_trained_on_it(world: World) -> None:
    form = begin()
    world.send(FLOWERS_CSV, key(form))
    found = look(form["upload"])
    assert (found["state"], found["rows_accepted"], found["rows_rejected"]) == ("ACCEPTED", 20, 0)
    run = world.run()
    found = look(form["upload"])
    assert (found["state"], found["run_id"]) == ("TRAINED", run.run_id)
    states = ["WAITING_FOR_FILE", "RECEIVED", "ACCEPTED", "TRAINED"]
    assert [step["state"] for step in found["states"]] == states


def test_an_upload_that_was_rejected_with_its_run_names_the_run(world: World) -> None:
    form = begin()
    world.score["flowers"] = 0.1
    world.send(FLOWERS_CSV, key(form))
    run = world.run()
    found = look(form["upload"])
    assert (found["state"], found["run_id"]) == ("FAILED", run.run_id)
    assert found["reason"].startswith(f"rejected by run {run.run_id}")


def test_a_broken_file_says_why_and_which_rows(world: World) -> None:
    form = begin()
    world.send(flowers_csv(*["wide,1,rose"] * 30), key(form))
    found = look(form["upload"])
    assert (found["state"], found["rows_rejected"]) == ("QUARANTINED", 30)
    assert found["reason"].startswith("bad_row_rate: 30 of 50 rows")
    assert len(found["rejected_rows"]) == 20
    error = {"column": "length", "value": "wide", "reason": "not a number"}
    assert found["rejected_rows"][0] == {"line": 22, "errors": [error]}


def test_an_accepted_file_shows_its_few_rejected_rows_too(world: World) -> None:
    form = begin()
    world.send(flowers_csv("wide,1,rose"), key(form))
    found = look(form["upload"])
    assert (found["state"], [row["line"] for row in found["rejected_rows"]]) == ("ACCEPTED", [22])


def test_rejected_rows_that_are_gone_are_not_shown(world: World) -> None:
    form = begin()
    world.send(flowers_csv("wide,1,rose"), key(form))
    world.s3.delete_object(
        Bucket=LAKE, Key=s3_keys.rejected_key("flowers", look(form["upload"])["upload_id"])
    )
    assert look(form["upload"])["rejected_rows"] == []


def test_of_two_files_sent_with_one_form_the_newest_counts(world: World) -> None:
    form = begin()
    world.send(b"", key(form))
    first = look(form["upload"])
    world.send(FLOWERS_CSV, key(form))
    second = look(form["upload"])
    assert (first["state"], second["state"]) == ("QUARANTINED", "ACCEPTED")
    assert look(first["upload_id"])["state"] == "QUARANTINED"


def test_another_object_beside_it_is_not_taken_for_the_file(world: World) -> None:
    form = begin()
    world.send(FLOWERS_CSV, f"{key(form)}.csv")
    assert look(form["upload"])["state"] == "WAITING_FOR_FILE"


def test_files_of_the_same_name_by_two_forms_are_two_uploads_and_both_are_trained_on(world: World) -> None:
    forms = [begin(), begin()]
    for form in forms:
        world.send(FLOWERS_CSV, key(form))
    world.run()
    assert [look(form["upload"])["state"] for form in forms] == ["TRAINED", "TRAINED"]


def test_an_upload_that_came_without_a_form_is_found_by_the_id_that_the_command_line_shows(
    world: World,
) -> None:
    world.send(FLOWERS_CSV)
    upload_id = world.upload().upload_id
    found = look(upload_id)
    assert (found["upload"], found["upload_id"], found["filename"]) == (upload_id, upload_id, "data.csv")
    assert [step["state"] for step in found["states"]] == ["RECEIVED", "ACCEPTED"]


def test_the_newest_uploads_come_first_however_they_came(world: World) -> None:
    form = begin()
    world.send(FLOWERS_CSV)
    world.send(flowers_csv("wide,1,rose"), key(form))
    listed = ask(api.LIST_UPLOADS)[2]["uploads"]
    assert [item["filename"] for item in listed] == ["new.csv", "data.csv"]
    assert [item["rows_rejected"] for item in listed] == [1, 0]
    assert ask(api.LIST_UPLOADS, model="prices")[2] == {"uploads": []}


def test_a_list_has_a_hundred_uploads_at_most(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "LISTED", 1)
    world.send(FLOWERS_CSV, "incoming/flowers/a.csv")
    world.send(b"", "incoming/flowers/b.csv")
    assert [item["filename"] for item in ask(api.LIST_UPLOADS)[2]["uploads"]] == ["b.csv"]
