"""Sends payloads to the endpoint or the Lambda host of a version."""

from __future__ import annotations

from typing import Protocol

from lambdas.aws.fast.endpoints import Invoker
from relearn.naming.resources import Place


class Host(Protocol):
    """Invokes the versions of a model that are hosted in Lambda: in this process, or in another function."""

    def ask(self, model: str, version: int, body: bytes, seconds: float) -> bytes:
        """Invoke a version and return its answer, the JSON that its container would return.

        Parameters
        ----------
        model, version
            The version to invoke.
        body
            Request body, JSON.
        seconds
            Time limit, in seconds.

        Raises
        ------
        ModelFailedError
            The version cannot be loaded, or its answer is an error.
        NotServingError
            The host is busy or not there; the request may be repeated.
        TimeoutError
            There is no answer in time.
        UnanswerableError
            The version has no answer to at least one instance.
        """


class Backends:
    """Sends a payload to a version's endpoint or Lambda host.

    Parameters
    ----------
    endpoints
        Invokes endpoints.
    host
        Invokes versions that are hosted in Lambda (`relearn.spec.hosting.InLambda`).
    """

    def __init__(self, *, endpoints: Invoker, host: Host) -> None:
        self._endpoints = endpoints
        self._host = host

    def ask(self, place: Place, model: str, version: int, body: bytes, seconds: float) -> bytes:
        """Send a JSON body to a version and return its JSON answer.

        Parameters
        ----------
        place
            Where the version is hosted.
        model, version
            The version to invoke.
        body
            Request body, JSON.
        seconds
            Time limit, in seconds, for all attempts together.

        Raises
        ------
        ModelFailedError, NotServingError, TimeoutError, UnanswerableError
            There is no answer; see `Host.ask`.
        """
        if place.in_lambda:
            return self._host.ask(model, version, body, seconds)
        return self._endpoints.ask(place.name, body, seconds)
