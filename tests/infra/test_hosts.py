"""Every model has a host: a function that can hold its versions, and may touch no other model's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relearn.spec.hosting import InLambda
from tests.infra.synthesis import Synthesised, listed, statements, text
from training import catalog

MODELS = sorted(catalog.load())
IN_LAMBDA = {
    name: spec.hosting for name, spec in catalog.load().items() if isinstance(spec.hosting, InLambda)
}


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


def test_there_is_one_for_every_model_whatever_its_spec_says(dev: Synthesised) -> None:
    found = [
        p for p in dev.properties("AWS::Lambda::Function") if p["Handler"] == "lambdas.handlers.host.handler"
    ]
    assert sorted(one["FunctionName"] for one in found) == [f"relearn-dev-host-{model}" for model in MODELS]
    assert {one["Environment"]["Variables"]["HOSTED_MODEL"] for one in found} == set(MODELS)
    assert set(IN_LAMBDA) < set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_a_host_has_the_memory_that_its_spec_asks_for(dev: Synthesised, model: str) -> None:
    asked = IN_LAMBDA.get(model, InLambda())
    assert dev.host(model)["MemorySize"] == asked.memory_mb


@pytest.mark.parametrize("model", MODELS)
def test_hosts_are_the_same_but_for_the_model_and_its_memory(dev: Synthesised, model: str) -> None:
    first = without_the_name(dev, MODELS[0]).replace(f'"MemorySize": {dev.host(MODELS[0])["MemorySize"]}', "")
    other = without_the_name(dev, model).replace(f'"MemorySize": {dev.host(model)["MemorySize"]}', "")
    assert first == other


def test_a_host_does_what_predict_does_for_its_own_model_alone(dev: Synthesised) -> None:
    host, predict = allowed(dev, dev.host("iris")), allowed(dev, dev.function("predict"))
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
def test_what_asks_versions_may_ask_hosts_and_no_other_function(dev: Synthesised, name: str) -> None:
    (found,) = allowed(dev, dev.function(name))["lambda:InvokeFunction"]
    assert found.endswith(":function:relearn-dev-host-*")
    functions = dev.properties("AWS::Lambda::Function")
    assert {f["Handler"] for f in functions if "-host-" in f["FunctionName"]} == {
        "lambdas.handlers.host.handler"
    }


def test_hosts_alone_carry_what_scores(dev: Synthesised) -> None:
    layers = {
        text(p["Layers"][0])
        for p in dev.properties("AWS::Lambda::Function")
        if p["Handler"] == "lambdas.handlers.host.handler"
    }
    (layer,) = layers
    others = [
        p for p in dev.properties("AWS::Lambda::Function") if p["Handler"] != "lambdas.handlers.host.handler"
    ]
    assert not any(layer in map(text, p.get("Layers", [])) for p in others)


def test_a_host_gives_up_before_the_api_does(dev: Synthesised) -> None:
    assert {dev.host(model)["Timeout"] for model in MODELS} == {dev.function("predict")["Timeout"]}
