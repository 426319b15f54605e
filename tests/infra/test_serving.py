from __future__ import annotations

import json
from typing import Any

import pytest

from infra.base.settings import DEFAULT_THROTTLES
from relearn.api import operations
from relearn.spec.hosting import InLambda
from tests.infra.synthesis import Synthesised, text
from training import catalog

HOSTED = [name for name, spec in catalog.load().items() if isinstance(spec.hosting, InLambda)]
ALL = [*operations.OPERATIONS, *(one.of(model) for one in operations.PREDICTING for model in HOSTED)]
ROUTES = {operation.key: operation.function for operation in operations.OPERATIONS} | {
    operations.DEFAULT: operations.DEFAULT_FUNCTION,
    **{f"POST /v1/models/{model}/predict": "host" for model in HOSTED},
    **{f"POST /v2/models/{model}/infer": "host" for model in HOSTED},
}


def test_these_are_the_routes_and_who_answers_them(dev: Synthesised) -> None:
    integrations = dev.resources("AWS::ApiGatewayV2::Integration")
    functions = dev.resources("AWS::Lambda::Function", "Serving")
    found = {}
    for route in dev.properties("AWS::ApiGatewayV2::Route"):
        integration = integrations[text(route["Target"]).split("<")[1].rstrip(">")]["Properties"]
        assert integration["PayloadFormatVersion"] == "2.0"
        function = functions[integration["IntegrationUri"]["Fn::GetAtt"][0]]
        found[route["RouteKey"]] = function["Properties"]["Handler"].split(".")[2]
    assert found == ROUTES


@pytest.mark.parametrize("name", ["dev", "laptop"])
def test_callers_sign_their_requests(request: pytest.FixtureRequest, name: str) -> None:
    synthesised: Synthesised = request.getfixturevalue(name)
    found = synthesised.properties("AWS::ApiGatewayV2::Route")
    assert [route["AuthorizationType"] for route in found] == ["AWS_IAM"] * len(ROUTES)
    assert not any("AuthorizationScopes" in route for route in found)


def test_where_tokens_are_taken_every_route_names_its_scope(tokens: Synthesised) -> None:
    (authorizer,) = tokens.resources("AWS::ApiGatewayV2::Authorizer")
    scopes = {operation.key: operation.scope for operation in ALL}
    scopes[operations.DEFAULT] = operations.DEFAULT_SCOPE
    found = tokens.properties("AWS::ApiGatewayV2::Route")
    for route in (one for one in found if one["RouteKey"] != operations.PREFLIGHT):
        assert route["AuthorizationType"] == "JWT"
        assert route["AuthorizerId"] == {"Ref": authorizer}
        assert route["AuthorizationScopes"] == [f"relearn/{scopes[route['RouteKey']]}"]


def test_tokens_are_of_the_stages_issuer_for_its_audiences(tokens: Synthesised) -> None:
    (authorizer,) = tokens.properties("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["JwtConfiguration"] == {
        "Issuer": "https://login.example.com/",
        "Audience": ["relearn", "dashboard"],
    }
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]


def test_only_pages_of_the_stages_origins_may_call(dev: Synthesised, tokens: Synthesised) -> None:
    (without,) = dev.properties("AWS::ApiGatewayV2::Api")
    assert "CorsConfiguration" not in without
    (api,) = tokens.properties("AWS::ApiGatewayV2::Api")
    cors = api["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://app.example.com"]
    assert set(cors["AllowMethods"]) == {operation.method for operation in operations.OPERATIONS}
    assert {"authorization", "content-type", "idempotency-key", "x-amz-date", "x-relearn-key"} <= set(
        cors["AllowHeaders"]
    )
    assert {"x-request-id", "retry-after", "location"} <= set(cors["ExposeHeaders"])
    assert "AllowCredentials" not in cors


def test_a_preflight_matches_a_route_without_authorisation(dev: Synthesised, tokens: Synthesised) -> None:
    # "CORS for HTTP APIs" in the API Gateway Developer Guide: the $default route catches OPTIONS too, and its
    # authorizer refuses a preflight, which has no credentials; OPTIONS /{proxy+} goes before it.
    def preflights(found: Synthesised) -> list[dict[str, Any]]:
        routes = found.properties("AWS::ApiGatewayV2::Route")
        return [route for route in routes if route["RouteKey"].startswith("OPTIONS")]

    assert preflights(dev) == []
    (route,) = preflights(tokens)
    assert route["RouteKey"] == "OPTIONS /{proxy+}"
    assert route["AuthorizationType"] == "NONE"
    sources = [
        text(permission["SourceArn"])
        for permission in tokens.properties("AWS::Lambda::Permission", "Serving")
        if permission["Principal"] == "apigateway.amazonaws.com"
    ]
    assert [source for source in sources if source.endswith("/*/*/{proxy+}")] != []


