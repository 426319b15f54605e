"""What the clients send, and what they make of a good answer."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from relearn_client import (
    AsyncClient,
    BadAnswerError,
    Bearer,
    Classification,
    Client,
    LocalCloudError,
    Model,
    ModelBrief,
    NotJsonError,
    Power,
    RankedItem,
    Ranking,
    Regression,
    Threshold,
)
from stub_api import AT, BRIEF, INSTANCE, METRIC, PREDICTION, RUN, SCORED, VERSION, WHOLE, Ask, Reply, StubApi

NAMELESS = {"model": "iris", "version": 3, "predictions": [SCORED]}


def predict(client: Any) -> Any:
    return client.predict("iris", [INSTANCE])


def test_predictions_come_back_typed_and_in_order(api: StubApi, ask: Ask) -> None:
    answer = ask(lambda client: client.predict("iris", [INSTANCE, INSTANCE]))
    assert (answer.model, answer.version) == ("iris", 3)
    name = "20260504t100000-0123456789ab-0"
    assert answer.predictions[0] == Classification("setosa", {"setosa": 0.98, "virginica": 0.02}, name)
    assert answer.ids == [name, name]
    assert answer.labels == ["setosa", "setosa"]
    assert answer.values == []
    assert (api.asked[0].method, api.asked[0].path) == ("POST", "/v1/models/iris/predict")
    assert api.asked[0].json == {"instances": [INSTANCE, INSTANCE]}
    assert api.asked[0].headers["content-type"] == "application/json"


def test_a_prediction_names_the_threshold_of_its_version(api: StubApi, ask: Ask) -> None:
    assert ask(predict).predictions[0].threshold is None
    one = {**PREDICTION, "threshold": {"label": "setosa", "probability": 0.25}}
    api.turns = [Reply(body={"model": "iris", "version": 3, "predictions": [one]})]
    answer = ask(predict)
    assert answer.predictions[0].threshold == Threshold("setosa", 0.25)


def test_a_regression_gives_values(api: StubApi, ask: Ask) -> None:
    api.turns = [
        Reply(body={"model": "diabetes", "version": 1, "predictions": [{"id": "i-0", "value": 151.2}]})
    ]
    answer = ask(predict)
    assert answer.predictions == (Regression(151.2, "i-0"),)
    assert answer.values == [151.2]
    assert answer.labels == []


def test_a_ranking_gives_items_best_first_and_what_they_were_chosen_by(api: StubApi, ask: Ask) -> None:
    items = [{"item": "tea-03", "score": 0.9}, {"item": "tea-01", "score": 0.5}]
    prediction = {"id": "i-0", "items": items, "basis": "history", "something_new": 1}
    api.turns = [Reply(body={"model": "products", "version": 1, "predictions": [prediction]})]
    answer = ask(predict)
    ranked = (RankedItem("tea-03", 0.9), RankedItem("tea-01", 0.5))
    assert answer.predictions == (Ranking(ranked, "history", "i-0"),)
    assert answer.items == [["tea-03", "tea-01"]]
    assert answer.ids == ["i-0"]


def test_models_are_listed(ask: Ask) -> None:
    assert ask(lambda client: client.models()) == [
        ModelBrief("iris", "Iris species", "classification", "live", 3, METRIC)
    ]


def test_a_model_is_described(api: StubApi, ask: Ask) -> None:
    found: Model = ask(lambda client: client.model("iris"))
    assert found.sample["instances"] == [INSTANCE]
    assert found.metrics == {"f1_macro": 0.95}
    assert found.target == {"name": "species"}
    assert api.asked[0].path == "/v1/models/iris"


def test_a_field_that_came_later_is_no_error(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(body={"models": [{**BRIEF, "new": 1}]}), Reply(body={**WHOLE, "new": 1})]
    found = ask(lambda client: client.models(), lambda client: client.model("iris"))
    assert found.name == "iris"


@pytest.mark.parametrize("name", ["a/b", "a b", "../x", "ä?x=1#y"])
def test_a_name_stays_one_segment_of_the_path(api: StubApi, ask: Ask, name: str) -> None:
    ask(lambda client: client.model(name))
    assert api.asked[0].path.count("/") == 3
    assert "?" not in api.asked[0].path


def test_every_prediction_has_an_idempotency_key_of_its_own(api: StubApi, ask: Ask) -> None:
    ask(predict, predict)
    first, second = (asked.headers["idempotency-key"] for asked in api.asked)
    assert first != second


def test_a_given_idempotency_key_is_sent(api: StubApi, ask: Ask) -> None:
    ask(lambda client: client.predict("iris", [INSTANCE], idempotency_key="order-7"))
    assert api.asked[0].headers["idempotency-key"] == "order-7"


@pytest.mark.parametrize("key", ["", "a b", "ä", "a,b", 'a"b', "a\nb", "a" * 256])
def test_a_key_that_no_server_takes_is_not_sent(api: StubApi, ask: Ask, key: str) -> None:
    with pytest.raises(ValueError, match="idempotency_key"):
        ask(lambda client: client.predict("iris", [INSTANCE], idempotency_key=key))
    with pytest.raises(ValueError, match="not repeatable"):
        ask(lambda client: client.predict("iris", [INSTANCE], idempotency_key="k", repeatable=False))
    assert api.asked == []


def test_a_caller_is_named_when_one_is_given(api: StubApi, ask: Ask) -> None:
    ask(predict, lambda client: client.predict("iris", [INSTANCE], caller="customer-4711"))
    assert [asked.headers.get("x-relearn-key") for asked in api.asked] == [None, "customer-4711"]


@pytest.mark.parametrize("caller", ["", "a b", "ä", "a\nb", "a" * 257])
def test_a_caller_that_no_server_takes_is_not_sent(api: StubApi, ask: Ask, caller: str) -> None:
    with pytest.raises(ValueError, match="caller"):
        ask(lambda client: client.predict("iris", [INSTANCE], caller=caller))
    assert api.asked == []


def test_versions_are_listed(api: StubApi, ask: Ask) -> None:
    api.turns = [Reply(body={"versions": [VERSION, {**VERSION, "created_at": None}]})]
    first, second = ask(lambda client: client.versions("iris"))
    assert (first.version, first.state, first.metrics) == (3, "LIVE", {"f1_macro": 0.95})
    assert first.created_at == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert second.created_at is None
    assert api.asked[0].path == "/v1/models/iris/versions"


ASKED = {"state": "WAITING", "hours": 72, "until": AT, "who": "", "why": "", "at": None}


def test_a_version_that_waits_is_approved_or_rejected(api: StubApi, ask: Ask) -> None:
    waits = {**VERSION, "approval": ASKED}
    decided = {**VERSION, "approval": {**ASKED, "state": "REJECTED", "who": "ann", "why": "no", "at": AT}}
    api.turns = [Reply(body=waits), Reply(503), Reply(body=decided)]
    found = ask(
        lambda client: client.approve("iris", 3),
        lambda client: client.reject("iris", 3, why="no"),
    )
    assert (found.approval.state, found.approval.who, found.approval.why) == ("REJECTED", "ann", "no")
    assert found.approval.at == datetime(2026, 5, 4, 10, tzinfo=UTC)
    bodies = [json.loads(asked.body) for asked in api.asked]
    rejection = {"decision": "reject", "why": "no"}
    assert bodies == [{"decision": "approve", "why": ""}, rejection, rejection]  # asked again after the 503
    assert {asked.path for asked in api.asked} == {"/v1/models/iris/versions/3/approval"}


def test_runs_are_listed_page_by_page(api: StubApi, ask: Ask) -> None:
    api.turns = [
        Reply(body={"runs": [RUN], "next": "6162"}),
        Reply(body={"runs": [{**RUN, "ended_at": None, "version": None}], "next": None}),
    ]
    page = ask(
        lambda client: client.runs("iris"),
        lambda client: client.runs("iris", limit=1, after="6162"),
    )
    assert [asked.path for asked in api.asked] == [
        "/v1/models/iris/runs",
        "/v1/models/iris/runs?limit=1&next=6162",
    ]
    assert (page.runs[0].ended_at, page.runs[0].version, page.next) == (None, None, None)


def test_a_run_that_was_not_judged_yet_tells_no_power(api: StubApi, ask: Ask) -> None:
    more: dict[str, Any] = {
        "states": [],
        "uploads": [],
        "snapshot": [],
        "left_out": [],
        "rows_waiting": {},
        "power": None,
    }
    api.turns = [Reply(body={**RUN, **more})]
    assert ask(lambda client: client.run("iris", "r1")).power is None


def test_a_run_is_described_with_the_way_it_went(api: StubApi, ask: Ask) -> None:
    states = [{"state": "DEBOUNCING", "at": AT}, {"state": "PROMOTED", "at": AT}]
    more = {
        "states": states,
        "uploads": ["u1"],
        "snapshot": ["u0", "u1"],
        "left_out": ["u2"],
        "rows_waiting": {"visits": 2},
        "power": {"rows": 37, "smallest": 0.11, "confidence": 0.95, "planned": False},
    }
    api.turns = [Reply(body={**RUN, **more})]
    run = ask(lambda client: client.run("iris", "r/1"))
    assert [step.state for step in run.states] == ["DEBOUNCING", "PROMOTED"]
    assert run.started_at == run.states[0].at == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert (run.uploads, run.snapshot, run.left_out) == (("u1",), ("u0", "u1"), ("u2",))
    assert run.rows_waiting == {"visits": 2}
    assert run.power == Power(rows=37, smallest=0.11, confidence=0.95, planned=False)
    assert api.asked[0].path == "/v1/models/iris/runs/r%2F1"


def test_a_connection_is_used_again(api: StubApi, ask: Ask) -> None:
    ask(predict, predict, lambda client: client.models())
    assert len({asked.connection for asked in api.asked}) == 1


@pytest.mark.parametrize("instance", [{"a": math.nan}, {"a": math.inf}, {"a": object()}])
def test_what_is_not_json_is_not_sent(api: StubApi, ask: Ask, instance: Any) -> None:
    with pytest.raises(NotJsonError):
        ask(lambda client: client.predict("iris", [instance]))
    assert api.asked == []


@pytest.mark.parametrize(
    "body", [b"<html>", [1], {"model": "iris"}, {"predictions": None}, NAMELESS, None, b"\xff"]
)
def test_a_success_that_is_not_as_promised_says_what_came(api: StubApi, ask: Ask, body: Any) -> None:
    api.turns = [Reply(body=body)]
    with pytest.raises(BadAnswerError, match="POST /v1/models/iris/predict was answered 200"):
        ask(predict)


@pytest.mark.parametrize("auth", ["token-1", Bearer("token-1"), lambda: "token-1"])
def test_a_token_is_sent_as_bearer(api: StubApi, ask: Ask, auth: Any) -> None:
    ask(predict, auth=auth)
    assert api.asked[0].headers["authorization"] == "Bearer token-1"


def test_a_token_is_asked_for_anew_at_every_attempt(api: StubApi, ask: Ask) -> None:
    tokens = iter(["old", "new"])
    api.turns = [Reply(503)]
    ask(predict, auth=lambda: next(tokens))
    assert [asked.headers["authorization"] for asked in api.asked] == ["Bearer old", "Bearer new"]


def test_without_auth_no_authorization_is_sent(api: StubApi, ask: Ask) -> None:
    ask(predict)
    assert "authorization" not in api.asked[0].headers


@pytest.mark.parametrize("url", ["", "localhost:4567", "ftp://x", "/v1", "http://"])
def test_an_address_that_is_none_of_http_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="allowed: http:// or https://"):
        Client(url)


def test_a_path_and_a_slash_at_the_end_of_the_address_are_kept_and_dropped(api: StubApi, ask: Ask) -> None:
    ask(lambda client: client.models(), url=f"{api.url}/stage/")
    assert api.asked[0].path == "/stage/v1/models"


def test_the_laptop_cloud_is_found_from_a_folder_below(
    api: StubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / ".relearn").mkdir()
    (tmp_path / ".relearn" / "local.json").write_text(json.dumps({"api_url": api.url}))
    monkeypatch.chdir(below)
    with Client.local() as client:
        assert client.models()[0].name == "iris"

    async def names() -> list[str]:
        async with AsyncClient.local() as client:
            return [one.name for one in await client.models()]

    assert asyncio.run(names()) == ["iris"]


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_a_laptop_cloud_that_does_not_run_is_one_clear_error(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "local.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(LocalCloudError, match=r"local\.json"):
        Client.local(file)


def test_a_client_closes_its_own_connections_and_no_others(api: StubApi) -> None:
    given = httpx.Client()
    with Client(api.url, http=given) as client:
        client.models()
    assert not given.is_closed
    given.close()
    with Client(api.url) as client:
        client.models()
    assert client._http.is_closed


def test_an_async_client_closes_its_own_connections_and_no_others(api: StubApi) -> None:
    async def main() -> tuple[bool, bool]:
        async with httpx.AsyncClient() as given:
            async with AsyncClient(api.url, http=given) as client:
                await client.models()
            kept = not given.is_closed
        async with AsyncClient(api.url) as client:
            await client.models()
        return kept, client._http.is_closed

    assert asyncio.run(main()) == (True, True)


def test_many_tasks_share_one_async_client(api: StubApi) -> None:
    async def main() -> list[Any]:
        async with AsyncClient(api.url) as client:
            return await asyncio.gather(*(client.predict("iris", [INSTANCE] * n) for n in range(1, 21)))

    assert [len(answer.predictions) for answer in asyncio.run(main())] == list(range(1, 21))
