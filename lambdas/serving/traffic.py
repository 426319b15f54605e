"""Who answers while a candidate is tried beside the champion, and what is counted of both.

::

    canary   the route's share of requests is answered by the candidate; one that it fails, by the champion
    shadow   all are answered by the champion; `lambdas.handlers.trial` asks the candidate later, from a queue, for a sample

Neither counting nor the queue can fail an answer: both are noted here and done by `RequestContext.work_beside`.
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
"""How long a candidate may take; the champion must still have time to answer in its place."""
FAILURES = (ModelFailedError, NotServingError, TimeoutError)
FAILED = Live(requests=1, errors=1)


class Answer(NamedTuple):
    """Predictions of one version.

    Parameters
    ----------
    version
        Number of the version that answer.
    instances
        The instances it was sent, with the columns that were looked up.
    predictions
        One for each instance.
    """

    version: int
    instances: Rows
    predictions: Rows


class Traffic:
    """Sends requests to the version that a route chooses.

    Parameters
    ----------
    client
        Invokes versions.
    counts
        Counts requests, errors and latencies of each version.
    queue
        Receives the copies of requests that a candidate in shadow gets.
    sampler
        Chooses the requests that are copied.
    """

    def __init__(
        self, *, client: VersionClient, counts: LiveCounts, queue: TrialQueue, sampler: Sampler
    ) -> None:
        self._client = client
        self._counts = counts
        self._queue = queue
        self._sampler = sampler

    def answer(self, payload: Payload, route: Route, key: str, context: RequestContext) -> Answer:
        """Answer by the route's choice; what the candidate fails, the champion answers.

        Parameters
        ----------
        payload
            The checked instances.
        route
            Route of the model.
        key
            What the choice is made by.
        context
            Is told what is to be counted.

        Raises
        ------
        Exception
            What the champion failed with, or why it cannot be asked.
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
        ):  # an entity unknown to the candidate, or no answer of it: the champion may have one
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
        took = context.milliseconds("model")
        if not self._is_watched(payload, route, version):
            return answer
        if route.shadow and version == route.champion:
            context.beside.append(partial(self._copy, payload, route, answer, took, context))
        else:
            self._note(payload, route, version, version_stats.counted(predictions, took), context)
        return answer

    def _is_watched(self, payload: Payload, route: Route, version: int) -> bool:
        """Of what a shadow's champion does only a sample is, its failures no less than its answers."""
        if route.shadow and version == route.champion:
            return self._sampler.take(payload.spec.name, route.revision)
        return bool(route.candidate)

    def _note(
        self, payload: Payload, route: Route, version: int, done: Live, context: RequestContext
    ) -> None:
        count = partial(self._counts.count, payload.spec.name, route.revision, version, done)
        context.beside.append(count)

    def _copy(
        self, payload: Payload, route: Route, answer: Answer, took: float, context: RequestContext
    ) -> None:
        """Send a copy for the candidate; the champion's figures go along, to be counted with the candidate's."""
        model = payload.spec.name
        trial = shadow_requests.Trial(
            model=model,
            revision=route.revision,
            candidate=route.candidate,
            champion=route.champion,
            instances=answer.instances,
            predictions=answer.predictions,
            milliseconds=took,
        )
        if not self._queue.send(shadow_requests.write(trial)):
            context.skipped = True
            self._counts.count(
                model, route.revision, route.champion, version_stats.counted(answer.predictions, took)
            )