def test_each_route_alone_may_invoke_its_function(dev: Synthesised) -> None:
    sources = [
        text(permission["SourceArn"])
        for permission in dev.properties("AWS::Lambda::Permission", "Serving")
        if permission["Principal"] == "apigateway.amazonaws.com"
    ]
    paths = {f"*{operation.path}" for operation in ALL}
    assert sorted(source.partition("/*/")[2] for source in sources) == sorted([*paths, operations.DEFAULT])


def test_the_api_bounds_and_logs_what_comes_in(dev: Synthesised) -> None:
    (stage,) = dev.properties("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 100
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 200
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"requestId", "route", "status", "latencyMs"} <= set(logged)
    assert logged["caller"] == "$context.identity.caller"
    assert stage["AutoDeploy"] is True
    (log_group,) = dev.resources("AWS::Logs::LogGroup", "Serving").keys() - {
        f["LoggingConfig"]["LogGroup"]["Ref"] for f in dev.properties("AWS::Lambda::Function", "Serving")
    }
    assert text(stage["AccessLogSettings"]["DestinationArn"]).endswith(f":log-group:<{log_group}>")


def test_the_access_log_names_the_tokens_subject(tokens: Synthesised) -> None:
    (stage,) = tokens.properties("AWS::ApiGatewayV2::Stage")
    assert json.loads(stage["AccessLogSettings"]["Format"])["caller"] == "$context.authorizer.claims.sub"


def test_what_costs_money_has_a_throttle_of_its_own(dev: Synthesised, tokens: Synthesised) -> None:
    (stage,) = dev.properties("AWS::ApiGatewayV2::Stage")
    keys = {operation.key for operation in operations.OPERATIONS if operation.id in DEFAULT_THROTTLES}
    assert set(stage["RouteSettings"]) == keys
    (chosen,) = tokens.properties("AWS::ApiGatewayV2::Stage")
    settings = chosen["RouteSettings"]
    predicting = {operations.PREDICT.key, *(operations.PREDICT.of(model).key for model in HOSTED)}
    assert set(settings) == keys | predicting
    for key in predicting:
        assert settings[key]["ThrottlingRateLimit"] == 50
        assert settings[key]["ThrottlingBurstLimit"] == 100


def test_the_stage_comes_after_the_routes_it_has_settings_for(dev: Synthesised) -> None:
    (stage,) = dev.resources("AWS::ApiGatewayV2::Stage").values()
    assert set(dev.resources("AWS::ApiGatewayV2::Route")) <= set(stage["DependsOn"])


def test_concurrency_is_reserved_only_where_a_stage_asks_for_it(
    dev: Synthesised, tokens: Synthesised
) -> None:
    functions = dev.properties("AWS::Lambda::Function")
    assert not any("ReservedConcurrentExecutions" in function for function in functions)
    assert tokens.function("predict")["ReservedConcurrentExecutions"] == 20


def test_the_serving_stack_says_how_callers_prove_who_they_are(dev: Synthesised, tokens: Synthesised) -> None:
    assert dev.templates["Serving"]["Outputs"]["ApiAuth"]["Value"] == "iam"
    outputs = tokens.templates["Serving"]["Outputs"]
    assert (outputs["ApiAuth"]["Value"], outputs["ApiScopePrefix"]["Value"]) == ("jwt", "relearn/")


def test_the_serving_stack_says_where_the_api_is(dev: Synthesised) -> None:
    assert "ApiUrl" in dev.templates["Serving"]["Outputs"]


def test_the_lifecycle_calls_our_own_function_without_one_between(dev: Synthesised) -> None:
    (resource,) = dev.properties("Custom::RelearnLifecycle")
    functions = dev.resources("AWS::Lambda::Function", "Serving")
    handler = functions[resource["ServiceToken"]["Fn::GetAtt"][0]]["Properties"]["Handler"]
    assert handler == "lambdas.handlers.lifecycle.handler"
    assert resource["Models"] == sorted(catalog.load())


def test_the_lifecycle_has_longer_than_its_function(dev: Synthesised) -> None:
    (resource,) = dev.properties("Custom::RelearnLifecycle")
    assert int(resource["ServiceTimeout"]) > dev.function("lifecycle")["Timeout"]


def test_the_lifecycle_comes_last_and_so_goes_first(dev: Synthesised) -> None:
    (resource,) = dev.resources("Custom::RelearnLifecycle").values()
    serving = dev.templates["Serving"]["Resources"]
    before = {
        logical_id
        for logical_id, other in serving.items()
        if other["Type"] in {"AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage", "AWS::Lambda::Function"}
        and not logical_id.startswith("Lifecycle")
    }
    assert before <= set(resource["DependsOn"])


def test_the_stacks_go_up_in_an_order_that_lets_the_first_seed_be_trained(dev: Synthesised) -> None:
    manifest = json.loads((dev.folder / "manifest.json").read_text())["artifacts"]
    order = {part: manifest[part]["dependencies"] for part in dev.templates}
    assert "Data" in order["Training"]
    assert {"Data", "Training"} <= set(order["Serving"])
    assert {"Training", "Serving"} <= set(order["Monitoring"])
