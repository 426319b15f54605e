"""Typed client of Relearn's HTTP API: `Client` for ordinary code, `AsyncClient` for asyncio.

Both drive one core that does no input or output (`exchange`): it says what to send and when, and is told what
came back. `calls` and `file_calls` hold what the API offers, `shapes`, `history`, `batches`, `uploads` and `feedback` what it
answers, `errors` what can go wrong, `retry` when it is worth asking again, `auth` how a request shows whose it is,
`storage` how files travel to and from S3.
"""

from relearn_client.aio import AsyncClient
from relearn_client.auth import Bearer, SigV4
from relearn_client.batches import Batch, BatchBrief, Link, WrongLine
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
    NoResultError,
    NotFoundError,
    NotJsonError,
    NotServingError,
    ProblemError,
    RefusedError,
    RelearnClientError,
    ServerError,
    StorageError,
    ThrottledError,
    TooLargeError,
    WaitTimeoutError,
)
from relearn_client.feedback import Feedback, FeedbackResult
from relearn_client.forms import Form
from relearn_client.history import Run, RunBrief, RunPage, Version
from relearn_client.retry import Retry
from relearn_client.shapes import (
    Classification,
    Model,
    ModelBrief,
    Prediction,
    Predictions,
    Regression,
    Step,
)
from relearn_client.uploads import RejectedRow, RejectedValue, Upload, UploadBrief

__all__ = [
    "AnswerTimeoutError",
    "AnswerTooLargeError",
    "AsyncClient",
    "BadAnswerError",
    "Batch",
    "BatchBrief",
    "Bearer",
    "Classification",
    "Client",
    "ConflictError",
    "CredentialsError",
    "Feedback",
    "FeedbackResult",
    "FieldError",
    "Form",
    "InvalidInstancesError",
    "InvalidParametersError",
    "InvalidRequestError",
    "KeyInUseError",
    "KeyReusedError",
    "Link",
    "LocalCloudError",
    "MalformedBodyError",
    "Model",
    "ModelBrief",
    "ModelFailedError",
    "ModelTimeoutError",
    "NoAnswerError",
    "NoResultError",
    "NotFoundError",
    "NotJsonError",
    "NotServingError",
    "Prediction",
    "Predictions",
    "ProblemError",
    "RefusedError",
    "Regression",
    "RejectedRow",
    "RejectedValue",
    "RelearnClientError",
    "Retry",
    "Run",
    "RunBrief",
    "RunPage",
    "ServerError",
    "SigV4",
    "Step",
    "StorageError",
    "ThrottledError",
    "TooLargeError",
    "Upload",
    "UploadBrief",
    "Version",
    "WaitTimeoutError",
    "WrongLine",
]
