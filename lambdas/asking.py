"""Asks one version: what its instances leave out is looked up, then its endpoint answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lambdas import answers, parts
from lambdas.aws.invoke import Invoker
from lambdas.lookup import Lookup
from lambdas.parts import Part
from lambdas.visit import Visit
from relearn import names
from relearn.spec import ModelSpec

MODEL_SECONDS = 25.0
"""How long an endpoint may take, a retry included; API Gateway gives up after 30 s."""
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Parameters
    ----------
    spec
        The model's spec.
    instances
        Checked.
    bodies
        The same, written for an endpoint.
    """

    spec: ModelSpec
    instances: Rows
    bodies: list[Part]


class Asker:
    """Asks versions.

    Parameters
    ----------
    invoker, lookup
        Adapters.
    stage
        Name of the stage.
    """

    def __init__(self, *, invoker: Invoker, lookup: Lookup, stage: str) -> None:
        self._invoker = invoker
        self._lookup = lookup
        self._stage = stage

    def complete(self, question: Question, version: int, visit: Visit) -> Question:
        """Give the question with all that it leaves out, as the version knows it.

        Raises
        ------
        InvalidInstancesError
            An entity is not known to the version.
        TimeoutError
            The request has no time left.
        """
        given = question.instances
        whole = self._lookup.complete(question.spec, version, given, visit)
        return question if whole is given else replace(question, instances=whole, bodies=parts.split(whole))

    def ask(self, question: Question, version: int, visit: Visit, seconds: float = MODEL_SECONDS) -> Rows:
        """Ask a version's endpoint.

        Parameters
        ----------
        question
            Whole.
        version
            Who is asked.
        visit
            The request.
        seconds
            How long each call may take, and no longer than the request has.

        Raises
        ------
        ModelFailedError, NotServingError, TimeoutError
            There is no answer.
        """
        endpoint = names.endpoint(self._stage, question.spec.name, version)

        def ask(part: Part) -> Rows:
            count, body = part
            answer = self._invoker.ask(endpoint, body, min(seconds, visit.seconds_left()))
            return answers.read(question.spec, version, count, answer)

        with visit.phase("model"):
            return parts.each(ask, question.bodies)
