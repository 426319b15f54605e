"""Serves one model with its versions in this process, without an endpoint and without a second network call.

It accepts two kinds of events. An event of the HTTP API is a prediction request, answered as by
`lambdas.handlers.predict`: versions hosted in Lambda are invoked in this process, others at their endpoints.
``{"version": 8, "body": "{...}"}`` comes from the stage's other functions, which invoke one version. Its
answer is what the version's container would answer: ``{"body": "{...}"}`` beside the ``milliseconds`` that it took and whether
it had just ``started``, ``{"failed": "why"}``, ``{"late": "why"}``,
``{"not_serving": "why", "retry_after_seconds": 5}``, or ``{"unanswerable": [{"pointer": "/instances/0", "detail": "why"}]}``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

from lambdas.serving.in_process_models import InProcessModels
from lambdas.serving.prediction import Predictor
from relearn.errors import ModelFailedError, NotServingError, UnanswerableError


class ModelHost(NamedTuple):
    """A model, the versions of it in this process, and the service that answers its prediction requests."""

    model: str
    models: InProcessModels
    predictor: Predictor

    def ask(self, version: int, body: str, seconds: float) -> dict[str, Any]:
        """Return the answer of a version, or the reason that there is none, in the form of the module's description."""
        try:
            reply = self.models.ask(self.model, version, body.encode(), seconds)
        except UnanswerableError as error:
            return {"unanswerable": [asdict(one) for one in error.errors]}
        except NotServingError as error:
            return {"not_serving": str(error), "retry_after_seconds": error.retry_after_seconds}
        except TimeoutError as error:
            return {"late": str(error)}
        except ModelFailedError as error:
            return {"failed": str(error)}
        took = {} if reply.timing is None else reply.timing._asdict()
        return {"body": reply.body.decode(), **took}
