"""The read routes: descriptions, versions, runs page by page, and problems for what is no operation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lambdas.handlers import models
from relearn.api import openapi, operations, problems
from relearn.lifecycle.runs import Run, RunState
from tests.support.models import FLOWERS_CSV, SAMPLES
from tests.support.world import SPECS, LambdaContext, World

EVENT = json.loads((Path(__file__).parent.parent / "events" / "http_predict.json").read_text())
DOCUMENT = openapi.document(SPECS, SAMPLES, auth="iam")


def ask(
    operation: operations.Operation | None,
    path: str = "/",
    method: str = "GET",
    query: Any = None,
    **parameters: str,
) -> tuple[int, dict[str, str], Any]:
    """Call the function as API Gateway does; give status, headers and JSON."""
    key = operations.DEFAULT if operation is None else operation.key
    context = {**EVENT["requestContext"], "http": {**EVENT["requestContext"]["http"], "method": method}}
    event = {**EVENT, "routeKey": key, "rawPath": path, "requestContext": context}
    event |= {"pathParameters": parameters or None}
    if query:
        event["queryStringParameters"] = query
    del event["body"]
    answer = models.handler(event, LambdaContext())
    body = json.loads(answer["body"])
    described = (operation or operations.GET_RUN).path
    responses = DOCUMENT["paths"][described]["get"]["responses"]
    if (status := str(answer["statusCode"])) in responses:
        _check(body, responses[status])
    return answer["statusCode"], answer["headers"], body


def _check(body: Any, response: Any) -> None:
    """The body is what the OpenAPI document says."""
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    (content,) = response["content"].values()
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)


def runs(model: str = "flowers", **query: str) -> tuple[int, Any]:
    status, _, body = ask(operations.LIST_RUNS, query=query, model=model)
    return status, body


def make_runs(world: World, count: int) -> list[str]:
    """Make runs without executions; give their ids, newest first."""
    names = [f"20260504t1000{number:02d}-00000{number % 10}" for number in range(count)]
    for name in names:
        world.ledger.create_run(Run(run_id=name, model="flowers", started_at="2026-05-04T10:00:00+00:00"))
    return names[::-1]


def test_a_model_without_history_has_no_versions_and_no_runs(world: World) -> None:
    del world
    assert ask(operations.LIST_VERSIONS, model="flowers")[2] == {"versions": []}
    assert runs() == (200, {"runs": [], "next": None})


def test_versions_are_listed_newest_first_with_state_metrics_and_run(world: World) -> None:
    for name in ("a.csv", "b.csv"):
        world.send(FLOWERS_CSV, f"incoming/flowers/{name}")
        world.run()
    versions = ask(operations.LIST_VERSIONS, model="flowers")[2]["versions"]
    assert [(version["version"], version["state"]) for version in versions] == [(2, "LIVE"), (1, "PREVIOUS")]
    assert versions[0]["run_id"] == world.latest().run_id
    assert versions[0]["metrics"] == {"f1_macro": 0.9}
    assert versions[0]["created_at"]


def test_versions_tell_no_internal_names(world: World) -> None:
    world.serve("flowers")
    (version,) = ask(operations.LIST_VERSIONS, model="flowers")[2]["versions"]
    assert not {"endpoint", "artifact", "package_arn"} & set(version)


def test_runs_are_listed_newest_first(world: World) -> None:
    expected = make_runs(world, 3)
    status, page = runs()
    assert status == 200
    assert [run["run_id"] for run in page["runs"]] == expected
    assert page["next"] is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_the_pages_together_are_the_list(world: World, limit: int) -> None:
    expected = make_runs(world, 7)
    seen: list[str] = []
    query = {"limit": str(limit)}
    for _ in range(8):
        _, page = runs(**query)
        assert 1 <= len(page["runs"]) <= limit
        seen += [run["run_id"] for run in page["runs"]]
        if page["next"] is None:
            break
        query["next"] = page["next"]
    assert seen == expected


def test_a_run_that_starts_meanwhile_moves_no_page(world: World) -> None:
    expected = make_runs(world, 4)
    _, first = runs(limit="2")
    world.ledger.create_run(
        Run(run_id="20270101t000000-000000", model="flowers", started_at="2027-01-01T00:00:00Z")
    )
    _, second = runs(limit="2", next=first["next"])
    assert [run["run_id"] for run in first["runs"] + second["runs"]] == expected


def test_a_run_tells_the_way_it_went_with_times(world: World) -> None:
    world.send(FLOWERS_CSV)
    run = world.run()
    status, _, body = ask(operations.GET_RUN, model="flowers", run=run.run_id)
    assert status == 200
    assert body["state"] == "PROMOTED"
    assert [step["state"] for step in body["states"]] == [
        "DEBOUNCING",
        "TRAINING",
        "JUDGING",
        "DEPLOYING",
        "PROMOTED",
    ]
    times = [step["at"] for step in body["states"]]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (body["started_at"], body["ended_at"])
    assert body["uploads"] == body["snapshot"] == [world.upload().upload_id]


def test_a_rejected_run_tells_why_and_has_no_version(world: World) -> None:
    world.score["flowers"] = 0.5
    world.send(FLOWERS_CSV)
    run = world.run()
    _, _, body = ask(operations.GET_RUN, model="flowers", run=run.run_id)
    assert (body["state"], body["version"]) == ("REJECTED", None)
    assert body["reason"].startswith("f1_macro 0.5000")


def test_what_the_ledger_gives_back_of_a_run_is_what_it_keeps(world: World) -> None:
    (name,) = make_runs(world, 1)
    run = world.ledger.run("flowers", name)
    moved = world.ledger.move_run(run, RunState.TRAINING)
    assert moved == world.ledger.run("flowers", name)
    assert list(moved.times) == ["DEBOUNCING", "TRAINING"]


@pytest.mark.parametrize("run", ["other", "ü", "x" * 101, "x" * 5000, "RUN#", "\x00", "../x"])
def test_an_unknown_run_is_not_found(world: World, run: str) -> None:
    make_runs(world, 1)
    status, _, problem = ask(operations.GET_RUN, model="flowers", run=run)
    assert (status, problem["type"]) == (404, problems.NOT_FOUND.uri)


@pytest.mark.parametrize(
    "operation", [operations.GET_MODEL, operations.LIST_VERSIONS, operations.LIST_RUNS, operations.GET_RUN]
)
def test_an_unknown_model_is_not_found(world: World, operation: operations.Operation) -> None:
    del world
    status, _, problem = ask(operation, model="trees", run="r")
    assert (status, problem["type"]) == (404, problems.NOT_FOUND.uri)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/v1/models"),
        ("PUT", "/v1/models/flowers"),
        ("DELETE", "/v1/models/flowers/runs/r"),
        ("PATCH", "/docs"),
        ("POST", "/docs"),
    ],
)
def test_another_method_on_a_known_path_is_not_allowed_and_told_which_is(
    world: World, method: str, path: str
) -> None:
    del world
    status, headers, problem = ask(None, path, method)
    assert (status, problem["type"]) == (405, problems.METHOD_NOT_ALLOWED.uri)
    assert headers["allow"] == "GET"
    assert problem["detail"] == f"got {method}; allowed: GET"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/model", "/v1/models/", "/favicon.ico", "/v3/models/ü"])
def test_an_unknown_path_is_not_found(world: World, path: str) -> None:
    del world
    status, headers, problem = ask(None, path)
    assert (status, problem["type"]) == (404, problems.NOT_FOUND.uri)
    assert headers["content-type"] == problems.MEDIA_TYPE
    assert problem["instance"].isascii()
