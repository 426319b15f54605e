"""Sends the same probe requests to candidate and champion, where callers send too few to compare the two.

Callers' requests are not counted with them: most of those go to the champion and few to the candidate, so
that the two would be measured on different requests.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any, NamedTuple

from lambdas.serving.backends import Backends, parse_answer
from relearn.errors import ModelFailedError, NotServingError, UnanswerableError
from relearn.lifecycle.runs import Version
from relearn.naming.resources import Place
from relearn.spec.model import ModelSpec
from relearn.spec.rollout import Limits
from relearn.traffic import answer_shift, canary, version_stats
from relearn.traffic.canary import Baseline, Verdict
from relearn.traffic.rollout_evidence import RolloutEvidence
from relearn.traffic.version_stats import Live

SECONDS = 65
"""Time limit of one request. SageMaker gives a container 60 s; a cold serverless endpoint may need most of them."""
ROUNDS = 2
"""Rounds in which slowness or a shift must be seen: a machine may be slow for a moment."""
Instances = Sequence[Mapping[str, Any]]
RemainingSeconds = Callable[[], float]
"""Returns the seconds left; there are none when it is 0 or less."""


class Pair(NamedTuple):
    """Candidate and champion of one model, to be compared."""

    candidate: Version
    champion: Version


@dataclass(frozen=True, slots=True)
class Measure:
    """Limits and training baseline that the two versions are compared against.

    Parameters
    ----------
    limits
        The spec's limits on error rate, latency and answers.
    baseline
        What training says of the answers.
    evidence
        Evidence of the rollout until now.
    """

    limits: Limits
    baseline: Baseline
    evidence: RolloutEvidence


class Probed(NamedTuple):
    """Verdict on the answers to probes, and the evidence with that of the probes."""

    verdict: Verdict
    evidence: RolloutEvidence


@dataclass(frozen=True, kw_only=True, slots=True)
class Prober:
    """Sends the same probe requests to candidate and champion.

    Parameters
    ----------
    backends
        Invokes versions.
    clock
        Monotonic clock, in seconds.
    """

    backends: Backends
    clock: Callable[[], float] = time.perf_counter

    def judge(
        self, spec: ModelSpec, pair: Pair, instances: Instances, measure: Measure, left: RemainingSeconds
    ) -> Probed:
        """Start both versions with one request each, send as many requests as a step needs, and judge the answers.

        Parameters
        ----------
        spec
            The model's spec.
        pair
            Candidate and champion.
        instances
            Probe instances; repeated when there are too few.
        measure
            Limits, baseline and evidence of the comparison.
        left
            Returns the seconds left; slow versions are judged on fewer requests.
        """
        for one in pair:
            self._ask(spec, one, instances[0])  # starts a version that nobody asked; not counted
        probed = self._round(spec, pair, instances, measure, left)
        for _ in range(1, ROUNDS):
            # Errors are judged over all rounds together, and need no second one.
            if probed.verdict.about in ("latency", "answers") and left() > 0:
                probed = self._round(spec, pair, instances, replace(measure, evidence=probed.evidence), left)
        return probed._replace(
            verdict=replace(probed.verdict, reason=f"asked what was held out: {probed.verdict.reason}")
        )

    def against_twin(
        self,
        spec: ModelSpec,
        candidate: Version,
        twin: Live,
        instances: Instances,
        measure: Measure,
        *,
        left: RemainingSeconds,
    ) -> str | None:
        """Describe the shift of a candidate's answers from its twin's; None when it is within the limit.

        Parameters
        ----------
        spec
            The model's spec.
        candidate
            Version that was fitted again on all rows.
        twin
            Statistics of the twin's answers to ``instances``, from the training job.
        instances
            Probe instances; each is sent once.
        measure
            Limits and baseline of the comparison.
        left
            Returns the seconds left; a slow version is judged on fewer requests.
        """
        live = Live()
        for instance in instances:
            if live.requests and left() <= 0:
                break
            live = version_stats.add(live, self._ask(spec, candidate, instance)[0])
        moved = answer_shift.shifted(live, twin, measure.limits, measure.baseline.target)
        return None if moved is None else f"against its twin, which was judged, {moved}"

    def _round(
        self, spec: ModelSpec, pair: Pair, instances: Instances, measure: Measure, left: RemainingSeconds
    ) -> Probed:
        candidate, champion, evidence = Live(), Live(), measure.evidence
        for number, instance in enumerate(islice(cycle(instances), measure.limits.requests)):
            if candidate.requests and left() <= 0:
                break
            (mine, answered), (theirs, other) = (self._ask(spec, one, instance) for one in pair)
            if number < len(instances) and answered and other:  # a repeated instance is no further pair
                mine = version_stats.add(mine, version_stats.agreement(answered, other))
            evidence = evidence.beside(mine, theirs, measure.limits)
            candidate, champion = version_stats.add(candidate, mine), version_stats.add(champion, theirs)
            if (failing := canary.fails(candidate, champion, measure.limits, evidence)) is not None:
                return Probed(Verdict("harmful", failing, "errors"), evidence)
        limits = replace(measure.limits, requests=candidate.requests)
        return Probed(canary.judge(candidate, champion, limits, measure.baseline, evidence), evidence)

    def _ask(
        self, spec: ModelSpec, version: Version, instance: Mapping[str, Any]
    ) -> tuple[Live, list[dict[str, Any]]]:
        """Return the counts of one request, and its predictions; none if it failed."""
        place = Place(version.endpoint, version.in_lambda)
        body = json.dumps({"instances": [instance]}).encode()
        began = self.clock()
        try:
            reply = self.backends.ask(place, version.model, version.version, body, SECONDS)
            predictions = parse_answer(spec, version.version, 1, reply.body)
        except (ModelFailedError, NotServingError, TimeoutError, UnanswerableError):
            return Live(requests=1, errors=1), []
        waited = (self.clock() - began) * 1000
        return version_stats.counted(predictions, waited, reply.timing), predictions
