"""Asks endpoints without an SDK, within a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from lambdas.aws.fast import model_errors
from lambdas.aws.fast.client import RefusedError, Service
from lambdas.aws.fast.connections import UnreachableError

_JSON = {"content-type": "application/json", "accept": "application/json"}


class Invoker:
    """The endpoints of a stage, as something to ask quickly.

    Parameters
    ----------
    sagemaker
        SageMaker's runtime.
    """

    def __init__(self, sagemaker: Service) -> None:
        self._service = sagemaker

    def ask(self, endpoint: str, body: bytes, seconds: float) -> bytes:
        """Send JSON to an endpoint and give its JSON answer.

        Parameters
        ----------
        endpoint
            Its name.
        body
            JSON.
        seconds
            How long it may take, a retry included.

        Raises
        ------
        NotServingError
            The endpoint is busy or starting.
        UnanswerableError
            The version has no answer to an instance.
        ModelFailedError
            It answered with an error, or cannot be reached.
        TimeoutError
            It did not answer in time.
        """
        path = f"/endpoints/{quote(endpoint, safe='')}/invocations"
        return post(self._service, endpoint, path, _JSON, body=body, seconds=seconds)


def post(
    service: Service, name: str, path: str, headers: Mapping[str, str], *, body: bytes, seconds: float
) -> bytes:
    """Post to what answers for a model, and tell its refusals as a model's failures.

    Parameters
    ----------
    service
        Whose it is.
    name
        What messages call it.
    path, headers, body, seconds
        As `lambdas.aws.fast.client.Service.send` takes them.

    Raises
    ------
    ModelFailedError, NotServingError, TimeoutError
        See `Invoker.ask`.
    """
    try:
        return service.send("POST", path, headers, body, seconds)
    except RefusedError as error:
        status = error.detail.get("OriginalStatusCode")
        said = error.detail.get("OriginalMessage")
        raise model_errors.refused(name, error.response["Error"]["Code"], status, said) from error
    except TimeoutError as error:
        raise model_errors.late(name, error) from error
    except UnreachableError as error:
        raise model_errors.unreachable(name, error) from error
