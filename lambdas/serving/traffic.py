"""Who answers while a candidate is tried beside the champion, and what is counted of both.

::

    canary   the route's share of requests is answered by the candidate; one that it fails, by the champion
    shadow   all are answered by the champion; `lambdas.handlers.trial` asks the candidate later, from a queue, for a sample

Neither counting nor the queue can fail an answer: both are noted here and done by `lambdas.serving.background`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.aws.fast.shadow_queue import TrialQueue
from lambdas.serving.request_context import RequestContext
from lambdas.serving.shadow_sampling import Sampler
from lambdas.serving.version_client import MODEL_SECONDS, Question, Rows, VersionClient
from relearn.errors import InvalidInstancesError, ModelFailedError, NotServingError
from relearn.traffic import route as routing
from relearn.traffic import shadow_requests, version_stats
from relearn.traffic.route import Route
from relearn.traffic.version_stats import Live

CANDIDATE_SECONDS = 10.0
"""How long a candidate may take; the champion must still have time to answer in its place."""
FAILURES = (ModelFailedError, NotServingError, TimeoutError)
FAILED = Live(requests=1, errors=1)


@dataclass(frozen=True, slots=True)
class Answered:
    """Who answered what.

    Parameters
    ----------
    version
        Number of the version that answered.
    instances
        What it was asked, whole.
    outputs
        One for each instance.
    """

    version: int
    instances: Rows
    outputs: Rows


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

    def answer(self, question: Question, route: Route, key: str, context: RequestContext) -> Answered:
        """Answer by the route's choice; what the candidate fails, the champion answers.

        Parameters
        ----------
        question
            As it was asked.
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
            return self._ask(question, route, route.champion, context)
        seconds = min(CANDIDATE_SECONDS, context.seconds_left() / 2)
        try:
            return self._ask(question, route, route.candidate, context, seconds)
        except FAILURES:
            return self._ask(question, route, route.champion, context)
        except (
            InvalidInstancesError
        ):  # an entity unknown to the candidate, or no answer of it: the champion may have one
            answered = self._ask(question, route, route.champion, context)
        self._note(question, route, route.candidate, FAILED, context)
        return answered

    def _ask(
        self,
        question: Question,
        route: Route,
        version: int,
        context: RequestContext,
        seconds: float = MODEL_SECONDS,
    ) -> Answered:
        whole = self._client.complete(question, version, context)
        try:
            outputs = self._client.ask(whole, version, context, seconds)
        except FAILURES:
            if self._is_watched(question, route, version):
                self._note(question, route, version, FAILED, context)
            raise
        answered = Answered(version, whole.instances, outputs)
        took = context.milliseconds("model")
        if not self._is_watched(question, route, version):
            return answered
        if route.shadow and version == route.champion:
            context.beside.append(partial(self._copy, question, route, answered, took, context))
        else:
            self._note(question, route, version, version_stats.counted(outputs, took), context)
        return answered

    def _is_watched(self, question: Question, route: Route, version: int) -> bool:
        """Of what a shadow's champion does only a sample is, its failures no less than its answers."""
        if route.shadow and version == route.champion:
            return self._sampler.take(question.spec.name, route.revision)
        return bool(route.candidate)

    def _note(
        self, question: Question, route: Route, version: int, done: Live, context: RequestContext
    ) -> None:
        count = partial(self._counts.count, question.spec.name, route.revision, version, done)
        context.beside.append(count)

    def _copy(
        self, question: Question, route: Route, answered: Answered, took: float, context: RequestContext
    ) -> None:
        """Send a copy for the candidate; the champion's figures go along, to be counted with the candidate's."""
        model = question.spec.name
        trial = shadow_requests.Trial(
            model=model,
            revision=route.revision,
            candidate=route.candidate,
            champion=route.champion,
            instances=answered.instances,
            predictions=answered.outputs,
            milliseconds=took,
        )
        if not self._queue.send(shadow_requests.write(trial)):
            context.skipped = True
            self._counts.count(
                model, route.revision, route.champion, version_stats.counted(answered.outputs, took)
            )
