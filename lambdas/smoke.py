"""Asks a new version for the model's sample before anybody is sent to it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from lambdas import answers, catalog, wiring
from lambdas.catalog import Catalog
from lambdas.config import Config
from lambdas.logs import entry
from lambdas.places import Places
from relearn import names
from relearn.names import Place

SECONDS = 65
"""SageMaker gives a container 60 seconds; a cold serverless endpoint may need most of them."""


class SmokeTest:
    """Tries versions.

    Parameters
    ----------
    places
        Asks versions.
    catalog
        The models and their samples.
    """

    def __init__(self, *, places: Places, catalog: Catalog) -> None:
        self._places = places
        self._catalog = catalog

    def run(self, model: str, version: int, place: Place) -> dict[str, int]:
        """Send the sample to a version and check what comes back.

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
        body = json.dumps({"instances": instances}).encode()
        answer = self._places.ask(place, model, version, body, SECONDS)
        predictions = answers.read(self._catalog.spec(model), version, len(instances), answer)
        return {"predictions": len(predictions)}


@cache
def smoke_test() -> SmokeTest:
    """Make the function's one service."""
    return SmokeTest(places=wiring.places(Config.from_env()), catalog=catalog.load())


@entry
def handler(event: Any, _context: Any) -> dict[str, int]:
    """Try the version that came into service."""
    model, version = event["model"], event["registration"]["version"]
    place = names.parse_place(Config.from_env().need("STAGE"), model, event["endpoint"]["name"])
    return smoke_test().run(model, version, place)
