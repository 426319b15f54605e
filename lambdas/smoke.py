"""Asks a new endpoint for the model's sample before anybody is sent to it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from lambdas import answers, catalog, wiring
from lambdas.aws.invoke import Invoker
from lambdas.catalog import Catalog
from lambdas.logs import entry

SECONDS = 65
"""SageMaker gives a container 60 seconds; a cold serverless endpoint may need most of them."""


class SmokeTest:
    """Tries endpoints.

    Parameters
    ----------
    invoker
        Asks endpoints.
    catalog
        The models and their samples.
    """

    def __init__(self, *, invoker: Invoker, catalog: Catalog) -> None:
        self._invoker = invoker
        self._catalog = catalog

    def run(self, model: str, version: int, endpoint: str) -> dict[str, int]:
        """Send the sample to an endpoint and check what comes back.

        Returns
        -------
        dict
            ``predictions``: how many came back.

        Raises
        ------
        ModelFailedError
            The answer is wrong, or there is none.
        """
        instances = self._catalog.samples[model]
        body = self._invoker.ask(endpoint, json.dumps({"instances": instances}).encode(), SECONDS)
        predictions = answers.read(self._catalog.spec(model), version, len(instances), body)
        return {"predictions": len(predictions)}


@cache
def smoke_test() -> SmokeTest:
    """Make the function's one service."""
    return SmokeTest(invoker=wiring.invoker(), catalog=catalog.load())


@entry
def handler(event: Any, _context: Any) -> dict[str, int]:
    """Try the endpoint that came into service."""
    return smoke_test().run(event["model"], event["registration"]["version"], event["endpoint"]["name"])
