"""Uploads: begun, their file sent, followed until they are checked or used, by both clients."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from relearn_client import BadAnswerError, RejectedRow, RejectedValue, WaitTimeoutError
from stub_api import EMPTY, EXPIRES, UPLOAD, Ask, Reply, StubApi

PATH = "/v1/models/iris/uploads"
RECEIVED = {**UPLOAD, "state": "RECEIVED", "rows_accepted": None, "rows_rejected": None}
ACCEPTED = {**UPLOAD, "state": "ACCEPTED", "reason": "", "rejected_rows": []}
UNDECIDED = {**ACCEPTED, "run_id": "r-2", "reason": "no decision by run r-2: no difference seen"}
TRAINED = {**ACCEPTED, "state": "TRAINED", "run_id": "r-1"}


def begun(api: StubApi) -> Reply:
    form = {"url": f"{api.url}/bucket", "fields": {"key": "k"}, "max_bytes": 10, "expires_at": EXPIRES}
    return Reply(201, {**EMPTY, "form": form})


def test_a_file_is_uploaded_under_its_name(api: StubApi, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_bytes(b"a,b\n1,2\n")
    api.turns = [begun(api), Reply(204, b"")]
    upload = ask(lambda client: client.upload_file("iris", file), auth="token")
    assert (upload.upload, upload.state, upload.received_at) == (EMPTY["upload"], "WAITING_FOR_FILE", None)
    assert [(asked.method, asked.path) for asked in api.asked] == [("POST", PATH), ("POST", "/bucket")]
    assert api.asked[0].json == {"filename": "new.csv"}
    assert b"a,b\n1,2\n" in api.asked[1].body
    assert "authorization" not in api.asked[1].headers


@pytest.mark.parametrize("content", [b"a", BytesIO(b"a")])
def test_content_needs_a_name(api: StubApi, ask: Ask, content: Any) -> None:
    with pytest.raises(ValueError, match="filename: got None"):
        ask(lambda client: client.upload_file("iris", content))
    assert api.asked == []
    api.turns = [begun(api), Reply(204, b"")]
    ask(lambda client: client.upload_file("iris", content, filename="x.jsonl"))
    assert api.asked[0].json == {"filename": "x.jsonl"}


def test_the_table_is_told_of_a_model_that_has_several(api: StubApi, ask: Ask) -> None:
    api.turns = [begun(api), Reply(204, b"")]
    ask(lambda client: client.upload_file("churn", b"a", filename="x.csv", table="events"))
    assert api.asked[0].json == {"filename": "x.csv", "table": "events"}


def test_beginning_is_tried_again(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(503), begun(api)]
    assert ask(lambda client: client.create_upload("iris", "a.csv")).form is not None


def test_an_upload_that_came_without_a_form_is_no_promised_answer(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(201, EMPTY)]
    with pytest.raises(BadAnswerError, match="without a form"):
        ask(lambda client: client.upload_file("iris", b"a", filename="a.csv"))


def test_uploads_are_listed(api: StubApi, ask: Ask) -> None:
    brief = {name: value for name, value in TRAINED.items() if name not in ("states", "rejected_rows")}
    api.turns = [Reply(body={"uploads": [brief]})]
    [upload] = ask(lambda client: client.uploads("iris"))
    assert (upload.filename, upload.run_id, upload.rows_accepted) == ("new.csv", "r-1", 1)
    assert upload.received_at == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert api.asked[0].path == PATH


@pytest.mark.parametrize("why", [None, "its newest row is of 2024-01-05"])
def test_an_upload_says_why_no_run_trains_on_it_any_more(api: StubApi, ask: Ask, why: str | None) -> None:
    api.turns = [Reply(body={**TRAINED, "left_out": why})]
    assert ask(lambda client: client.upload("iris", "a")).left_out == why


def test_an_upload_of_a_stage_of_an_earlier_release_is_not_said_to_be_left_out(
    api: StubApi, ask: Ask
) -> None:
    api.turns = [Reply(body={name: value for name, value in TRAINED.items() if name != "left_out"})]
    assert ask(lambda client: client.upload("iris", "a")).left_out is None


def test_a_quarantined_upload_says_why_and_which_rows(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(body=UPLOAD)]
    upload = ask(lambda client: client.upload("iris", "a/b"))
    assert (upload.state, upload.reason) == ("QUARANTINED", "too many bad rows")
    assert upload.rejected_rows == (RejectedRow(3, (RejectedValue(None, None, "too short"),)),)
    assert [step.state for step in upload.states] == ["WAITING_FOR_FILE", "QUARANTINED"]
    assert api.asked[0].path == f"{PATH}/a%2Fb"


@pytest.mark.parametrize(
    ("until", "seen", "last"),
    [
        ("used", [EMPTY, RECEIVED, ACCEPTED, TRAINED], "TRAINED"),
        ("checked", [EMPTY, RECEIVED, ACCEPTED], "ACCEPTED"),
        ("used", [RECEIVED, UPLOAD], "QUARANTINED"),
        ("used", [RECEIVED, ACCEPTED, UNDECIDED], "ACCEPTED"),
        ("checked", [EMPTY, {**EMPTY, "state": "EXPIRED"}], "EXPIRED"),
    ],
)
def test_an_upload_is_waited_for_as_far_as_asked(
    api: StubApi, ask: Ask, until: str, seen: list[Any], last: str
) -> None:
    api.turns = [Reply(body=one) for one in seen]
    upload = ask(lambda client: client.wait_for_upload("iris", "u", until=until, poll_seconds=0.001))
    assert (upload.state, len(api.asked)) == (last, len(seen))


def test_an_upload_that_a_run_did_not_decide_about_says_why(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(body=UNDECIDED)]
    upload = ask(lambda client: client.wait_for_upload("iris", "u"))
    assert (upload.undecided, upload.run_id) == (True, "r-2")
    assert upload.reason == "no decision by run r-2: no difference seen"


def test_a_wait_that_is_too_long_says_how_far_it_came(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(body=ACCEPTED)]
    with pytest.raises(WaitTimeoutError, match=r"upload u of iris .* it is ACCEPTED"):
        ask(lambda client: client.wait_for_upload("iris", "u", timeout_seconds=0))
