from __future__ import annotations

import json

from relearn import routes
from tests.infra.synthesis import Synthesised, text
from training import catalog

ROUTES = {operation.key: operation.function for operation in routes.OPERATIONS} | {
    routes.DEFAULT: routes.DEFAULT_FUNCTION
}


def test_these_are_the_routes_and_who_answers_them(dev: Synthesised) -> None:
    integrations = dev.resources("AWS::ApiGatewayV2::Integration")
    functions = dev.resources("AWS::Lambda::Function", "Serving")
    found = {}
    for route in dev.properties("AWS::ApiGatewayV2::Route"):
        integration = integrations[text(route["Target"]).split("<")[1].rstrip(">")]["Properties"]
        assert integration["PayloadFormatVersion"] == "2.0"
        function = functions[integration["IntegrationUri"]["Fn::GetAtt"][0]]
        found[route["RouteKey"]] = function["Properties"]["Handler"].split(".")[1]
    assert found == ROUTES


def test_callers_sign_their_requests(dev: Synthesised) -> None:
    kinds = [route["AuthorizationType"] for route in dev.properties("AWS::ApiGatewayV2::Route")]
    assert kinds == ["AWS_IAM"] * len(ROUTES)


def test_on_the_laptop_anyone_may_call(laptop: Synthesised) -> None:
    kinds = [route["AuthorizationType"] for route in laptop.properties("AWS::ApiGatewayV2::Route")]
    assert kinds == ["NONE"] * len(ROUTES)


def test_each_route_alone_may_invoke_its_function(dev: Synthesised) -> None:
    sources = [
        text(permission["SourceArn"])
        for permission in dev.properties("AWS::Lambda::Permission", "Serving")
        if permission["Principal"] == "apigateway.amazonaws.com"
    ]
    paths = {f"*{operation.path}" for operation in routes.OPERATIONS}
    assert sorted(source.partition("/*/")[2] for source in sources) == sorted([*paths, routes.DEFAULT])


def test_the_api_bounds_and_logs_what_comes_in(dev: Synthesised) -> None:
    (stage,) = dev.properties("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 100
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 200
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"requestId", "route", "status", "latencyMs"} <= set(logged)
    assert stage["AutoDeploy"] is True
    (log_group,) = dev.resources("AWS::Logs::LogGroup", "Serving").keys() - {
        f["LoggingConfig"]["LogGroup"]["Ref"] for f in dev.properties("AWS::Lambda::Function", "Serving")
    }
    assert text(stage["AccessLogSettings"]["DestinationArn"]).endswith(f":log-group:<{log_group}>")


def test_the_serving_stack_says_where_the_api_is(dev: Synthesised) -> None:
    assert "ApiUrl" in dev.templates["Serving"]["Outputs"]


def test_the_lifecycle_calls_our_own_function_without_one_between(dev: Synthesised) -> None:
    (resource,) = dev.properties("Custom::RelearnLifecycle")
    functions = dev.resources("AWS::Lambda::Function", "Serving")
    handler = functions[resource["ServiceToken"]["Fn::GetAtt"][0]]["Properties"]["Handler"]
    assert handler == "lambdas.lifecycle.handler"
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
