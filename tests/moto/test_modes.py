"""A model moves from one hosting mode to another: with the next promotion, and without a request that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.handlers import deploy, host, predict, smoke, trial
from lambdas.runtime.catalog import Catalog
from relearn.lifecycle.runs import RunState, VersionState
from relearn.naming import resources
from relearn.spec.hosting import InLambda, Serverless
from relearn.traffic import route, shadow_requests
from relearn.traffic.route import Route
from relearn.traffic.shadow_requests import Trial
from tests.moto import test_host
from tests.moto.test_predict import EVENT
from tests.support.hosted import MODEL, artifact, function_name, serve, spec_says, store
from tests.support.models import PRICES_CSV
from tests.support.wire import LocalAWS
from tests.support.world import MOVED, STAGE, TABLE, LambdaContext, World

FACTORS = {1: 2.0, 2: 3.0, 3: 4.0}
AREA = {"instances": [{"area": 50.0}]}


@pytest.fixture
def stage(world: World, local_aws: LocalAWS, monkeypatch: pytest.MonkeyPatch) -> World:
    """A stage with the host of the prices model; a container answers what its version's graph would."""
    monkeypatch.setenv("HOSTED_MODEL", MODEL)
    local_aws.hosts[function_name()] = lambda event: host.handler(event, LambdaContext())

    def container(endpoint: str, body: Any) -> tuple[int, Any]:
        version = int(endpoint.rsplit("-v", 1)[1])
        values = [{"value": FACTORS[version] * row["area"]} for row in body["instances"]]
        return 200, {"version": version, "predictions": values}

    world.sagemaker.brain = container
    return world


def by_predict() -> tuple[int, Any]:
    """Ask the function of all models, whose routes leave the model open."""
    answer = predict.handler(
        {**EVENT, "pathParameters": {"model": MODEL}, "body": json.dumps(AREA)}, LambdaContext()
    )
    return answer["statusCode"], json.loads(answer["body"])


def by_host() -> tuple[int, Any]:
    return test_host.call(AREA)


WAYS = pytest.mark.parametrize("ask", [by_predict, by_host], ids=["by predict", "by its host"])
Ask = Callable[[], tuple[int, Any]]


def retrain(world: World, number: int) -> None:
    """Upload, and let the run that this starts make a version."""
    world.artifacts[MODEL] = artifact(FACTORS[number])
    world.send(PRICES_CSV + f"{number},{number}\n".encode(), f"incoming/{MODEL}/{number}.csv")
    run = world.run(MODEL)
    assert (run.state, run.version) == (RunState.PROMOTED, number)
    forget_routes()


def forget_routes() -> None:
    """Let more time pass than a route is remembered for."""
    for predictor in (predict.predictor(), host.model_host().predictor):
        predictor._routes._routes.clear()


def answered(ask: Ask) -> tuple[int, float]:
    """Version and value of an answer; anything else is a failure."""
    status, answer = ask()
    assert status == 200, answer
    return answer["version"], answer["predictions"][0]["value"]


@WAYS
@pytest.mark.parametrize(
    "modes",
    [(Serverless(), InLambda(), Serverless()), (InLambda(), Serverless(), InLambda())],
    ids=["to Lambda and back", "from Lambda and back"],
)
def test_every_promotion_moves_to_the_mode_that_the_spec_says_then(
    stage: World, models_catalog: Catalog, modes: tuple[Any, ...], ask: Ask
) -> None:
    for number, mode in enumerate(modes, 1):
        spec_says(models_catalog, mode)
        if number > 1:  # the spec has changed, and nothing is promoted yet
            assert answered(ask) == (number - 1, 50 * FACTORS[number - 1])
        retrain(stage, number)
        assert answered(ask) == (number, 50 * FACTORS[number])
        at_endpoint = resources.endpoint(STAGE, MODEL, number) in stage.sagemaker.endpoints
        assert at_endpoint == isinstance(mode, Serverless)


