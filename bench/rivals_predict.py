"""Rival of the predict function, as usually written: AWS Lambda Powertools' resolver, pydantic and boto3.

It does what Relearn's function does for iris: checks every field, caches the route for 5 s, invokes the
endpoint with one retry, checks the answer, answers errors as problems, writes one log line and metrics. It
has no idempotency keys, keeps no prediction records and knows one model, so it has less to do.
"""

from __future__ import annotations

import json
import os
import time
from http import HTTPStatus
from typing import Annotated, Any, Literal

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MODEL = "iris"
ROUTE_SECONDS = 5.0
Size = Annotated[FiniteFloat, Field(ge=0, le=20)]

app = APIGatewayHttpResolver(enable_validation=True)
logger = Logger(service="predict")
metrics = Metrics(namespace="Relearn", service="predict")
runtime = boto3.client(
    "sagemaker-runtime", config=Config(connect_timeout=1, read_timeout=25, retries={"total_max_attempts": 2})
)
dynamodb = boto3.client("dynamodb", config=Config(connect_timeout=1, read_timeout=3))
_route: dict[str, Any] = {"version": 0, "read_at": 0.0}


class Flower(BaseModel):
    """One row of a request."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sepal_length: Size
    sepal_width: Size
    petal_length: Size
    petal_width: Size


class Asked(BaseModel):
    """Request."""

    model_config = ConfigDict(extra="forbid")

    instances: Annotated[list[Flower], Field(min_length=1, max_length=1000)]


class Prediction(BaseModel):
    """Prediction for one row."""

    label: Literal["setosa", "versicolor", "virginica"]
    probabilities: dict[str, FiniteFloat]


class Answer(BaseModel):
    """Answer to a request."""

    model: str
    version: int
    predictions: list[Prediction]


@app.post("/v1/models/iris/predict")
def predict(asked: Asked) -> Answer:
    """Invoke the champion, and check its answer."""
    began = time.perf_counter()
    version = champion()
    answer = runtime.invoke_endpoint(
        EndpointName=f"relearn-{os.environ['STAGE']}-{MODEL}-v{version}",
        Body=asked.model_dump_json(),
        ContentType="application/json",
        Accept="application/json",
    )
    found = Answer.model_validate_json(answer["Body"].read())
    if len(found.predictions) != len(asked.instances) or found.version != version:
        raise ServiceError(HTTPStatus.BAD_GATEWAY, "the model's answer is not as agreed")
    metrics.add_dimension("model", MODEL)
    metrics.add_dimension("version", str(version))
    metrics.add_metric("Predictions", MetricUnit.Count, 1)
    metrics.add_metric("ModelLatency", MetricUnit.Milliseconds, (time.perf_counter() - began) * 1000)
    logger.info("predicted", extra={"rows": len(asked.instances), "version": version})
    return found


def champion() -> int:
    """Return the version of the champion, from a route cached for `ROUTE_SECONDS`."""
    now = time.monotonic()
    if not _route["version"] or now - _route["read_at"] >= ROUTE_SECONDS:
        item = dynamodb.get_item(
            TableName=os.environ["LEDGER_TABLE"],
            Key={"pk": {"S": f"MODEL#{MODEL}"}, "sk": {"S": "ROUTE"}},
            ConsistentRead=True,
        )["Item"]
        _route.update(version=int(item["champion"]["N"]), read_at=now)
    return int(_route["version"])


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def invalid(error: RequestValidationError) -> Response[str]:
    """Answer a request that breaks the schema, with its errors as a problem."""
    errors = [{"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]} for e in error.errors()]
    problem = {"type": "urn:relearn:problem:invalid-instances", "status": 422, "errors": errors}
    return Response(422, "application/problem+json", json.dumps(problem))


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle an event of the HTTP API."""
    return app.resolve(event, context)
