"""Invokes the Lambda hosts of versions (`lambdas.handlers.host`) without an SDK, within a deadline."""

from __future__ import annotations

import json
from urllib.parse import quote

from lambdas.aws.fast import endpoints
from lambdas.aws.fast.client import Service
from relearn.errors import FieldError, ModelFailedError, NotServingError, UnanswerableError
from relearn.naming import resources
from relearn.traffic.timing import ModelReply, Timing

_JSON = {"content-type": "application/json"}


class HostFunctions:
    """Invokes the Lambda hosts of a stage.

    Parameters
    ----------
    functions
        Client of Lambda.
    stage
        Name of the stage.
    """

    def __init__(self, functions: Service, stage: str) -> None:
        self._service = functions
        self._stage = stage

    def ask(self, model: str, version: int, body: bytes, seconds: float) -> ModelReply:
        """Send a JSON body to a version and return its JSON answer, with the time that it took.

        Parameters
        ----------
        model, version
            The version to invoke.
        body
            Request body, JSON.
        seconds
            Time limit in seconds, a retry included.

        Raises
        ------
        NotServingError
            The function is busy.
        UnanswerableError
            The version has no answer to at least one instance.
        ModelFailedError
            The version reported a failure, or the function failed or cannot be reached.
        TimeoutError
            The function did not answer in time.
        """
        name = resources.host_function(self._stage, model)
        path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations"
        # The body is a string within JSON: Lambda's limit on the event is above the API's limit on a body.
        event = json.dumps({"version": version, "body": body.decode()}, ensure_ascii=False).encode()
        reply = endpoints.post(self._service, name, path, _JSON, body=event, seconds=seconds)
        return _read(reply.body)


def _read(content: bytes) -> ModelReply:
    """Return the answer of `lambdas.handlers.host`, or raise its error; a failed function returns neither."""
    match json.loads(content):
        case {"body": body, "milliseconds": took, "started": started}:
            return ModelReply(str(body).encode(), Timing(took, started))
        case {"body": body}:  # a host of an earlier release
            return ModelReply(str(body).encode())
        case {"unanswerable": errors}:
            raise UnanswerableError(tuple(FieldError(**one) for one in errors))
        case {"not_serving": why, "retry_after_seconds": seconds}:
            raise NotServingError(why, seconds)
        case {"late": why}:
            raise TimeoutError(why)
        case {"failed": why} if why:
            raise ModelFailedError(why)
        case _:
            raise ModelFailedError("the model's host failed; its log says why")