@WAYS
def test_a_rollback_goes_back_to_the_mode_of_the_version_that_was(
    stage: World, models_catalog: Catalog, ask: Ask
) -> None:
    spec_says(models_catalog, InLambda())
    retrain(stage, 1)
    spec_says(models_catalog, Serverless())
    retrain(stage, 2)
    old = stage.ledger.route(MODEL)
    steps = {2: (VersionState.LIVE, VersionState.PREVIOUS), 1: (VersionState.PREVIOUS, VersionState.LIVE)}
    new = Route(champion=1, previous=2, revision=old.revision + 1)
    stage.ledger.write_route(MODEL, old, new, steps, MOVED)
    forget_routes()
    assert answered(ask) == (1, 50 * FACTORS[1])


@WAYS
def test_a_version_that_was_registered_before_modes_were_written_down_has_an_endpoint(
    stage: World, models_catalog: Catalog, ask: Ask
) -> None:
    stage.serve(MODEL)
    spec_says(models_catalog, InLambda())
    assert answered(ask) == (1, 50 * FACTORS[1])


@WAYS
def test_a_champion_at_an_endpoint_and_a_candidate_in_lambda_share_the_callers(
    stage: World, ask: Ask
) -> None:
    store(stage, 1, artifact(FACTORS[1]), where=Serverless())
    store(stage, 2, artifact(FACTORS[2]))
    serve(stage, 1)
    stage.sagemaker.endpoints[resources.endpoint(STAGE, MODEL, 1)] = {
        "EndpointStatus": "InService",
        "looks": 0,
    }
    old = stage.ledger.route(MODEL)
    stage.ledger.write_route(MODEL, old, route.watch(old, 2, 1, weight=99, shadow=False), {}, MOVED)
    assert answered(ask) == (2, 50 * FACTORS[2])


def test_a_host_that_is_not_there_or_fails_is_the_models_failure(stage: World) -> None:
    store(stage, 1, artifact(2.0))
    serve(stage, 1)
    stage.aws.hosts[function_name()] = lambda event: event["none"]
    assert (
        by_predict()[1]["detail"]
        == "the model's host failed; its log says why; the request was for instance 0"
    )
    del stage.aws.hosts[function_name()]
    assert by_predict()[1]["detail"] == "the model cannot be asked; the request was for instance 0"


def test_a_shadowed_candidate_in_lambda_is_asked_there(stage: World) -> None:
    store(stage, 1, artifact(FACTORS[1]))
    store(stage, 2, artifact(FACTORS[1]))
    given = Trial(
        model=MODEL,
        revision=3,
        candidate=2,
        champion=1,
        instances=AREA["instances"],
        predictions=[{"value": 100.0}],
        milliseconds=2.0,
    )
    message = {"messageId": "1", "body": shadow_requests.write(given)}
    assert trial.handler({"Records": [message]}, LambdaContext()) == {"batchItemFailures": []}
    found = LiveCounts(stage.dynamodb, TABLE, stage.clock).total(MODEL, 3, 2)
    assert (found.requests, found.errors) == (1, 0)


def test_what_batches_are_scored_with_comes_and_goes_with_the_version(
    stage: World, models_catalog: Catalog
) -> None:
    spec_says(models_catalog, InLambda())
    for number in FACTORS:
        retrain(stage, number)
    assert set(stage.sagemaker.models) == {resources.endpoint(STAGE, MODEL, number) for number in (2, 3)}
    retired = stage.ledger.version(MODEL, 1)
    assert retired is not None
    assert (retired.state, retired.endpoint) == (VersionState.RETIRED, "")


def test_a_retired_version_is_asked_again_as_soon_as_it_is_deployed(
    stage: World, models_catalog: Catalog
) -> None:
    spec_says(models_catalog, InLambda())
    for number in FACTORS:
        retrain(stage, number)
    context = {"model": MODEL, "registration": {"version": 1}}
    context["endpoint"] = deploy.handler(context, LambdaContext())
    assert context["endpoint"] == {"name": function_name(), "status": "InService"}
    assert smoke.handler(context, LambdaContext()) == {"predictions": 1}
