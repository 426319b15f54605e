"""A version in a host raises for its caller, in another function, what it raised in the host."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import create_autospec

import pytest

from lambdas.aws.fast.client import Service
from lambdas.aws.fast.connections import Reply
from lambdas.aws.fast.hosts import HostFunctions
from lambdas.serving.in_process_models import InProcessModels
from lambdas.serving.model_host import ModelHost
from lambdas.serving.prediction import Predictor
from relearn.errors import FieldError, ModelFailedError, NotServingError, UnanswerableError
from relearn.traffic.timing import ModelReply, Timing


def asked(models: Any) -> ModelReply:
    """Ask version 3 of a host, through the function that hosts it."""
    host = ModelHost("iris", models, create_autospec(Predictor, instance=True))

    def invoke(_method: str, _path: str, _headers: Any, body: bytes, seconds: float) -> Reply:
        event = json.loads(body)
        answer = json.dumps(host.ask(event["version"], event["body"], seconds)).encode()
        return Reply(200, {}, answer)

    service = create_autospec(Service, instance=True)
    service.exchange.side_effect = invoke
    return HostFunctions(service, "dev").ask("iris", 3, b"{}", 4.0)


def test_an_answer_comes_as_it_is() -> None:
    models = create_autospec(InProcessModels, instance=True)
    for timing in (None, Timing(3.5), Timing(900.0, started=True)):
        models.ask.return_value = ModelReply(b'{"predictions": []}', timing)
        assert asked(models) == ModelReply(b'{"predictions": []}', timing)


@pytest.mark.parametrize(
    "error",
    [
        NotServingError("the ledger cannot be read", 5),
        TimeoutError("version 3 of iris could not be loaded in time"),
        ModelFailedError("version 3 of iris cannot be loaded: it is gone"),
        UnanswerableError((FieldError("/instances/0", "out of range"),)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_reaches_the_caller_as_what_it_is(error: Exception) -> None:
    models = create_autospec(InProcessModels, instance=True)
    models.ask.side_effect = error
    with pytest.raises(type(error)) as caught:
        asked(models)
    assert str(caught.value) == str(error)
    assert getattr(caught.value, "retry_after_seconds", None) == getattr(error, "retry_after_seconds", None)
