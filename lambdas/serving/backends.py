"""Sends a request to where a version is hosted: at its own endpoint, or at the host of its model (`relearn.spec.hosting.InLambda`)."""

from __future__ import annotations

from typing import Protocol

from lambdas.aws.fast.endpoints import Invoker
from relearn.naming.resources import Place


class Host(Protocol):
    """What holds versions of a model: this process, or a function that is asked."""

    def ask(self, model: str, version: int, body: bytes, seconds: float) -> bytes:
        """Give a version's answer, as a container gives it.

        Raises
        ------
        ModelFailedError, NotServingError, TimeoutError, UnanswerableError
            There is no answer.
        """


class Backends:
    """Sends a payload to a version's endpoint or Lambda host.

    Parameters
    ----------
    endpoints
        Invokes endpoints.
    host
        Invokes versions that a Lambda function hosts.
    """

    def __init__(self, *, endpoints: Invoker, host: Host) -> None:
        self._endpoints = endpoints
        self._host = host

    def ask(self, place: Place, model: str, version: int, body: bytes, seconds: float) -> bytes:
        """Send JSON to a version and give its JSON answer.

        Parameters
        ----------
        place
            Where the version is hosted.
        model, version
            The version that is invoked.
        body
            JSON.
        seconds
            How long it may take, a retry included.

        Raises
        ------
        ModelFailedError, NotServingError, TimeoutError, UnanswerableError
            There is no answer.
        """
        if place.in_lambda:
            return self._host.ask(model, version, body, seconds)
        return self._endpoints.ask(place.name, body, seconds)
