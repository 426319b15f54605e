"""Invokes SageMaker endpoints without an SDK, within a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from lambdas.aws.fast import model_errors
from lambdas.aws.fast.client import RefusedError, Service
from lambdas.aws.fast.connections import Reply, UnreachableError
from relearn.traffic import timing
from relearn.traffic.timing import ModelReply

_JSON = {"content-type": "application/json", "accept": "application/json"}


class Invoker:
    """Invokes endpoints.

    Parameters
    ----------
    sagemaker
        Client of SageMaker's runtime.
    """

    def __init__(self, sagemaker: Service) -> None:
        self._service = sagemaker

    def ask(self, endpoint: str, body: bytes, seconds: float) -> ModelReply:
        """Send a JSON body to an endpoint and return its JSON answer, with the time that the container reports.

        Parameters
        ----------
        endpoint
            Name of the endpoint.
        body
            Request body, JSON.
        seconds
            Time limit in seconds, a retry included.

        Raises
        ------
        NotServingError
            The endpoint is busy or starting.
        UnanswerableError
            The version has no answer to at least one instance.
        ModelFailedError
            The endpoint answered with an error, or cannot be reached.
        TimeoutError
            The endpoint did not answer in time.
        """
        path = f"/endpoints/{quote(endpoint, safe='')}/invocations"
        reply = post(self._service, endpoint, path, _JSON, body=body, seconds=seconds)
        return ModelReply(reply.body, timing.parse(reply.headers.get(timing.HEADER)))


def post(
    service: Service, name: str, path: str, headers: Mapping[str, str], *, body: bytes, seconds: float
) -> Reply:
    """Post to an endpoint or host, and map its failures to domain errors.

    Parameters
    ----------
    service
        Client of the service.
    name
        Name of the endpoint or host, for the log.
    path, headers, body, seconds
        See `lambdas.aws.fast.client.Service.exchange`.

    Raises
    ------
    ModelFailedError, NotServingError, TimeoutError, UnanswerableError
        See `Invoker.ask`.
    """
    try:
        return service.exchange("POST", path, headers, body, seconds)
    except RefusedError as error:
        status = error.detail.get("OriginalStatusCode")
        said = error.detail.get("OriginalMessage")
        raise model_errors.refused(name, error.response["Error"]["Code"], status, said) from error
    except TimeoutError as error:
        raise model_errors.late(name, error) from error
    except UnreachableError as error:
        raise model_errors.unreachable(name, error) from error
