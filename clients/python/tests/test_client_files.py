"""Batches: begun, their file sent, followed, their result fetched, by both clients."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn_client import (
    BadAnswerError,
    BareClassification,
    Batch,
    Client,
    Form,
    Link,
    NoAnswerError,
    NoResultError,
    Step,
    StorageError,
    WaitTimeoutError,
    WrongLine,
)
from relearn_client.storage import Lines
from relearn_client.waiting import Patience
from stub_api import BATCH, EXPIRES, HANG_UP, SCORED, WAITING, Ask, Asked, Reply, StubApi

TIME = datetime(2026, 5, 4, 10, tzinfo=UTC)
FIELDS = {"key": "batches/iris/1/input.jsonl", "policy": "cG9saWN5"}
FULL = Reply(204, b"")
LINE = json.dumps(SCORED, ensure_ascii=False).encode()
DENIED = Reply(403, b"<Error><Code>AccessDenied</Code><Message>Policy expired.</Message></Error>")


def form(api: StubApi, max_bytes: int = 1000) -> dict[str, Any]:
    return {"url": f"{api.url}/bucket", "fields": FIELDS, "max_bytes": max_bytes, "expires_at": EXPIRES}


def begun(api: StubApi) -> Reply:
    return Reply(201, {**WAITING, "upload": form(api)})


def scored(api: StubApi) -> Batch:
    return Batch.read({**BATCH, "result": {"url": f"{api.url}/result?signature=s", "expires_at": EXPIRES}})


def parts(asked: Asked) -> dict[str, bytes]:
    """Fields of a form as S3 reads them."""
    head = f"content-type: {asked.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + asked.body, EmailMessage, policy=email.policy.HTTP)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)  # type: ignore[misc]
        for part in message.iter_parts()
    }


def results(batch: Batch) -> Callable[[Any], Any]:
    """Fetch all results with either client."""

    async def collect(found: AsyncIterator[Any]) -> list[Any]:
        return [one async for one in found]

    def use(client: Any) -> Any:
        found = client.results(batch)
        return collect(found) if isinstance(found, AsyncIterator) else list(found)

    return use


def test_a_batch_is_begun_with_a_form_for_its_file(api: StubApi, ask: Ask) -> None:
    api.turns = [begun(api)]
    batch = ask(lambda client: client.create_batch("iris"))
    assert (batch.batch, batch.state, batch.ended) == (BATCH["batch"], "WAITING_FOR_FILE", False)
    assert batch.form == Form(f"{api.url}/bucket", FIELDS, 1000, datetime(2026, 5, 4, 11, tzinfo=UTC))
    assert (api.asked[0].method, api.asked[0].path) == ("POST", "/v1/models/iris/batches")


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "open"])
def test_its_file_is_sent_last_with_every_field_of_the_form_and_no_authorization(
    api: StubApi, ask: Ask, tmp_path: Path, kind: str
) -> None:
    content, file = b'{"a": 1}\n\xff\x00\r\n', tmp_path / "rows.jsonl"
    file.write_bytes(content)
    given: Any = {"path": file, "text": str(file), "bytes": content, "open": BytesIO(content)}[kind]
    api.turns = [begun(api), FULL]
    assert ask(lambda client: client.score("iris", given), auth="token").batch == BATCH["batch"]
    sent = api.asked[1]
    assert (sent.method, sent.path) == ("POST", "/bucket")
    assert list(parts(sent).items()) == [*((k, v.encode()) for k, v in FIELDS.items()), ("file", content)]
    assert "authorization" not in sent.headers
    assert int(sent.headers["content-length"]) == len(sent.body)


def test_a_file_is_sent_again_where_s3_says_that_the_bucket_is(api: StubApi, ask: Ask) -> None:
    api.turns = [begun(api), Reply(307, b"", {"location": f"{api.url}/elsewhere"}), FULL]
    ask(lambda client: client.score("iris", b"rows"))
    assert [asked.path for asked in api.asked[1:]] == ["/bucket", "/elsewhere"]
    assert parts(api.asked[2])["file"] == b"rows"


@pytest.mark.parametrize("content", [b"", b"x" * 1001])
def test_a_file_that_the_form_does_not_take_is_not_sent(api: StubApi, ask: Ask, content: bytes) -> None:
    to = Form.read(form(api))
    with pytest.raises(StorageError, match=f"{len(content)} bytes; allowed: 1 to 1000"):
        ask(lambda client: client.send(to, content))
    assert api.asked == []


def test_what_s3_refuses_is_told_in_its_words(api: StubApi, ask: Ask) -> None:
    to = Form.read(form(api))
    api.turns = [DENIED]
    with pytest.raises(StorageError, match="S3 answered 403: AccessDenied: Policy expired") as caught:
        ask(lambda client: client.send(to, b"rows"))
    assert caught.value.code == "AccessDenied"
    assert len(api.asked) == 1


def test_a_file_is_sent_once_even_when_no_answer_comes(api: StubApi, ask: Ask) -> None:
    to = Form.read(form(api))
    api.turns = [HANG_UP]
    with pytest.raises(NoAnswerError):
        ask(lambda client: client.send(to, b"rows"))
    assert len(api.asked) == 1


def test_beginning_is_tried_again(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(503), HANG_UP, begun(api)]
    assert ask(lambda client: client.create_batch("iris")).form is not None


def test_a_batch_that_came_without_a_form_is_no_promised_answer(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(201, WAITING)]
    with pytest.raises(BadAnswerError, match="without a form"):
        ask(lambda client: client.score("iris", b"rows"))


def test_batches_are_listed(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(body={"batches": [BATCH, WAITING]})]
    first, second = ask(lambda client: client.batches("iris"))
    assert (first.state, first.version, first.rows, first.ended_at, first.ended) == (
        "SUCCEEDED",
        3,
        2,
        TIME,
        True,
    )
    assert (second.version, second.rows, second.ended_at) == (None, None, None)
    assert api.asked[0].path == "/v1/models/iris/batches"


def test_a_failed_batch_says_which_lines_are_wrong(api: StubApi, ask: Ask) -> None:
    wrong = {"line": 7, "pointer": "/petal_width", "detail": "got 'wide'"}
    api.turns = [Reply(body={**BATCH, "state": "FAILED", "reason": "line 7", "errors": [wrong]})]
    batch = ask(lambda client: client.batch("iris", "a/b"))
    assert batch.errors == (WrongLine(7, "/petal_width", "got 'wide'"),)
    assert batch.states[0] == Step("WAITING_FOR_FILE", TIME)
    assert api.asked[0].path == "/v1/models/iris/batches/a%2Fb"
    with pytest.raises(NoResultError, match="FAILED: line 7"):
        ask(results(batch))


def test_a_batch_is_waited_for_until_it_has_ended(api: StubApi, ask: Ask) -> None:
    result = {"url": f"{api.url}/result", "expires_at": EXPIRES}
    api.turns = [Reply(body=WAITING), Reply(body=WAITING), Reply(body={**BATCH, "result": result})]
    batch = ask(lambda client: client.wait_for_batch("iris", "b", poll_seconds=0.001))
    assert batch.result == Link(f"{api.url}/result", datetime(2026, 5, 4, 11, tzinfo=UTC))
    assert len(api.asked) == 3


def test_a_wait_ends_after_its_time_but_not_before_a_look(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(body=WAITING)]
    with pytest.raises(WaitTimeoutError, match=r"batch b of iris .* 0 s: it is WAITING_FOR_FILE"):
        ask(lambda client: client.wait_for_batch("iris", "b", timeout_seconds=0))
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    "changes", [{"timeout_seconds": -1}, {"poll_seconds": 0}, {"poll_seconds": float("nan")}]
)
def test_a_wait_that_can_not_be_is_refused(api: StubApi, ask: Ask, changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="allowed: 0 or more, and more than 0"):
        ask(lambda client: client.wait_for_batch("iris", "b", **changes))
    assert api.asked == []


def test_results_come_in_order_typed_and_without_authorization(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(body=LINE + b'\n{"value": 1.5}\n')]
    first, second = ask(results(scored(api)), auth="token")
    assert first == BareClassification("setosa", {"setosa": 0.98, "virginica": 0.02})
    assert second.value == 1.5
    assert api.asked[0].path == "/result?signature=s"
    assert "authorization" not in api.asked[0].headers


def test_a_link_whose_time_is_over_says_so_without_showing_it(api: StubApi, ask: Ask) -> None:
    api.turns = [DENIED]
    with pytest.raises(StorageError, match="Policy expired") as caught:
        ask(results(scored(api)))
    assert "signature" not in str(caught.value)


def test_a_result_that_breaks_off_is_no_short_result(api: StubApi, ask: Ask) -> None:
    api.turns = [HANG_UP]
    with pytest.raises(NoAnswerError) as caught:
        ask(results(scored(api)))
    assert "signature" not in str(caught.value)


@pytest.mark.parametrize("line", [b"{", b"[]", b"{}", b"\xff", b"null", b""])
def test_a_line_that_is_no_prediction_is_named(api: StubApi, ask: Ask, line: bytes) -> None:
    api.turns = [Reply(body=LINE + b"\n" + line + b"\n")]
    with pytest.raises(BadAnswerError, match="line 2 of the result"):
        ask(results(scored(api)))


labels = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@given(st.lists(labels, max_size=8), st.lists(st.integers(1, 40)), st.sampled_from([b"", b"\n"]))
def test_lines_are_found_however_the_bytes_come(names: list[str], cuts: list[int], end: bytes) -> None:
    rows = [json.dumps({"label": name, "probabilities": {}}, ensure_ascii=False).encode() for name in names]
    content = b"\n".join(rows) + (end if rows else b"")
    lines, found = Lines(), []
    for cut in cuts:
        found += list(lines.take(content[:cut]))
        content = content[cut:]
    found += [*lines.take(content), *lines.end()]
    assert [one.label for one in found if isinstance(one, BareClassification)] == names


@given(st.floats(0, 1e4), st.floats(0.5, 1e3), st.floats(0, 100))
def test_no_pause_is_longer_than_asked_for_and_the_last_look_is_when_the_time_is_over(
    timeout: float, poll: float, look: float
) -> None:
    now, pauses = [0.0], []
    for pause in Patience(timeout, poll).pauses(lambda: now[0]):
        pauses.append(pause)
        now.append(now.pop() + look + pause)
    assert all(pause <= poll for pause in pauses)
    assert sum(pauses) + look * (len(pauses) - 1) >= timeout * (1 - 1e-9)


def test_a_given_client_of_httpx_carries_files_too(api: StubApi) -> None:
    seen: list[str] = []
    with httpx.Client(event_hooks={"request": [lambda request: seen.append(request.url.path)]}) as given:
        api.turns = [begun(api), FULL]
        Client(api.url, http=given).score("iris", b"rows")
    assert seen == ["/v1/models/iris/batches", "/bucket"]
