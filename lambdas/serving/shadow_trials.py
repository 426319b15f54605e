"""Sends shadow requests to a candidate, and counts the results of the candidate and of the champion.

The messages come from `lambdas.serving.traffic`; no caller waits for them. A failing candidate is a result,
so its message is done; a message whose counting fails is retried.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.runtime.catalog import Catalog
from lambdas.runtime.sqs_batch import Failures, Message
from lambdas.serving.backends import Backends, parse_answer
from lambdas.serving.ledger_cache import VersionCache
from lambdas.serving.traffic import FAILED, FAILURES
from lambdas.serving.version_client import AT_ONCE, MODEL_SECONDS
from relearn.errors import UnanswerableError
from relearn.traffic import shadow_requests, version_stats
from relearn.traffic.shadow_requests import Trial
from relearn.traffic.version_stats import Live

_log = logging.getLogger(__name__)


class Step(NamedTuple):
    """A write of a route that began a shadow step; its shadow requests are counted together.

    Parameters
    ----------
    model, revision
        Name of the model, and revision of its route.
    candidate, champion
        Numbers of the two versions.
    """

    model: str
    revision: int
    candidate: int
    champion: int


class Counts(NamedTuple):
    """Counts of both versions, over one or several shadow requests of a step."""

    candidate: Live = Live()
    champion: Live = Live()


@dataclass(frozen=True, kw_only=True, slots=True)
class Trials:
    """Carries out shadow requests.

    Parameters
    ----------
    versions
        Reads where versions are hosted.
    backends
        Invokes versions.
    counts
        Stores the counts of versions.
    catalog
        Specs of all models.
    """

    versions: VersionCache
    backends: Backends
    counts: LiveCounts
    catalog: Catalog

    def take(self, messages: Sequence[Message]) -> Failures:
        """Send all shadow requests, `AT_ONCE` at a time; count them step by step; return the messages that failed."""
        failures = Failures(_log, logging.WARNING)
        steps: defaultdict[Step, dict[str, Counts]] = defaultdict(dict)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for message, found in zip(
                messages, pool.map(partial(self._one, failures), messages), strict=True
            ):
                if found is not None:
                    step, done = found
                    steps[step][message["messageId"]] = done
        for step, several in steps.items():
            with failures.of_all(several, f"counting {len(several)} trials of {step.model}"):
                self._count(step, several.values())
        return failures

    def _one(self, failures: Failures, message: Message) -> tuple[Step, Counts] | None:
        with failures.of(message):
            trial = shadow_requests.parse_message(message["body"])
            step = Step(trial.model, trial.revision, trial.candidate, trial.champion)
            champion = version_stats.counted(trial.predictions, trial.milliseconds, trial.timing)
            return step, Counts(self._try(trial), champion)
        return None

    def _try(self, trial: Trial) -> Live:
        """Invoke the candidate; return its counts and its agreement with the champion, or `FAILED`."""
        spec = self.catalog.spec(trial.model)
        place = self.versions.place(trial.model, trial.candidate)
        body = json.dumps({"instances": trial.instances}, separators=(",", ":")).encode()
        began = time.monotonic()
        try:
            reply = self.backends.ask(place, trial.model, trial.candidate, body, MODEL_SECONDS)
            predictions = parse_answer(spec, trial.candidate, len(trial.instances), reply.body)
        except (*FAILURES, UnanswerableError):
            return FAILED
        waited = (time.monotonic() - began) * 1000
        return version_stats.add(
            version_stats.counted(predictions, waited, reply.timing),
            version_stats.agreement(predictions, trial.predictions),
        )

    def _count(self, step: Step, several: Iterable[Counts]) -> None:
        done = Counts()
        for one in several:
            done = Counts(
                version_stats.add(done.candidate, one.candidate),
                version_stats.add(done.champion, one.champion),
            )
        self.counts.count(step.model, step.revision, step.candidate, done.candidate)
        self.counts.count(step.model, step.revision, step.champion, done.champion)
