"""Asks a shadowed candidate what the champion has answered already, and counts how both did; nobody waits for it.

The messages are those of `lambdas.serving.traffic`. A candidate that fails is what a trial is there to find, so its message
is done; one whose counting fails comes again.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.runtime.catalog import Catalog
from lambdas.runtime.sqs_batch import Failures, Message
from lambdas.serving import response_check
from lambdas.serving.backends import Backends
from lambdas.serving.ledger_cache import VersionCache
from lambdas.serving.traffic import FAILED, FAILURES
from lambdas.serving.version_client import AT_ONCE, MODEL_SECONDS
from relearn.errors import UnanswerableError
from relearn.traffic import shadow_requests, version_stats
from relearn.traffic.shadow_requests import Trial
from relearn.traffic.version_stats import Live

_log = logging.getLogger(__name__)


class Step(NamedTuple):
    """What is counted together: the trials of one write of a route."""

    model: str
    revision: int
    candidate: int
    champion: int


class Counts(NamedTuple):
    """Counts of both versions over one trial, or over several of a step."""

    candidate: Live = Live()
    champion: Live = Live()


class Trials:
    """Carries trials out.

    Parameters
    ----------
    versions, backends
        Know where versions are, and ask them there.
    counts
        Where what versions do is counted.
    catalog
        The models.
    """

    def __init__(
        self, *, versions: VersionCache, backends: Backends, counts: LiveCounts, catalog: Catalog
    ) -> None:
        self._versions = versions
        self._backends = backends
        self._counts = counts
        self._catalog = catalog

    def take(self, messages: Sequence[Message]) -> Failures:
        """Carry out all trials, a few at a time, and count each step's as one; give the messages that failed."""
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
            champion = version_stats.counted(trial.predictions, trial.milliseconds)
            return step, Counts(self._try(trial), champion)
        return None

    def _try(self, trial: Trial) -> Live:
        """Ask the candidate; what it did, and how far it agrees with the champion."""
        spec = self._catalog.spec(trial.model)
        place = self._versions.place(trial.model, trial.candidate)
        body = json.dumps({"instances": trial.instances}, separators=(",", ":")).encode()
        began = time.monotonic()
        try:
            answer = self._backends.ask(place, trial.model, trial.candidate, body, MODEL_SECONDS)
            predictions = response_check.parse_answer(spec, trial.candidate, len(trial.instances), answer)
        except (*FAILURES, UnanswerableError):
            return FAILED
        took = (time.monotonic() - began) * 1000
        return version_stats.add(
            version_stats.counted(predictions, took), version_stats.agreement(predictions, trial.predictions)
        )

    def _count(self, step: Step, several: Iterable[Counts]) -> None:
        done = Counts()
        for one in several:
            done = Counts(
                version_stats.add(done.candidate, one.candidate),
                version_stats.add(done.champion, one.champion),
            )
        self._counts.count(step.model, step.revision, step.candidate, done.candidate)
        self._counts.count(step.model, step.revision, step.champion, done.champion)
