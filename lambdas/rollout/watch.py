"""Judges a rollout step by comparing candidate and champion: it passes, lasts longer, or the candidate is withdrawn."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from lambdas.aws.alarms import Alarms
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.aws.notify import Notifier
from lambdas.aws.s3.storage import Storage
from lambdas.rollout.probes import Measure, Pair, Probed, Prober, RemainingSeconds
from lambdas.runs import job_report, withdrawal
from lambdas.runtime.catalog import Catalog
from relearn.cutting import cut
from relearn.errors import ConflictError, NotFoundError
from relearn.lifecycle.run_context import RolloutStep, Watched
from relearn.lifecycle.runs import MAX_REASON, Run, Version, VersionState
from relearn.naming import resources, s3_keys
from relearn.spec.hosting import Serverless
from relearn.spec.rollout import Limits
from relearn.traffic import canary, rollout_plan
from relearn.traffic.canary import Baseline, Verdict
from relearn.traffic.duel import Duel
from relearn.traffic.rollout_evidence import RolloutEvidence
from relearn.traffic.rollout_plan import Step
from relearn.traffic.route import Change, Route
from relearn.traffic.version_stats import ANSWERS, Live

SPARE_SECONDS = 200
"""Seconds of the function's time kept back for requests in progress and for writing the verdict."""


ANY_LATENCY = 1e9
"""Ratio of latencies that is never exceeded."""


EARLY = timedelta(seconds=1)
"""Largest expected difference between the clocks of two machines."""


_Verdict = Literal["pass", "wait", "breach"]
"""Verdicts on a step."""


_log = logging.getLogger(__name__)


class BegunStep(NamedTuple):
    """A step that `lambdas.handlers.advance` began.

    Parameters
    ----------
    step
        Phase and weight of the step.
    limits
        Limits that a breach exceeds.
    revision
        Revision of the route, under which requests are counted.
    began, until, longest
        Begin of the step, its end, and its end if too little was seen; aware.
    first
        Whether it is the first step of the rollout.
    judged_steps
        Number of steps in the rollout that are judged.
    """

    step: Step
    limits: Limits
    revision: int
    began: datetime
    until: datetime
    longest: datetime
    first: bool
    judged_steps: int


class Look(NamedTuple):
    """A look at a step.

    Parameters
    ----------
    told
        Result of `lambdas.handlers.advance`.
    before
        Result of the look before, of this step or of the one before it; None for the first.
    left
        Returns the seconds left for probe requests.
    """

    told: RolloutStep
    before: Watched | None
    left: RemainingSeconds


