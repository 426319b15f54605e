"""Answers ``POST /v1/models/{model}/predict``: the hot path."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from lambdas import answers, catalog, http, waiting, wiring
from lambdas.aws.ledger import Ledger
from lambdas.aws.metrics import Meter
from lambdas.aws.runtime import Runtime
from lambdas.catalog import Catalog
from lambdas.config import Config
from lambdas.http import Request
from lambdas.logs import entry
from relearn import names, schema
from relearn.routing import Route

ROUTE_SECONDS = 5.0
"""For how long a route may be remembered: a promotion or rollback takes effect within this."""
READ_SECONDS = 25.0
"""How long an endpoint may take; API Gateway gives up after 30 s."""


class Predictor:
    """Predicts.

    Parameters
    ----------
    ledger, runtime, meter
        Adapters.
    catalog
        The models.
    stage
        Name of the stage.
    clock
        Seconds that only grow.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        runtime: Runtime,
        meter: Meter,
        catalog: Catalog,
        stage: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._runtime = runtime
        self._meter = meter
        self._catalog = catalog
        self._stage = stage
        self._clock = clock
        self._routes: dict[str, tuple[float, Route]] = {}

    def predict(self, request: Request) -> dict[str, Any]:
        """Ask the champion.

        Parameters
        ----------
        request
            Its body is ``{"instances": [{column: value, ...}, ...]}``.

        Returns
        -------
        dict
            ``model``, ``version`` and ``predictions``, one for each instance.

        Raises
        ------
        Exception
            One of `lambdas.http.PROBLEMS`.
        """
        model = request.model or ""
        spec = self._catalog.spec(model)
        try:
            instances = schema.check_request(spec, request.json())
            version = self._champion(model)
            body = json.dumps({"instances": instances}, separators=(",", ":")).encode()
            answer = self._runtime.ask(names.endpoint(self._stage, model, version), body)
            predictions = answers.read(spec, version, len(instances), answer)
        except Exception as error:
            status = http.problem_kind(error).status
            self._meter.count("PredictionErrors", model=model, status=status)
            raise
        self._meter.count("Predictions", model=model, version=version)
        return {"model": model, "version": version, "predictions": predictions}

    def _champion(self, model: str) -> int:
        now = self._clock()
        read_at, route = self._routes.get(model, (0.0, None))
        if route is None or now - read_at >= ROUTE_SECONDS:
            route = self._ledger.route(model)
            if not route.champion:
                raise waiting.why(self._ledger, model)
            self._routes[model] = (now, route)
        return route.champion


@cache
def predictor() -> Predictor:
    """Make the function's one service."""
    config = Config.from_env()
    return Predictor(
        ledger=wiring.ledger(config),
        runtime=wiring.runtime(READ_SECONDS),
        meter=wiring.meter(config),
        catalog=catalog.load(),
        stage=config.need("STAGE"),
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer a prediction request."""
    return http.serve(event, lambda request: predictor().predict(request))
