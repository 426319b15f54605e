"""Chooses the version that answers while a candidate is tried beside the champion, and counts the results of both.

::

    canary   the candidate answers the route's share of the requests; those that it fails, the champion answers
    shadow   the champion answers all; `lambdas.handlers.trial` sends a sample to the candidate later, from a queue

Neither counting nor the queue can fail an answer: both are added to the context and run in
`RequestContext.work_beside`.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.aws.fast.shadow_queue import TrialQueue
from lambdas.serving.request_context import RequestContext
from lambdas.serving.shadow_sampling import Sampler
from lambdas.serving.version_client import MODEL_SECONDS, Payload, Rows, VersionClient
from relearn.errors import InvalidInstancesError, ModelFailedError, NotServingError
from relearn.traffic import route as routing
from relearn.traffic import shadow_requests, version_stats
from relearn.traffic.route import Route
from relearn.traffic.version_stats import Live

CANDIDATE_SECONDS = 10.0
"""Seconds that a candidate may take; the champion must still have time to answer in its place."""
FAILURES = (ModelFailedError, NotServingError, TimeoutError)
"""Failures of a version that are counted against it."""
FAILED = Live(requests=1, errors=1)
"""Counts of one failed request."""


class Answer(NamedTuple):
    """Predictions of one version.

    Parameters
    ----------
    version
        Number of the version that answered.
    instances
        Instances as it received them, with looked-up columns.
    predictions
        One for each instance, in order.
    """

    version: int
    instances: Rows
    predictions: Rows


class Traffic:
    """Sends requests to the version that the route chooses.

    Parameters
    ----------
    client
        Invokes versions.
    counts
        Counts requests, errors and latencies of each version.
    queue
        Receives shadow requests.
    sampler
        Samples the requests that are copied.
    """

    def __init__(
        self, *, client: VersionClient, counts: LiveCounts, queue: TrialQueue, sampler: Sampler
    ) -> None:
        self._client = client
        self._counts = counts
        self._queue = queue
        self._sampler = sampler

    def answer(self, payload: Payload, route: Route, key: str, context: RequestContext) -> Answer:
        """Return the answer of the version that the route chooses; the champion answers what the candidate fails.

        Parameters
        ----------
        payload
            The checked instances.
        route
            Route of the model.
        key
            Sticky key: the same key always meets the same version of a route.
        context
            Receives the tasks that count and copy.

        Raises
        ------
        Exception
            The error of the champion, or the reason that it cannot be invoked.
        """
        if routing.choose(route, key) == route.champion:
            return self._ask(payload, route, route.champion, context)
        seconds = min(CANDIDATE_SECONDS, context.seconds_left() / 2)
        try:
            return self._ask(payload, route, route.candidate, context, seconds)
        except FAILURES:
            return self._ask(payload, route, route.champion, context)
        except (
            InvalidInstancesError
        ):  # an unknown entity or an unanswerable instance: the champion may have an answer
            answer = self._ask(payload, route, route.champion, context)
        self._note(payload, route, route.candidate, FAILED, context)
        return answer

    def _ask(
        self,
        payload: Payload,
        route: Route,
        version: int,
        context: RequestContext,
        seconds: float = MODEL_SECONDS,
    ) -> Answer:
        payload = self._client.complete(payload, version, context)
        try:
            predictions = self._client.ask(payload, version, context, seconds)
        except FAILURES:
            if self._is_watched(payload, route, version):
                self._note(payload, route, version, FAILED, context)
            raise
        answer = Answer(version, payload.instances, predictions)
        if not self._is_watched(payload, route, version):
            return answer
        waited = context.milliseconds("model")
        if route.shadow and version == route.champion:
            context.beside.append(partial(self._copy, payload, route, answer, waited, context))
        else:
            done = version_stats.counted(predictions, waited, context.timing)
            self._note(payload, route, version, done, context)
        return answer

    def _is_watched(self, payload: Payload, route: Route, version: int) -> bool:
        """Return whether to count this request. With a shadow, a sample of the champion's requests is counted."""
        if route.shadow and version == route.champion:
            return self._sampler.take(payload.spec.name, route.revision)
        return bool(route.candidate)

    def _note(
        self, payload: Payload, route: Route, version: int, done: Live, context: RequestContext
    ) -> None:
        count = partial(self._counts.count, payload.spec.name, route.revision, version, done)
        context.beside.append(count)

    def _copy(
        self, payload: Payload, route: Route, answer: Answer, waited: float, context: RequestContext
    ) -> None:
        """Send a copy of the request for the candidate.

        The champion's figures go along, so that both versions are counted together. A request too large for
        the queue is counted for the champion alone.
        """
        model = payload.spec.name
        trial = shadow_requests.Trial(
            model=model,
            revision=route.revision,
            candidate=route.candidate,
            champion=route.champion,
            instances=answer.instances,
            predictions=answer.predictions,
            milliseconds=waited,
            own_milliseconds=None if context.timing is None else context.timing.milliseconds,
            started=context.timing is not None and context.timing.started,
        )
        if not self._queue.send(shadow_requests.write(trial)):
            context.skipped = True
            done = version_stats.counted(answer.predictions, waited, context.timing)
            self._counts.count(model, route.revision, route.champion, done)
