"""The steps of a verification: the product's own story, from the first upload to ground truth, on sandbox models."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cli.verify import data
from cli.verify.costs import Charge
from cli.verify.remedies import KNOWN_ERRORS, UnexpectedError
from cli.verify.sandbox import Sandbox, counted
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import UploadState
from relearn.naming import sandbox as names
from relearn_client import Classification, NotFoundError, Predictions, Regression

MODEL, OTHER = names.IN_LAMBDA, names.ON_ENDPOINT
WHY = "relearn verify"
"""Reason of the rollback in the route's history."""
SHOWN_ID = 16
"""Characters of an upload's id in a report; twelve of them may look like an account's number."""
BATCH_ROWS = 20
SETTLE_SECONDS = 120.0
"""Maximum wait for records after a failure: a stage collects them for half a minute, and writes them within one."""
HOST_GB, SERVERLESS_GB = 1.0, 2.0
"""Memory that the sandbox models' specs ask for, in GB."""
CANARY = "canary 50 %"
"""The route's own words for the only step of the sandbox's rollout."""
WEIGHT = (14.0, 16.0)
"""Bounds in kg of the weight of a parcel of 5 cm; the data has three for each cm, and a deviation of at most one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step found.

    Parameters
    ----------
    facts
        What AWS and the stage answered, by name; JSON-ready.
    charges
        What the step used of what AWS bills.
    """

    facts: Mapping[str, Any]
    charges: tuple[Charge, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story.

    Parameters
    ----------
    name
        Its name, in one word.
    does, expects
        What it does, and what has to come of it.
    run
        Carries it out; raises an `UnexpectedError` when something else comes of it.
    """

    name: str
    does: str
    expects: str
    run: Callable[[], Answer]


class Story:
    """The steps, with what one needs of another.

    Parameters
    ----------
    sandbox
        Access to the sandbox models of the stage.
    clock
        Clock in seconds that measures requests.
    """

    def __init__(self, sandbox: Sandbox, clock: Callable[[], float] = time.perf_counter) -> None:
        self._sandbox = sandbox
        self._api = sandbox.api
        self._clock = clock
        self._first = self._second = 0
        self._truths: dict[str, str] = {}
        self._weights = ""

    def steps(self) -> list[Step]:
        """Return the steps, in order."""
        return [
            Step("stage", "read the stage and its sandbox models", "they are deployed", self.stage),
            Step(
                "upload", "upload the first data to S3", "a first version is trained and serves", self.upload
            ),
            Step("request", "ask for two predictions", "the first version answers rightly", self.request),
            Step(
                "canary",
                "upload better data by the API",
                "a second gets half of the requests, then all",
                self.canary,
            ),
            Step(
                "promoted",
                "ask what the first was wrong about",
                "the second version answers rightly",
                self.promoted,
            ),
            Step("worse", "upload worse data", "its version is rejected, the second serves on", self.worse),
            Step("broken", "upload a file without a column", "it is quarantined with a reason", self.broken),
            Step("rollback", "roll back", "the first version answers", self.rollback),
            Step("batch", f"score a file of {BATCH_ROWS} rows", "every row has its prediction", self.batch),
            Step("records", "read the recorded predictions", "every one is in the lake", self.records),
            Step("feedback", "send the truth of every prediction", "all of it is in the lake", self.feedback),
            Step(
                "endpoint",
                "ask the model on a serverless endpoint",
                "it is in service and answers",
                self.endpoint,
            ),
            Step("alarms", "read the stage's alarms", "there are some, none about the sandbox", self.alarms),
        ]

    def stage(self) -> Answer:
        """Check that the sandbox models are deployed."""
        target = self._sandbox.target
        for model in names.MODELS:
            try:
                found = self._api.model(model)
            except NotFoundError as error:
                raise UnexpectedError(
                    f"the stage has no model {model}",
                    f'set "verify": true for {target.stage} in cdk.json, and deploy it',
                ) from error
            if found.version is not None:
                raise UnexpectedError(
                    f"{model} serves version {found.version} already, although it was cleaned"
                )
        return Answer(
            {"stage": target.stage, "region": target.region, "sandbox": list(names.MODELS)}, _requests(2)
        )

    def upload(self) -> Answer:
        """Upload the first data of both models, and wait for the version in Lambda."""
        self._weights = self._sandbox.put(OTHER, "weights.csv", data.weights())
        sent = self._sandbox.put(MODEL, "first.csv", data.first())
        run = self._sandbox.run_of(MODEL, sent)
        self._first = _promoted(run)
        return Answer({"upload": sent[:SHOWN_ID], **_facts(run)}, self._charges(run))

    def request(self) -> Answer:
        """Ask the first version, twice: the first request starts the function."""
        facts: dict[str, Any] = {}
        spent = 0.0
        for name in ("first_ms", "then_ms"):
            answer, seconds = self._ask({"small": data.NARROW_SMALL, "large": data.NARROW_LARGE})
            _answered_by(answer, self._first)
            facts[name] = round(1000 * seconds)
            spent += seconds
        return Answer({"version": self._first, "answers": answer.labels, **facts}, _asked(2, spent, HOST_GB))

    def canary(self) -> Answer:
        """Upload better data, and ask while the new version is tried."""
        versions: Counter[int] = Counter()
        spent = 0.0

        def ask() -> None:
            nonlocal spent
            if self._sandbox.ledger.route(MODEL).candidate:
                answer, seconds = self._ask({"small": data.NARROW_SMALL})
                versions[answer.version] += 1
                spent += seconds

        sent = self._sandbox.send(MODEL, "better.csv", data.better())
        run = self._sandbox.run_of(MODEL, sent, ask)
        self._second = _promoted(run)
        if self._second <= self._first:
            raise UnexpectedError(f"version {self._second} is not newer than version {self._first}")
        moved = [
            one.what for one in reversed(self._api.route(MODEL).history) if one.who == f"run {run.run_id}"
        ]
        if CANARY not in moved or moved[-1] != "promoted":
            raise UnexpectedError(
                f"the route went {', '.join(moved) or 'nowhere'}; expected {CANARY}, then promoted"
            )
        shares = {f"version {version}": count for version, count in sorted(versions.items())}
        facts = {"upload": sent[:SHOWN_ID], **_facts(run), "route": moved, "answered_meanwhile": shares}
        return Answer(facts, (*self._charges(run), *_asked(sum(versions.values()) + 4, spent, HOST_GB)))

    def promoted(self) -> Answer:
        """Ask the second version what the first is wrong about."""

        def answered() -> tuple[Predictions, float] | None:
            answer, seconds = self._ask({"small": data.WIDE_SMALL}, expect=False)
            return (answer, seconds) if answer.version == self._second else None

        answer, seconds = self._sandbox.wait(f"version {self._second} to answer", answered)
        if answer.labels != ["small"]:
            raise UnexpectedError(f"version {self._second} answers {answer.labels[0]}; expected small")
        facts = {"version": answer.version, "answers": answer.labels, "ms": round(1000 * seconds)}
        return Answer(facts, _asked(1, seconds, HOST_GB))

    def worse(self) -> Answer:
        """Upload worse data; its version must not serve."""
        sent = self._sandbox.put(MODEL, "worse.csv", data.worse())
        run = self._sandbox.run_of(MODEL, sent)
        if run.state is not RunState.REJECTED:
            raise UnexpectedError(f"run {run.run_id} is {run.state}: {run.reason}; expected REJECTED")
        champion = self._sandbox.ledger.route(MODEL).champion
        if champion != self._second:
            raise UnexpectedError(f"version {champion} serves; expected {self._second}")
        return Answer({"upload": sent[:SHOWN_ID], **_facts(run), "serves": champion}, self._charges(run))

    def broken(self) -> Answer:
        """Upload a file that does not fit the spec."""
        sent = self._sandbox.put(MODEL, "broken.csv", data.broken())
        found = self._sandbox.checked(MODEL, sent)
        if found.state is not UploadState.QUARANTINED:
            raise UnexpectedError(
                f"upload {sent[:SHOWN_ID]} is {found.state}: {found.reason}; expected QUARANTINED"
            )
        return Answer({"upload": sent[:SHOWN_ID], "state": found.state.value, "reason": found.reason})

    def rollback(self) -> Answer:
        """Roll back by the API, and wait until the first version answers."""
        before = self._api.route(MODEL)
        began = self._clock()
        moved = self._api.change_route(MODEL, "rollback", why=WHY, revision=before.revision)
        if moved.champion != self._first:
            raise UnexpectedError(f"the route names version {moved.champion}; expected {self._first}")

        def answered() -> bool:
            return self._ask({"small": data.NARROW_SMALL})[0].version == self._first

        self._sandbox.wait(f"version {self._first} to answer", answered)
        return Answer(
            {"serves": moved.champion, "effect_seconds": round(self._clock() - began, 1)}, _requests(3)
        )

    def batch(self) -> Answer:
        """Score a file with the version that serves."""
        made = self._api.score(MODEL, data.batch(BATCH_ROWS))
        done = self._sandbox.wait(
            f"batch {made.batch}",
            lambda: found if (found := self._api.batch(MODEL, made.batch)).ended else None,
        )
        if done.state != "SUCCEEDED":
            raise UnexpectedError(f"batch {done.batch} is {done.state}: {done.reason}; expected SUCCEEDED")
        labels = [line.label for line in self._api.results(done) if isinstance(line, Classification)]
        if labels != ["small", "large"] * (BATCH_ROWS // 2):
            raise UnexpectedError(
                f"the batch's {len(labels)} predictions are not those of its {BATCH_ROWS} rows"
            )
        seconds = self._sandbox.transform_seconds(MODEL, done.batch)
        facts = {"batch": done.batch, "state": done.state, "rows": done.rows, "version": done.version}
        return Answer(
            facts | {"transform_seconds": round(seconds)},
            (Charge("transform_second", seconds), *_requests(3)),
        )

    def records(self) -> Answer:
        """Read the records of every prediction so far."""
        self._recorded()
        return Answer({"predictions": len(self._truths)})

    def feedback(self) -> Answer:
        """Send the ground truth of every prediction so far."""
        told = self._api.feedback(MODEL, self._truths.items())
        if told.counts != {"accepted": len(self._truths)}:
            raise UnexpectedError(
                f"of {len(self._truths)} truths the stage says {dict(told.counts)}; expected accepted"
            )

        def there() -> bool:
            known = {one.prediction for one in self._sandbox.outcomes(MODEL) if one.truth is not None}
            return self._truths.keys() <= known

        self._sandbox.wait(f"{len(self._truths)} truths in the lake", there)
        return Answer({"accepted": len(self._truths)}, _requests(1))

    def endpoint(self) -> Answer:
        """Wait for the version with an endpoint, whose data was uploaded first of all, and ask it."""
        run = self._sandbox.run_of(OTHER, self._weights)
        version = _promoted(run)
        status = self._sandbox.endpoint_status(OTHER, version)
        began = self._clock()
        answer = self._api.predict(OTHER, [{"length": 5.0}])
        seconds = self._clock() - began
        values = [one.value for one in answer.predictions if isinstance(one, Regression)]
        if (
            status != "InService"
            or not all(WEIGHT[0] <= value <= WEIGHT[1] for value in values)
            or not values
        ):
            raise UnexpectedError(
                f"the endpoint is {status} and answers {values}; expected InService and 15 kg"
            )
        facts = {**_facts(run), "status": status, "answers": [round(value, 2) for value in values]}
        self._sandbox.wait("the record of its prediction", lambda: self._sandbox.outcomes(OTHER))
        used = (*self._charges(run), Charge("serverless_gb_second", seconds * SERVERLESS_GB), *_requests(1))
        return Answer(facts | {"ms": round(1000 * seconds)}, used)

    def alarms(self) -> Answer:
        """Read the alarms of the stage; those of other models are reported only."""
        found = self._sandbox.alarms()
        if not found:
            raise UnexpectedError("the stage has no alarm: its monitoring stack is not deployed")
        raised = sorted(name for name, state in found.items() if state == "ALARM")
        ours = [name for name in raised if MODEL in name]
        if ours:
            raise UnexpectedError(f"alarms of the sandbox models are raised: {', '.join(ours)}")
        return Answer({"alarms": len(found), "states": counted(found), "raised": raised})

    def settle(self) -> None:
        """Wait for records that are on their way, so that none arrives after the cleaning; give up after a while."""
        with suppress(UnexpectedError, *KNOWN_ERRORS):
            self._recorded(SETTLE_SECONDS)

    def _recorded(self, seconds: float | None = None) -> None:
        def there() -> bool:
            return self._truths.keys() <= {one.prediction for one in self._sandbox.outcomes(MODEL)}

        if self._truths:
            self._sandbox.wait(f"the records of {len(self._truths)} predictions", there, seconds=seconds)

    def _ask(
        self, places: Mapping[str, tuple[float, float]], *, expect: bool = True
    ) -> tuple[Predictions, float]:
        """Ask for the sizes of parcels; return the answer and its seconds.

        Parameters
        ----------
        places
            True size to length and width.
        expect
            Whether every version must answer the true sizes.
        """
        began = self._clock()
        answer = self._api.predict(MODEL, [data.question(place) for place in places.values()])
        seconds = self._clock() - began
        if expect and answer.labels != list(places):
            raise UnexpectedError(
                f"version {answer.version} answers {answer.labels}; expected {list(places)}"
            )
        found = (one.id for one in answer.predictions if isinstance(one, Classification))
        self._truths |= dict(zip(found, places, strict=True))
        return answer, seconds

    def _charges(self, run: Run) -> tuple[Charge, ...]:
        return (
            Charge("training_second", self._sandbox.training_seconds(run)),
            Charge("state_transition", self._sandbox.transitions(run)),
        )


def _promoted(run: Run) -> int:
    """Return the version that a run promoted.

    Raises
    ------
    UnexpectedError
        When it ended otherwise.
    """
    if run.state is not RunState.PROMOTED:
        raise UnexpectedError(
            f"run {run.run_id} of {run.model} is {run.state}: {run.reason}; expected PROMOTED"
        )
    return run.version


def _answered_by(answer: Predictions, version: int) -> None:
    if answer.version != version:
        raise UnexpectedError(f"version {answer.version} answers; expected {version}")


def _facts(run: Run) -> dict[str, Any]:
    facts: dict[str, Any] = {"run": run.run_id, "state": run.state.value}
    if run.version:
        facts["version"] = run.version
    facts["metrics"] = _rounded(run.metrics)
    if run.champion_metrics:
        facts["champion_metrics"] = _rounded(run.champion_metrics)
    return {**facts, "reason": run.reason}


def _rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in metrics.items() if name in ("accuracy", "r2")}


def _requests(count: int) -> tuple[Charge, ...]:
    return (Charge("api_request", count),)


def _asked(count: int, seconds: float, gigabytes: float) -> tuple[Charge, ...]:
    return (*_requests(count), Charge("function_gb_second", seconds * gigabytes))
