"""Table of all operations of the HTTP API.

The CDK app creates the API's routes from it, `lambdas.http.responses.answer` finds the method that carries out
a request by it, and the OpenAPI document is written from it, so the three cannot differ. An API route is not a model's route, which a promotion changes
(`relearn.traffic.route`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from relearn.api import problems
from relearn.api.problems import Kind

VERSION = "1.0.0"
"""Version of the API: the first number is that of the paths, the second grows with each addition."""
PREFLIGHT = "OPTIONS /{proxy+}"
"""Key of the route that pages' preflights match, where the stage names origins."""
DEFAULT = "$default"
"""Route key of API Gateway for requests that match no operation."""
DEFAULT_FUNCTION = "models"
"""Function that answers them, with 404 or 405."""

Scope = Literal["predict", "upload", "operate"]
"""Permission of a caller: ``predict`` allows predictions, feedback and reading models; ``upload`` allows
uploads and batches; ``operate`` allows runs, routes and approvals.

With tokens, a token carries its scopes; IAM policies name paths instead.
"""
DEFAULT_SCOPE: Scope = "predict"
"""Scope that a request needs which matches no operation."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path.

    Parameters
    ----------
    id
        Operation id in OpenAPI, and so the name of the method in a generated client.
    method
        HTTP method, upper case.
    path
        Path template; ``{name}`` stands for one segment.
    function
        Name of the function whose handler answers.
    fails
        Problems that it may answer with, besides an internal error.
    scope
        Scope that a token needs.
    described
        Whether the OpenAPI document has it; pages for people are left out.
    query
        Names of the allowed query parameters.
    """

    id: str
    method: str
    path: str
    function: str
    fails: tuple[Kind, ...] = ()
    scope: Scope = field(kw_only=True)
    described: bool = True
    query: tuple[str, ...] = ()

    @property
    def strict(self) -> bool:
        """Whether unknown query parameters are refused.

        The Open Inference Protocol allows clients to send what a server does not know, and links to pages may
        carry anything.
        """
        return self.described and not self.path.startswith("/v2")

    @property
    def carried_out_by(self) -> str:
        """Name of the method that carries it out, of the service of its function, e.g. ``"list_models"``."""
        return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", self.id)

    @property
    def key(self) -> str:
        """Route key of API Gateway."""
        return f"{self.method} {self.path}"

    def of(self, model: str) -> Operation:
        """Return the operation for one model; API Gateway prefers a route with fewer variables."""
        return replace(self, path=self.path.replace("{model}", model))


_BODY_FAILS = (
    problems.MALFORMED_BODY,
    problems.NOT_FOUND,
    problems.TOO_LARGE,
    problems.UNSUPPORTED_MEDIA_TYPE,
)
_PREDICT_FAILS = (
    *_BODY_FAILS,
    problems.INVALID_IDEMPOTENCY_KEY,
    problems.INVALID_CALLER_KEY,
    problems.IDEMPOTENCY_KEY_REUSED,
    problems.IDEMPOTENCY_KEY_IN_USE,
    problems.ANSWER_TOO_LARGE,
    problems.INVALID_INSTANCES,
    problems.MODEL_FAILED,
    problems.NOT_SERVING,
    problems.TIMEOUT,
)
_FEEDBACK_FAILS = (*_BODY_FAILS, problems.INVALID_FEEDBACK, problems.FEEDBACK_BUSY)
_CREATE_UPLOAD_FAILS = (*_BODY_FAILS, problems.CONFLICT, problems.INVALID_UPLOAD, problems.NO_LINKS)
_CREATE_BATCH_FAILS = (
    *_BODY_FAILS,
    problems.CONFLICT,
    problems.INVALID_BATCH,
    problems.NOT_SERVING,
    problems.NO_LINKS,
)
_CHANGE_FAILS = (*_BODY_FAILS, problems.CONFLICT, problems.ROUTE_CHANGED, problems.INVALID_CHANGE)
_DECIDE_FAILS = (*_BODY_FAILS, problems.CONFLICT, problems.NOT_WAITING, problems.INVALID_DECISION)

