"""Client of one version: looks up the columns that instances leave out, then invokes the version where it is hosted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from lambdas.serving import chunks, response_check
from lambdas.serving.backends import Backends
from lambdas.serving.chunks import Part
from lambdas.serving.online_features import Lookup
from lambdas.serving.request_context import RequestContext
from lambdas.serving.version_cache import VersionMemory
from relearn.errors import FieldError, ModelFailedError, UnanswerableError
from relearn.spec.model import ModelSpec

MODEL_SECONDS = 25.0
"""How long a version may take, a retry included; API Gateway gives up after 30 s."""
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


class VersionClient:
    """Resolves online features, then invokes one version.

    Parameters
    ----------
    versions
        Knows where versions are hosted.
    backends
        Sends requests to endpoints and host functions.
    lookup
        Completes instances with online features.
    """

    def __init__(self, *, versions: VersionMemory, backends: Backends, lookup: Lookup) -> None:
        self._versions = versions
        self._backends = backends
        self._lookup = lookup

    def complete(self, question: Question, version: int, context: RequestContext) -> Question:
        """Give the question with all that it leaves out, as the version knows it.

        Raises
        ------
        InvalidInstancesError
            An entity is not known to the version.
        TimeoutError
            The request has no time left.
        """
        given = question.instances
        whole = self._lookup.complete(question.spec, version, given, context)
        return question if whole is given else replace(question, instances=whole, bodies=chunks.split(whole))

    def ask(
        self, question: Question, version: int, context: RequestContext, seconds: float = MODEL_SECONDS
    ) -> Rows:
        """Ask a version.

        Parameters
        ----------
        question
            Whole.
        version
            Who is asked.
        context
            The request.
        seconds
            How long each call may take, and no longer than the request has.

        Raises
        ------
        ModelFailedError, NotServingError, TimeoutError
            There is no answer.
        UnanswerableError
            The version has none to an instance; it points into the question.
        """
        model = question.spec.name
        place = self._versions.place(model, version)

        def ask(numbered: tuple[int, Part]) -> Rows:
            first, (count, body) = numbered
            try:
                answer = self._backends.ask(place, model, version, body, min(seconds, context.seconds_left()))
            except UnanswerableError as error:
                raise UnanswerableError(tuple(_moved(one, first) for one in error.errors)) from error
            except ModelFailedError as error:
                raise ModelFailedError(f"{error}; the request was for {_named(first, count)}") from error
            return response_check.parse_answer(question.spec, version, count, answer)

        counts = [count for count, _ in question.bodies]
        firsts = accumulate(counts[:-1], initial=0)
        with context.phase("model"):
            return chunks.each(ask, list(zip(firsts, question.bodies, strict=True)))


def _named(first: int, count: int) -> str:
    """Name instances by their numbers in the request, from 0."""
    return f"instance {first}" if count == 1 else f"instances {first} to {first + count - 1}"


def _moved(error: FieldError, first: int) -> FieldError:
    """Point into the whole request what points into the part that begins with instance ``first``."""
    steps = error.pointer.split("/")
    if len(steps) > 2 and steps[2].isdecimal():  # noqa: PLR2004 - "", "instances", the number
        steps[2] = str(int(steps[2]) + first)
    return FieldError("/".join(steps), error.detail)