class _Found(NamedTuple):
    """Verdict on a step, its reason, and the evidence that the next look begins with."""

    verdict: _Verdict
    reason: str
    evidence: RolloutEvidence


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutWatch:
    """Judges the steps of a rollout.

    Parameters
    ----------
    ledger, counts, storage
        Adapters.
    alarms
        Reads the alarms in state ALARM.
    notifier
        Notifies people.
    prober
        Sends probe requests where callers send too few.
    catalog
        Specs of all models.
    stage
        Name of the stage, part of the alarms' names.
    lake
        Name of the lake's bucket.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    counts: LiveCounts
    storage: Storage
    alarms: Alarms
    notifier: Notifier
    prober: Prober
    catalog: Catalog
    stage: str
    lake: str
    clock: Callable[[], datetime]

    def watch(self, model: str, run_id: str, number: int, look: Look) -> Watched:
        """Judge a step, and withdraw the candidate on a breach.

        Parameters
        ----------
        model, run_id, number
            The candidate, and the run that produced it.
        look
            The step, what is known of it, and the time left.

        Returns
        -------
        Watched
            ``verdict``: ``"pass"``, ``"wait"`` (until the step's time is up) or ``"breach"``; the ``reason``; and
            the ``evidence`` of harm over the whole rollout, for the next look.

        Raises
        ------
        ConflictError
            The route was moved, and the candidate is no longer tried by this step.
        FrozenRouteError
            A person froze the route.
        NotFoundError
            The ledger has no such version.
        """
        candidate = self._version(model, number)
        if candidate.state is VersionState.FAILED:  # withdrawn by an earlier attempt of this call
            return {"verdict": "breach", "reason": candidate.reason}
        route = self.ledger.route(model)
        if route.champion == number:
            return {"verdict": "pass", "reason": f"version {number} serves already"}
        run = self.ledger.run(model, run_id)
        begun = _begun(look.told)
        self._refuse_moved(route, run, begun.step)
        pair = Pair(candidate, self._version(model, route.champion))
        verdict, reason, evidence = self._judge(run, pair, begun, _evidence(begun, look.before), look.left)
        about = {"model": model, "run_id": run_id, "version": number, "reason": reason}
        _log.info("%s: %s", begun.step.words, verdict, extra=about)
        if verdict == "breach":
            reason = cut(f"{begun.step.words}: {reason}", MAX_REASON)
            self._withdraw(candidate, Change("withdrawn", f"run {run_id}", reason))
        return {"verdict": verdict, "reason": reason, "evidence": evidence.as_dict()}

    def _withdraw(self, candidate: Version, change: Change) -> None:
        steps = {candidate.version: (VersionState.REGISTERED, VersionState.FAILED)}
        withdrawal.withdraw(self.ledger, candidate.model, candidate.version, change, steps)
        if self._version(candidate.model, candidate.version).state is VersionState.REGISTERED:
            # Another writer removed it from the route first.
            self.ledger.change_version(candidate, state=VersionState.FAILED, reason=change.why)

    def _refuse_moved(self, route: Route, run: Run, step: Step) -> None:
        if step.on(route, run.version, run.champion_version) is not route:
            raise ConflictError(
                f"version {run.version} is no longer tried at {step.weight} % (revision {route.revision})"
            )

    def _judge(
        self, run: Run, pair: Pair, begun: BegunStep, evidence: RolloutEvidence, left: RemainingSeconds
    ) -> _Found:
        if raised := self.alarms.raised(resources.guard(self.stage, run.model), begun.began):
            why = "; ".join(f"alarm {alarm.name}: {alarm.reason}" for alarm in raised)
            return _Found("breach", why, evidence)
        mine, theirs = (self.counts.total(run.model, begun.revision, one.version) for one in pair)
        evidence = evidence.look(mine, theirs, begun.limits)
        now = self.clock() + EARLY
        if now < begun.until:
            failing = canary.fails(mine, theirs, begun.limits, evidence)
            lasts = f"{begun.step.words} lasts"
            return _Found("wait", lasts, evidence) if failing is None else _Found("breach", failing, evidence)
        told = self._report(run)
        measure = Measure(begun.limits, Baseline.from_report(told), evidence)
        found = canary.judge(mine, theirs, begun.limits, measure.baseline, evidence)
        if found.verdict == "too little seen":
            if now < begun.longest:
                return _Found("wait", f"{begun.step.words} lasts longer: {found.reason}", evidence)
            found, evidence = self._ask_more(pair, (mine, theirs), found, measure, left)
        verdict, reason = self._conclude(pair, found, begun, told)
        if verdict == "pass" and begun.first and (twin := told.get("twin")):
            moved = self._against_twin(pair.candidate, twin, measure, left)
            if moved is not None:
                return _Found("breach", moved, evidence)
        return _Found(verdict, reason, evidence)

    def _ask_more(
        self, pair: Pair, told: tuple[Live, Live], seen: Verdict, measure: Measure, left: RemainingSeconds
    ) -> Probed:
        """Send probes; what callers met stays in doubt, unless its answers or the probes show harm."""
        if seen.about:
            harm = canary.judge_answers(*told, measure.limits, measure.baseline, measure.evidence.steps)
            if harm is not None:
                return Probed(harm, measure.evidence)
        probed = self._probe(pair, measure, left)
        if not seen.about or probed.verdict.verdict == "harmful":
            return probed
        return probed._replace(verdict=replace(seen, reason=f"{seen.reason}; {probed.verdict.reason}"))

    def _conclude(
        self, pair: Pair, found: Verdict, begun: BegunStep, told: Mapping[str, Any]
    ) -> tuple[_Verdict, str]:
        """Return what follows from the verdict at the end of a step."""
        if found.verdict == "too little seen":
            follows = begun.limits.undecided
            reason = f"too little seen: {found.reason}; the spec says {follows}"
            return ("breach" if follows == "withdraw" else "pass"), reason
        if found.about == "answers":
            return "breach", self._whom_to_look_at(pair, found.reason, Duel.from_report(told))
        return ("breach" if found.verdict == "harmful" else "pass"), found.reason

    def _whom_to_look_at(self, pair: Pair, reason: str, duel: Duel | None) -> str:
        """Return the reason for a shift; notify people about the champion if the candidate surely beat it.

        The candidate is withdrawn all the same: its uploads may have changed the evaluation set.
        """
        if duel is None or not duel.surely_better:
            return reason
        candidate, champion = pair
        doubt = (
            f"{reason}; yet version {candidate.version} is surely {duel.words}: look at the champion, version "
            f"{champion.version}, and at what the uploads hold out"
        )
        self.notifier.tell(
            "doubted",
            candidate.model,
            f"version {champion.version} or {candidate.version} answers wrongly",
            doubt,
        )
        return cut(doubt, MAX_REASON)

    def _against_twin(
        self, candidate: Version, twin: Mapping[str, Any], measure: Measure, left: RemainingSeconds
    ) -> str | None:
        """Describe how a model fitted again on all rows answers otherwise than its twin; None when it does not."""
        live = Live(**{name: twin[name] for name in ANSWERS})
        spec, instances = self.catalog.spec(candidate.model), self._instances(candidate)
        return self.prober.against_twin(spec, candidate, live, instances, measure, left=left)

    def _instances(self, candidate: Version) -> Sequence[Mapping[str, Any]]:
        """Return the probes of the candidate's run; the model's sample when there are none."""
        key = s3_keys.report_key(candidate.model, candidate.run_id, job_report.PROBES)
        lines = self.storage.first_lines(self.lake, key, job_report.LARGEST_PROBES)
        return [json.loads(line) for line in lines] or self.catalog.samples[candidate.model]

    def _probe(self, pair: Pair, measure: Measure, left: RemainingSeconds) -> Probed:
        instances = self._instances(pair.candidate)
        if len({one.hosting.get("type", Serverless.type) for one in pair}) > 1:
            # The two are hosted differently, and probes bypass the way of callers' requests: latencies are
            # not comparable.
            measure = replace(measure, limits=replace(measure.limits, latency_ratio=ANY_LATENCY))
        return self.prober.judge(self.catalog.spec(pair.candidate.model), pair, instances, measure, left)

    def _report(self, run: Run) -> dict[str, Any]:
        """Return the training job's report."""
        key = s3_keys.report_key(run.model, run.run_id, job_report.JSON)
        told: dict[str, Any] = json.loads(self.storage.read(self.lake, key, job_report.LARGEST_FILE))
        return told

    def _version(self, model: str, number: int) -> Version:
        version = self.ledger.version(model, number)
        if version is None:
            raise NotFoundError(f"version {number} of {model} is not in the ledger")
        return version


def _begun(told: RolloutStep) -> BegunStep:
    until = datetime.fromisoformat(told["until"])
    return BegunStep(
        rollout_plan.step_from_dict(told),
        Limits(**(told["limits"] or {})),  # only a promotion has none, and nobody watches one
        told["revision"],
        # A run that older code began may be under way, without these fields.
        datetime.fromisoformat(told["began"]) if "began" in told else until,
        until,
        datetime.fromisoformat(told["longest"]) if "longest" in told else until,
        told["index"] == 0,
        sum(step["limits"] is not None for step in told["steps"]),
    )


def _evidence(begun: BegunStep, before: Watched | None) -> RolloutEvidence:
    """Return the evidence before a look; what was seen under a revision of the route is one step's."""
    known = None if before is None else before.get("evidence")
    evidence = RolloutEvidence.of(begun.judged_steps) if known is None else RolloutEvidence.from_dict(known)
    return evidence.in_step(str(begun.revision))
