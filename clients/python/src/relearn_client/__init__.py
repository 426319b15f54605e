"""Typed client of Relearn's HTTP API: `Client` for ordinary code, `AsyncClient` for asyncio.

Both drive one core that does no input or output (`exchange`): it says what to send and when, and is told what
came back. `calls` holds what the API offers, `shapes` and `history` what it answers, `errors` what can go wrong, `retry` when
it is worth asking again, `auth` how a request shows whose it is.
"""

from relearn_client.aio import AsyncClient
from relearn_client.auth import Bearer, SigV4
from relearn_client.client import Client
from relearn_client.errors import (
    AnswerTimeoutError,
    AnswerTooLargeError,
    BadAnswerError,
    ConflictError,
    CredentialsError,
    FieldError,
    InvalidInstancesError,
    InvalidParametersError,
    InvalidRequestError,
    KeyInUseError,
    KeyReusedError,
    LocalCloudError,
    MalformedBodyError,
    ModelFailedError,
    ModelTimeoutError,
    NoAnswerError,
    NotFoundError,
    NotJsonError,
    NotServingError,
    ProblemError,
    RefusedError,
    RelearnClientError,
    ServerError,
    ThrottledError,
    TooLargeError,
)
from relearn_client.history import Run, RunBrief, RunPage, RunStep, Version
from relearn_client.retry import Retry
from relearn_client.shapes import (
    Classification,
    Model,
    ModelBrief,
    Prediction,
    Predictions,
    Regression,
)

__all__ = [
    "AnswerTimeoutError",
    "AnswerTooLargeError",
    "AsyncClient",
    "BadAnswerError",
    "Bearer",
    "Classification",
    "Client",
    "ConflictError",
    "CredentialsError",
    "FieldError",
    "InvalidInstancesError",
    "InvalidParametersError",
    "InvalidRequestError",
    "KeyInUseError",
    "KeyReusedError",
    "LocalCloudError",
    "MalformedBodyError",
    "Model",
    "ModelBrief",
    "ModelFailedError",
    "ModelTimeoutError",
    "NoAnswerError",
    "NotFoundError",
    "NotJsonError",
    "NotServingError",
    "Prediction",
    "Predictions",
    "ProblemError",
    "RefusedError",
    "Regression",
    "RelearnClientError",
    "Retry",
    "Run",
    "RunBrief",
    "RunPage",
    "RunStep",
    "ServerError",
    "SigV4",
    "ThrottledError",
    "TooLargeError",
    "Version",
]
