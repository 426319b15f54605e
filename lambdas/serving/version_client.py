"""Client of one version: looks up the columns that instances leave out, then invokes the version where it is hosted.

A request is sent in as few calls as the endpoint's limit on a body allows, at the same time. Splitting a
request that fits into one call gained nothing in measurements: one call scores a full request in a few
milliseconds, and a second concurrent call may start a serverless endpoint's second container first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeVar

from lambdas.aws.fast.online_features import OnlineReader
from lambdas.http.request import MAX_BODY_BYTES, MalformedBodyError, TooLargeError
from lambdas.serving.backends import Backends, parse_answer
from lambdas.serving.ledger_cache import VersionCache
from lambdas.serving.request_context import RequestContext
from relearn.api import answer_size
from relearn.api.request_schema import MAX_INSTANCES
from relearn.errors import FieldError, ModelFailedError, UnanswerableError
from relearn.records import online_features
from relearn.spec.model import ModelSpec
from relearn.traffic.timing import Timing

MODEL_SECONDS = 25.0
"""Seconds that a version may take, retries included; API Gateway gives up after 30 seconds."""
AT_ONCE = 4
"""Concurrent calls at most: more would use up the whole concurrency of a small endpoint."""
Rows = list[dict[str, Any]]
Part = tuple[int, bytes]
"""Number of instances, and the body that holds them."""
P = TypeVar("P")
T = TypeVar("T")


def split(
    instances: list[dict[str, Any]], limit: int = MAX_BODY_BYTES, most: int = MAX_INSTANCES
) -> list[Part]:
    """Write checked instances as as few bodies as the limits allow, by halving.

    Parameters
    ----------
    instances
        Checked instances, at least one.
    limit
        Largest body, in bytes.
    most
        Largest number of instances in a body, at least 1: as many as an endpoint's answer has room for.

    Returns
    -------
    list of (int, bytes)
        Number of instances and body of each part, in order.

    Raises
    ------
    TooLargeError
        One instance alone is over the limit: a number may be longer written out than it was received.
    MalformedBodyError
        A string holds half of a surrogate pair, and cannot be encoded.
    """
    if len(instances) > most:
        return _halved(instances, limit, most)
    try:
        body = json.dumps({"instances": instances}, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MalformedBodyError("the body is not JSON: a string holds half of a surrogate pair") from error
    if len(body) <= limit:
        return [(len(instances), body)]
    if len(instances) == 1:
        raise TooLargeError(f"one instance has {len(body)} bytes; allowed: {limit}")
    return _halved(instances, limit, most)


def _halved(instances: list[dict[str, Any]], limit: int, most: int) -> list[Part]:
    middle = len(instances) // 2
    return [*split(instances[:middle], limit, most), *split(instances[middle:], limit, most)]


def each(ask: Callable[[P], list[T]], parts: list[P]) -> list[T]:
    """Call `ask` for every part concurrently, and join the answers in order. The first error is raised.

    Parameters
    ----------
    ask
        Returns the answers of one part.
    parts
        At least one.
    """
    if len(parts) == 1:
        return ask(parts[0])
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most processes never need it

    with ThreadPoolExecutor(min(AT_ONCE, len(parts))) as pool:
        return [answer for answers in pool.map(ask, parts) for answer in answers]


@dataclass(frozen=True, slots=True)
class Payload:
    """Instances to predict, checked.

    Parameters
    ----------
    spec
        The model's spec.
    instances
        Checked instances.
    bodies
        The same instances, written as bodies for an endpoint.
    """

    spec: ModelSpec
    instances: Rows
    bodies: list[Part]


def write(spec: ModelSpec, instances: Rows) -> Payload:
    """Write checked instances, at least one, as bodies whose answers fit into what an endpoint returns.

    Raises
    ------
    TooLargeError, MalformedBodyError
        See `split`.
    """
    one = len(instances) == 1
    most = 1 if one else answer_size.most_instances(spec, answer_size.ENDPOINT_BYTES)
    return Payload(spec, instances, split(instances, most=most))


class VersionClient:
    """Resolves online features, then invokes one version.

    Parameters
    ----------
    versions
        Reads where versions are hosted.
    backends
        Sends requests to endpoints and host functions.
    features
        Reads the online table.
    """

    def __init__(self, *, versions: VersionCache, backends: Backends, features: OnlineReader) -> None:
        self._versions = versions
        self._backends = backends
        self._features = features

    def complete(self, payload: Payload, version: int, context: RequestContext) -> Payload:
        """Return the payload with the columns that its instances leave out; unchanged when they leave out none.

        Raises
        ------
        InvalidInstancesError
            The version does not know an entity.
        TimeoutError
            The request has no time left.
        """
        spec, instances = payload.spec, payload.instances
        if spec.moments is None or not (entities := online_features.entities(spec, instances)):
            return payload
        with context.phase("features"):
            known = self._features.look_up(spec.name, version, entities, context.seconds_left)
        context.looked_up, context.unknown = len(entities), len(entities) - len(known)
        instances = online_features.fill(spec, version, instances, known)
        return write(spec, instances)

    def ask(
        self, payload: Payload, version: int, context: RequestContext, seconds: float = MODEL_SECONDS
    ) -> Rows:
        """Return a version's predictions for all instances, in order.

        Parameters
        ----------
        payload
            Instances with all columns.
        version
            Number of the version.
        context
            The request; limits and measures the time, and receives the version's own.
        seconds
            Time limit of each call, in seconds; the request's remaining time also limits it.

        Raises
        ------
        ModelFailedError, NotServingError, TimeoutError
            There is no answer.
        UnanswerableError
            The version has no answer to an instance; the pointers are those of the whole payload.
        """
        model = payload.spec.name
        place = self._versions.place(model, version)

        def ask(numbered: tuple[int, Part]) -> Rows:
            first, (count, body) = numbered
            try:
                reply = self._backends.ask(place, model, version, body, min(seconds, context.seconds_left()))
            except UnanswerableError as error:
                raise UnanswerableError(tuple(_moved(one, first) for one in error.errors)) from error
            except ModelFailedError as error:
                raise ModelFailedError(f"{error}; the request was for {_named(first, count)}") from error
            timings.append(reply.timing)
            return parse_answer(payload.spec, version, count, reply.body)

        timings: list[Timing | None] = []
        counts = [count for count, _ in payload.bodies]
        firsts = accumulate(counts[:-1], initial=0)
        with context.phase("model"):
            answers = each(ask, list(zip(firsts, payload.bodies, strict=True)))
        context.timing = longest(timings)
        return answers


def longest(timings: list[Timing | None]) -> Timing | None:
    """Return the longest time of the parts of a request, started if one of them was; None unless all are known."""
    known = [one for one in timings if one is not None]
    if len(known) != len(timings) or not known:
        return None
    return Timing(max(one.milliseconds for one in known), any(one.started for one in known))


def _named(first: int, count: int) -> str:
    """Return the range of instances by their numbers in the request, from 0."""
    return f"instance {first}" if count == 1 else f"instances {first} to {first + count - 1}"


def _moved(error: FieldError, first: int) -> FieldError:
    """Return the error with its pointer moved from the part that begins at instance ``first`` to the whole request."""
    steps = error.pointer.split("/")
    if len(steps) > 2 and steps[2].isdecimal():  # noqa: PLR2004 - "", "instances", the number
        steps[2] = str(int(steps[2]) + first)
    return FieldError("/".join(steps), error.detail)
