"""The OpenAPI document: valid, whole, the file in docs/, and true about what the functions check."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from infra.api import site
from lambdas.batches.requests import Batches
from lambdas.http.problems import PROBLEMS
from lambdas.http.site_files import Site
from lambdas.rollout.operations import RouteOperations
from lambdas.serving.feedback import Feedback
from lambdas.serving.model_views import Models
from lambdas.uploads.requests import Uploads
from relearn.api import json_schema, openapi, operations, problems
from relearn.api.openapi import failures
from relearn.api.problems import Kind
from relearn.spec.model import Category, Metric, ModelSpec, Number, Text, Threshold
from training import catalog

ROOT = Path(__file__).parents[3]
SPECS = catalog.load()
SAMPLES = {name: catalog.sample(name) for name in SPECS}
DOCUMENT = openapi.document(SPECS, SAMPLES, auth="iam")
OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
DESCRIBED = [operation for operation in operations.OPERATIONS if operation.described]
OTHER = ModelSpec(
    name="late-parcels",
    title="Late parcels",
    columns=(Number("weight"), Text("note", optional=True)),
    target=Category("late", values=("yes", "no")),
    metric=Metric("f1_macro", minimum=0.5),
)


def resolved(part: Any) -> Any:
    """A copy with every reference replaced by what it refers to."""
    if isinstance(part, list):
        return [resolved(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        _, kind, name = part["$ref"].removeprefix("#/").split("/")
        return resolved(DOCUMENT["components"][kind][name])
    return {name: resolved(value) for name, value in part.items()}


TOKENS = openapi.Tokens("https://login.example.com/", "relearn/")


@pytest.mark.parametrize("auth", ["iam", TOKENS], ids=["iam", "jwt"])
def test_the_document_is_valid_openapi_3_1(auth: openapi.Auth) -> None:
    document = openapi.document({**SPECS, OTHER.name: OTHER}, {**SAMPLES, OTHER.name: []}, auth=auth)
    assert document["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_a_prediction_of_a_model_with_a_threshold_names_it() -> None:
    spec = replace(OTHER, threshold=Threshold("mcc"))
    schemas = openapi.document({spec.name: spec}, {spec.name: []}, auth="iam")["components"]["schemas"]
    told = schemas["LateParcelsPrediction"]
    assert told["properties"]["threshold"]["required"] == ["label", "probability"]
    assert "threshold" not in told["required"]


def test_the_file_in_docs_is_what_the_specs_say() -> None:
    written = (ROOT / "docs" / "openapi.json").read_text("utf-8")
    assert written == site.document(SPECS, "iam"), "docs/openapi.json is stale: run `make openapi`"


def test_the_document_describes_every_operation_of_the_table_and_no_other() -> None:
    expected = {
        (path, operation.method.lower())
        for operation in DESCRIBED
        for path in openapi.expand(operation, list(SPECS))
    }
    assert {(path, method) for path, method, _ in OPERATIONS} == expected


def test_every_operation_has_a_name_of_its_own_that_a_client_can_use() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9]+", name) for name in ids)
    assert {"predictIris", "predictDiabetes"} <= set(ids)


@pytest.mark.parametrize("model", SPECS)
def test_the_samples_and_example_answers_fit_their_schemas(model: str) -> None:
    operation = DOCUMENT["paths"][f"/v1/models/{model}/predict"]["post"]
    contents = [operation["requestBody"]["content"], operation["responses"]["200"]["content"]]
    for content in contents:
        body = resolved(content)["application/json"]
        values = [example["value"] for example in body["examples"].values()]
        assert values
        for value in values:
            jsonschema.Draft202012Validator(body["schema"]).validate(value)


@pytest.mark.parametrize("model", SPECS)
def test_a_predict_request_is_described_as_the_function_checks_it(model: str) -> None:
    operation = DOCUMENT["paths"][f"/v1/models/{model}/predict"]["post"]
    described = resolved(operation["requestBody"]["content"]["application/json"]["schema"])
    assert described == json_schema.request_schema(SPECS[model])


@pytest.mark.parametrize("operation", DESCRIBED, ids=lambda operation: operation.id)
def test_every_problem_of_an_operation_is_documented_with_its_status_and_type(
    operation: operations.Operation,
) -> None:
    for path in openapi.expand(operation, list(SPECS)):
        responses = resolved(DOCUMENT["paths"][path][operation.method.lower()]["responses"])
        for kind in (*operation.fails, problems.INTERNAL_ERROR):
            described = responses[str(int(kind.status))]["content"][problems.MEDIA_TYPE]["schema"]
            types = {one["properties"]["type"]["const"] for one in described.get("oneOf", [described])}
            assert kind.uri in types


@pytest.mark.parametrize("kind", problems.ALL, ids=lambda kind: kind.slug)
def test_every_problem_has_a_response_of_its_own(kind: Kind) -> None:
    response = resolved(DOCUMENT["components"]["responses"])[failures.problem_name(kind)]
    properties = response["content"][problems.MEDIA_TYPE]["schema"]["properties"]
    assert properties["type"]["const"] == kind.uri
    assert properties["status"]["const"] == kind.status
    assert properties["title"]["const"] == kind.title


def test_the_functions_tell_only_documented_problems() -> None:
    assert set(PROBLEMS.values()) <= set(problems.ALL)
    assert len({kind.slug for kind in problems.ALL}) == len(problems.ALL)


def test_every_operation_asks_for_a_signature() -> None:
    scheme = DOCUMENT["components"]["securitySchemes"]["sigv4"]
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
    for _, _, operation in OPERATIONS:
        assert operation["security"] == [{"sigv4": []}]
        assert "403" in operation["responses"]
        assert "401" not in operation["responses"]


def test_where_tokens_are_taken_every_operation_names_its_scope() -> None:
    document = openapi.document(SPECS, SAMPLES, auth=TOKENS)
    assert list(document["components"]["securitySchemes"]) == ["token"]
    for operation in DESCRIBED:
        for path in openapi.expand(operation, list(SPECS)):
            described = document["paths"][path][operation.method.lower()]
            assert described["security"] == [{"token": [f"relearn/{operation.scope}"]}]
            assert {"401", "403"} <= set(described["responses"])


@pytest.mark.parametrize("auth", ["iam", TOKENS], ids=["iam", "jwt"])
def test_refusals_are_the_gateways_own(auth: openapi.Auth) -> None:
    document = openapi.document(SPECS, SAMPLES, auth=auth)
    for name in ("Unauthorized", "Forbidden") if auth == TOKENS else ("Forbidden",):
        content = document["components"]["responses"][name]["content"]
        assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/GatewayMessage"}}}


SERVICES: dict[str, type] = {
    "batches": Batches,
    "docs": Site,
    "feedback": Feedback,
    "models": Models,
    "operate": RouteOperations,
    "uploads": Uploads,
}


def test_every_operation_but_predictions_is_carried_out_by_a_method() -> None:
    found = {
        operation.function for operation in operations.OPERATIONS if operation not in operations.PREDICTING
    }
    assert found == set(SERVICES)


@pytest.mark.parametrize("function", SERVICES)
def test_a_function_carries_out_exactly_its_operations_of_the_table(function: str) -> None:
    wanted = {one.carried_out_by for one in operations.OPERATIONS if one.function == function}
    public = vars(SERVICES[function]).items()
    assert {name for name, one in public if inspect.isfunction(one) and not name.startswith("_")} == wanted
