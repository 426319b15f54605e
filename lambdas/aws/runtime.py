"""Asks an endpoint: one request, one answer, every way it can go wrong as one of our errors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from relearn.errors import ModelFailedError, NotServingError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

_BUSY = {"ThrottlingException", "ServiceUnavailable", "ServiceUnavailableException", "ModelNotReadyException"}
_RETRY_AFTER_SECONDS = 2
_log = logging.getLogger(__name__)


class Runtime:
    """The endpoints of a stage, as something to ask.

    Parameters
    ----------
    client
        A SageMaker runtime client.
    """

    def __init__(self, client: SageMakerRuntimeClient) -> None:
        self._client = client

    def ask(self, endpoint: str, body: bytes) -> bytes:
        """Send JSON to an endpoint and give its JSON answer.

        Raises
        ------
        NotServingError
            The endpoint is busy or starting.
        ModelFailedError
            It answered with an error, or can not be reached.
        TimeoutError
            It did not answer in time.
        """
        try:
            answer = self._client.invoke_endpoint(
                EndpointName=endpoint, Body=body, ContentType="application/json", Accept="application/json"
            )
            return answer["Body"].read()
        except (ReadTimeoutError, ConnectTimeoutError) as error:
            _log.warning("%s did not answer in time: %s", endpoint, error)
            raise TimeoutError("the model did not answer in time") from error
        except ClientError as error:
            raise _error(endpoint, error) from error
        except BotoCoreError as error:
            _log.warning("%s can not be asked: %s", endpoint, error)
            raise ModelFailedError("the model can not be reached") from error


def _error(endpoint: str, error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    status = error.response.get("OriginalStatusCode")
    _log.warning("%s answered %s, status %s", endpoint, code, status)  # its message may quote the request
    if code in _BUSY:
        return NotServingError("the model is busy or starting", _RETRY_AFTER_SECONDS)
    if status is not None:
        # Requests were checked against the spec before, so a 4xx is the model's failure too.
        return ModelFailedError(f"the model answered with status {status}")
    return ModelFailedError("the model can not be asked")
