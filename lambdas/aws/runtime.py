"""Asks an endpoint: one request, one answer, every way it can go wrong as one of our errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from lambdas.aws import failures

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient


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
            raise failures.late(endpoint, error) from error
        except ClientError as error:
            status = error.response.get("OriginalStatusCode")
            raise failures.refused(endpoint, error.response["Error"]["Code"], status) from error
        except BotoCoreError as error:
            raise failures.unreachable(endpoint, error) from error
