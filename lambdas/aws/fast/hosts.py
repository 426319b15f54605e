"""Asks the functions that hold versions of a model (`lambdas.handlers.host`), without an SDK, within a deadline."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from lambdas.aws.fast import endpoints
from lambdas.aws.fast.client import Service
from relearn.errors import FieldError, ModelFailedError, UnanswerableError
from relearn.naming import resources

_JSON = {"content-type": "application/json"}


class HostFunctions:
    """The hosts of a stage.

    Parameters
    ----------
    functions
        The service of Lambda.
    stage
        Name of the stage.
    """

    def __init__(self, functions: Service, stage: str) -> None:
        self._service = functions
        self._stage = stage

    def ask(self, model: str, version: int, body: bytes, seconds: float) -> bytes:
        """Send JSON to a version and give its JSON answer.

        Parameters
        ----------
        model, version
            Who is asked.
        body
            JSON.
        seconds
            How long it may take, a retry included.

        Raises
        ------
        NotServingError
            The function is busy.
        UnanswerableError
            The version has no answer to an instance.
        ModelFailedError
            It says why there is no answer, failed, or cannot be reached.
        TimeoutError
            It did not answer in time.
        """
        name = resources.host_function(self._stage, model)
        path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations"
        # As text within JSON: Lambda's limit on that is above what the API lets through, which came as such itself.
        event = json.dumps({"version": version, "body": body.decode()}, ensure_ascii=False).encode()
        return _read(endpoints.post(self._service, name, path, _JSON, body=event, seconds=seconds))


def _read(content: bytes) -> bytes:
    """Read what `lambdas.handlers.host` returned; a function that failed answers with something else."""
    answer: Any = json.loads(content)
    if isinstance(answer, dict) and "body" in answer:
        return str(answer["body"]).encode()
    if isinstance(answer, dict) and "unanswerable" in answer:
        raise UnanswerableError(tuple(FieldError(**one) for one in answer["unanswerable"]))
    told = answer.get("failed") if isinstance(answer, dict) else None
    raise ModelFailedError(told or "the model's host failed; its log says why")