PREDICT = Operation(
    "predict", "POST", "/v1/models/{model}/predict", "predict", _PREDICT_FAILS, scope="predict"
)
GIVE_FEEDBACK = Operation(
    "giveFeedback", "POST", "/v1/models/{model}/feedback", "feedback", _FEEDBACK_FAILS, scope="predict"
)
LIST_MODELS = Operation("listModels", "GET", "/v1/models", "models", scope="predict")
GET_MODEL = Operation(
    "getModel", "GET", "/v1/models/{model}", "models", (problems.NOT_FOUND,), scope="predict"
)
LIST_VERSIONS = Operation(
    "listVersions", "GET", "/v1/models/{model}/versions", "models", (problems.NOT_FOUND,), scope="predict"
)
GET_ROUTE = Operation(
    "getRoute", "GET", "/v1/models/{model}/route", "operate", (problems.NOT_FOUND,), scope="operate"
)
CHANGE_ROUTE = Operation(
    "changeRoute", "POST", "/v1/models/{model}/route", "operate", _CHANGE_FAILS, scope="operate"
)
DECIDE_VERSION = Operation(
    "decideVersion",
    "POST",
    "/v1/models/{model}/versions/{version}/approval",
    "operate",
    _DECIDE_FAILS,
    scope="operate",
)
LIST_RUNS = Operation(
    "listRuns",
    "GET",
    "/v1/models/{model}/runs",
    "models",
    (problems.NOT_FOUND,),
    scope="operate",
    query=("limit", "next"),
)
GET_RUN = Operation(
    "getRun", "GET", "/v1/models/{model}/runs/{run}", "models", (problems.NOT_FOUND,), scope="operate"
)
CREATE_BATCH = Operation(
    "createBatch", "POST", "/v1/models/{model}/batches", "batches", _CREATE_BATCH_FAILS, scope="upload"
)
LIST_BATCHES = Operation(
    "listBatches", "GET", "/v1/models/{model}/batches", "batches", (problems.NOT_FOUND,), scope="upload"
)
GET_BATCH = Operation(
    "getBatch",
    "GET",
    "/v1/models/{model}/batches/{batch}",
    "batches",
    (problems.NOT_FOUND, problems.CONFLICT, problems.NO_LINKS),
    scope="upload",
)
CREATE_UPLOAD = Operation(
    "createUpload", "POST", "/v1/models/{model}/uploads", "uploads", _CREATE_UPLOAD_FAILS, scope="upload"
)
LIST_UPLOADS = Operation(
    "listUploads", "GET", "/v1/models/{model}/uploads", "uploads", (problems.NOT_FOUND,), scope="upload"
)
GET_UPLOAD = Operation(
    "getUpload",
    "GET",
    "/v1/models/{model}/uploads/{upload}",
    "uploads",
    (problems.NOT_FOUND,),
    scope="upload",
)
SERVER_METADATA = Operation("serverMetadata", "GET", "/v2", "models", scope="predict")
SERVER_LIVE = Operation("serverLive", "GET", "/v2/health/live", "models", scope="predict")
SERVER_READY = Operation(
    "serverReady", "GET", "/v2/health/ready", "models", (problems.NOT_SERVING,), scope="predict"
)
MODEL_METADATA = Operation(
    "modelMetadata", "GET", "/v2/models/{model}", "models", (problems.NOT_FOUND,), scope="predict"
)
MODEL_READY = Operation(
    "modelReady",
    "GET",
    "/v2/models/{model}/ready",
    "models",
    (problems.NOT_FOUND, problems.NOT_SERVING),
    scope="predict",
)
INFER = Operation("infer", "POST", "/v2/models/{model}/infer", "predict", _PREDICT_FAILS, scope="predict")
GET_OPENAPI = Operation("getOpenapi", "GET", "/openapi.json", "docs", scope="predict")
GET_DOCS = Operation("getDocs", "GET", "/docs", "docs", scope="predict", described=False)
GET_DOCS_FILE = Operation(
    "getDocsFile", "GET", "/docs/{file}", "docs", (problems.NOT_FOUND,), scope="predict", described=False
)

OPERATIONS = tuple(value for value in list(globals().values()) if isinstance(value, Operation))
"""All operations, in the order above."""
PREDICTING = tuple(operation for operation in OPERATIONS if operation.function == PREDICT.function)
"""Operations that the host function of a model can answer too."""
BY_KEY = {operation.key: operation for operation in OPERATIONS}
"""Route key to operation."""


def methods(path: str) -> tuple[str, ...]:
    """Return the methods that a path takes, sorted; empty when there is no such path.

    Parameters
    ----------
    path
        Path of a request, e.g. ``"/v1/models/iris"``.
    """
    return tuple(sorted({item.method for item in OPERATIONS if _pattern(item.path).fullmatch(path)}))


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{\w+\}", template)
    return re.compile("[^/]+".join(re.escape(part) for part in parts), re.DOTALL)
