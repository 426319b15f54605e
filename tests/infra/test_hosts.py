"""A model that is or was in Lambda has a host: a function that holds its versions, and may touch no other model's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relearn.spec.hosting import InLambda
from tests.infra.synthesis import Synthesised, listed, statements, text
from training import catalog

IN_LAMBDA = {
    name: spec.hosting for name, spec in catalog.load().items() if isinstance(spec.hosting, InLambda)
}
KEPT = ("churn", "iris")
"""Models of the stage with everything that left Lambda."""
MODELS = sorted([*IN_LAMBDA, *KEPT])


@pytest.fixture
def stage(everything: Synthesised) -> Synthesised:
    return everything


def allowed(stage: Synthesised, function: dict[str, Any]) -> dict[str, set[str]]:
    """Action to the resources that a function's role may use it on."""
    role = function["Role"]["Fn::GetAtt"][0]
    found: dict[str, set[str]] = {}
    for owner, statement in statements(stage):
        if owner == role:
            for action in listed(statement["Action"]):
                found.setdefault(action, set()).update(text(one) for one in listed(statement["Resource"]))
    return found


def without_the_name(stage: Synthesised, model: str) -> str:
    """What a host is and may, with its model's name and its own log left out."""
    function = stage.host(model)
    given = json.dumps([function, sorted((a, sorted(r)) for a, r in allowed(stage, function).items())])
    for own in (function["LoggingConfig"]["LogGroup"]["Ref"], function["Role"]["Fn::GetAtt"][0]):
        given = given.replace(own, "own")
    return given.replace(model, "model")


@pytest.mark.parametrize(("name", "models"), [("dev", sorted(IN_LAMBDA)), ("everything", MODELS)])
def test_there_is_one_for_every_model_that_is_in_lambda_or_keeps_it(
    request: pytest.FixtureRequest, name: str, models: list[str]
) -> None:
    stage: Synthesised = request.getfixturevalue(name)
    found = [
        p
        for p in stage.properties("AWS::Lambda::Function")
        if p["Handler"] == "lambdas.handlers.host.handler"
    ]
    assert sorted(one["FunctionName"] for one in found) == [f"relearn-dev-host-{model}" for model in models]
    assert {one["Environment"]["Variables"]["HOSTED_MODEL"] for one in found} == set(models)


@pytest.mark.parametrize(("name", "models"), [("dev", sorted(IN_LAMBDA)), ("everything", MODELS)])
def test_the_lifecycle_is_told_which_there_are_when_they_change(
    request: pytest.FixtureRequest, name: str, models: list[str]
) -> None:
    stage: Synthesised = request.getfixturevalue(name)
    (lifecycle,) = stage.properties("Custom::RelearnLifecycle")
    assert lifecycle["Hosts"] == models


def test_the_api_asks_the_host_of_no_model_that_left_lambda(everything: Synthesised) -> None:
    routes = " ".join(one["RouteKey"] for one in everything.properties("AWS::ApiGatewayV2::Route"))
    assert all(f"/models/{model}/" in routes for model in IN_LAMBDA)
    assert not any(f"/models/{model}/" in routes for model in KEPT)


@pytest.mark.parametrize("model", MODELS)
def test_a_host_has_the_memory_that_its_spec_asks_for(stage: Synthesised, model: str) -> None:
    asked = IN_LAMBDA.get(model, InLambda())
    assert stage.host(model)["MemorySize"] == asked.memory_mb


@pytest.mark.parametrize("model", MODELS)
def test_hosts_are_the_same_but_for_the_model_and_its_memory(stage: Synthesised, model: str) -> None:
    first = without_the_name(stage, MODELS[0]).replace(
        f'"MemorySize": {stage.host(MODELS[0])["MemorySize"]}', ""
    )
    other = without_the_name(stage, model).replace(f'"MemorySize": {stage.host(model)["MemorySize"]}', "")
    assert first == other


def test_a_host_does_what_predict_does_for_its_own_model_alone(stage: Synthesised) -> None:
    host, predict = allowed(stage, stage.host("iris")), allowed(stage, stage.function("predict"))
    ours = {"lambda:InvokeFunction", "sagemaker:InvokeEndpoint", "s3:GetObject"}
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert {a: r for a, r in host.items() if a not in ours | logs} == {
        a: r for a, r in predict.items() if a not in ours | logs
    }
    (endpoints,) = host["sagemaker:InvokeEndpoint"]
    assert endpoints.endswith(":endpoint/relearn-dev-iris-v*")
    (artifacts,) = host["s3:GetObject"]
    assert artifacts.endswith("/models/iris/*")
    assert "lambda:InvokeFunction" not in host


@pytest.mark.parametrize("name", ["predict", "smoke", "watch", "trial"])
def test_what_asks_versions_may_ask_hosts_and_no_other_function(stage: Synthesised, name: str) -> None:
    (found,) = allowed(stage, stage.function(name))["lambda:InvokeFunction"]
    assert found.endswith(":function:relearn-dev-host-*")
    functions = stage.properties("AWS::Lambda::Function")
    assert {f["Handler"] for f in functions if "-host-" in f["FunctionName"]} == {
        "lambdas.handlers.host.handler"
    }


def test_hosts_alone_carry_what_scores(stage: Synthesised) -> None:
    layers = {
        text(p["Layers"][0])
        for p in stage.properties("AWS::Lambda::Function")
        if p["Handler"] == "lambdas.handlers.host.handler"
    }
    (layer,) = layers
    others = [
        p
        for p in stage.properties("AWS::Lambda::Function")
        if p["Handler"] != "lambdas.handlers.host.handler"
    ]
    assert not any(layer in map(text, p.get("Layers", [])) for p in others)


def test_a_host_gives_up_before_the_api_does(stage: Synthesised) -> None:
    assert {stage.host(model)["Timeout"] for model in MODELS} == {stage.function("predict")["Timeout"]}
