"""No upload is forgotten and no two runs of a model overlap, in whatever order things happen.

Every call to the ledger or to Step Functions is a point where another actor may go first, or where the one who
called dies. Hypothesis chooses. Actors are the ingests of some uploads and the executions they start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.table import Table
from lambdas.aws.metrics import Meter
from lambdas.maintenance.sweep import Sweep
from lambdas.rollout.promotion import Promotion
from lambdas.runs.failure import RunFailure
from lambdas.runs.lifecycle import Runs
from lambdas.runs.opening import RunOpening
from lambdas.runtime.catalog import Catalog
from relearn.lifecycle import runs
from relearn.lifecycle.runs import Run, RunState, Version
from relearn.lifecycle.uploads import MAX_ATTEMPTS, Upload, UploadState
from tests.support.agenda import Clock
from tests.support.dynamo import Dynamo
from tests.support.examples import examples
from tests.support.models import FLOWERS

MODEL = "flowers"
UNDER_WAY = {RunState.TRAINING, RunState.JUDGING, RunState.DEPLOYING}


class Died(BaseException):
    """The process of an actor is gone; no handler can catch that."""


class Actor:
    """Something that runs step by step: it stops before every call to the outside until it is let go on."""

    current: threading.local = threading.local()

    def __init__(self, work: Callable[[], None]) -> None:
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._dies = False
        self.done = False
        self.problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        Actor.current.actor = self
        self._go.acquire()
        try:
            work()
        except Died:
            pass
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.problem = error
        self.done = True
        self._stopped.release()

    def step(self, *, dies: bool = False) -> None:
        """Go on until the next call; or die there."""
        self._dies = dies
        self._go.release()
        self._stopped.acquire()

    @staticmethod
    def pause() -> None:
        actor: Actor | None = getattr(Actor.current, "actor", None)
        if actor is not None:
            actor._stopped.release()
            actor._go.acquire()
            if actor._dies:
                raise Died


class SteppedTable(Table):
    """Stops before every call."""

    def get(self, *given: Any, **more: Any) -> Any:
        Actor.pause()
        return super().get(*given, **more)

    def query(self, *given: Any, **more: Any) -> Any:
        Actor.pause()
        return iter(list(super().query(*given, **more)))

    def write(self, *given: Any, **more: Any) -> None:
        Actor.pause()
        super().write(*given, **more)

    def delete(self, *given: Any, **more: Any) -> bool:
        Actor.pause()
        return super().delete(*given, **more)


@dataclass
class Machines:
    """Step Functions: an execution is an actor."""

    begin: Callable[[str], None]
    running: dict[str, bool] = field(default_factory=dict)

    def start(self, name: str, _payload: dict[str, Any]) -> None:
        Actor.pause()
        if name not in self.running:
            self.running[name] = True
            self.begin(name)

    def ended(self, name: str) -> str | None:
        Actor.pause()
        return None if name not in self.running else "" if self.running[name] else "the execution ABORTED"


class Nothing:
    """Stands for adapters whose effects do not matter here."""

    def tell(self, *_: Any) -> None: ...
    def write(self, *_: Any) -> None: ...
    def retire(self, *_: Any) -> None: ...
    def repair(self, *_: Any) -> None: ...
    def remove(self, *_: Any) -> None: ...
    def keys(self, *_: Any) -> list[str]:
        return []

    def send(self) -> int:
        return 0


class Stage:
    """The parts under test, and the actors on them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.actors: list[Actor] = []
        self.fails: set[int] = set()
        nothing: Any = Nothing()
        table = SteppedTable(Dynamo("ledger").client(), "ledger")
        self.machines = Machines(self._begin)
        executions: Any = self.machines
        self.ledger = Ledger(table, self.clock)
        self.runs = Runs(
            ledger=self.ledger,
            executions=executions,
            notifier=nothing,
            meter=Meter("test", self.clock, lambda _line: None),
            specs={MODEL: FLOWERS},
            debounce_seconds=0,
            clock=self.clock,
        )
        catalog: Any = Catalog({MODEL: FLOWERS}, {}, nothing)
        self.opening = RunOpening(
            ledger=self.ledger, storage=nothing, catalog=catalog, stage="test", lake="l", artifacts="a"
        )
        self.sweep = Sweep(
            ledger=self.ledger,
            executions=executions,
            lost_uploads=nothing,
            batches=nothing,
            runs=self.runs,
            run_failure=RunFailure(runs=self.runs, retirement=nothing),
            retirement=nothing,
            route_changes=nothing,
            approvals=nothing,
            orphaned_endpoints=nothing,
            missing_endpoints=nothing,
            models=[MODEL],
            clock=self.clock,
        )

    def ingest(self, number: int) -> None:
        self.actors.append(Actor(lambda: self._ingest(number)))

    def _ingest(self, number: int) -> None:
        upload = self.ledger.receive(
            Upload(
                upload_id=f"u{number}",
                model=MODEL,
                table="main",
                key=f"k{number}",
                version_id="v",
                sequencer="1",
                size_bytes=1,
                received_at=f"{number:03d}",
            )
        )
        if upload.state is UploadState.RECEIVED:
            upload = self.ledger.move_upload(upload, UploadState.ACCEPTED)
        if upload.state is UploadState.ACCEPTED:
            self.runs.ensure_run(MODEL)

    def _begin(self, run_id: str) -> None:
        fails = len(self.machines.running) in self.fails
        self.actors.append(Actor(lambda: self._execute(run_id, fails=fails)))

    def _execute(self, run_id: str, *, fails: bool) -> None:
        try:
            if not self.opening.open(MODEL, run_id)["proceed"]:
                self.runs.close(MODEL, run_id, RunState.EMPTY, "")
            elif fails:
                self.runs.fail(MODEL, run_id, "broke")
            else:
                self._promote(self.ledger.move_run(self.ledger.run(MODEL, run_id), RunState.JUDGING))
                self.runs.close(MODEL, run_id, RunState.PROMOTED, "better")
        finally:
            self.machines.running[run_id] = False

    def _promote(self, run: Run) -> None:
        version = Version(model=MODEL, version=len(self.machines.running), run_id=run.run_id)
        self.ledger.register(run, version)
        Promotion(ledger=self.ledger).promote(MODEL, run.run_id, version.version)

    def come_round(self) -> None:
        """Begin a sweep, five minutes later."""
        self.clock.now += timedelta(minutes=5)
        self.actors.append(Actor(lambda: _ignore(self.sweep.everything())))

    def go(self, data: st.DataObject | None = None, deaths: Container[int] = ()) -> None:
        """Let the actors go on until none is left, each for a while, in an order that is drawn; some die at a step."""
        step = 0
        while waiting := [actor for actor in self.actors if not actor.done]:
            actor = waiting[0] if data is None else data.draw(st.sampled_from(waiting))
            for _ in range(1 if data is None else data.draw(st.integers(1, 15))):
                if not actor.done:
                    actor.step(dies=step in deaths)
                    step += 1
                    self.check()

    def check_rest(self, uploads: int) -> None:
        """When nothing goes on any more: every upload has one end, every run too, and nothing is locked."""
        found = [self.ledger.run(MODEL, name) for name in self.machines.running]
        failed = [run for run in found if run.state is RunState.FAILED]
        ended = [upload for run in found if run.state is RunState.PROMOTED for upload in run.uploads]
        for upload in self.ledger.uploads(MODEL):
            if upload.state is UploadState.FAILED:
                assert len(failed) >= upload.attempts == MAX_ATTEMPTS
                ended.append(upload.upload_id)
            else:
                assert upload.state is UploadState.TRAINED
        assert sorted(ended) == [f"u{number}" for number in range(uploads)]
        assert all(run.state in runs.FINAL for run in found)
        assert self.ledger.lock(MODEL) is None

    def check(self) -> None:
        """At every moment: one run at a time, and nobody stumbled."""
        found = [self.ledger.run(MODEL, name) for name in self.machines.running]
        under_way = [run.run_id for run in found if run.state in UNDER_WAY]
        assert len(under_way) <= 1, f"two runs at once: {under_way}"
        problems = [actor.problem for actor in self.actors if actor.problem is not None]
        assert problems == []


@pytest.mark.parametrize("waiting", [0, 1], ids=["nothing waits", "another upload waits"])
def test_a_lock_that_is_taken_for_a_run_that_has_ended_is_freed(waiting: int) -> None:
    stage = Stage()
    stage.ingest(0)
    stage.go()
    (ended,) = stage.machines.running
    stage.ledger.take_lock(MODEL, ended)
    for number in range(1, 1 + waiting):
        stage.ingest(number)
    stage.go()
    stage.runs.launch(MODEL, ended, ("u0",))
    stage.go()
    stage.check_rest(1 + waiting)
    assert len(stage.machines.running) == 1 + waiting


@examples(120)
@given(data=st.data())
def test_without_faults_nothing_needs_to_be_repaired(data: st.DataObject) -> None:
    stage = Stage()
    uploads = data.draw(st.integers(1, 4), label="uploads")
    for number in range(uploads):
        stage.ingest(number)
    stage.go(data)
    stage.check_rest(uploads)


@examples(120)
@given(data=st.data())
def test_every_upload_is_trained_once_or_failed_for_a_reason_whoever_dies(data: st.DataObject) -> None:
    stage = Stage()
    uploads = data.draw(st.integers(1, 4), label="uploads")
    stage.fails = data.draw(st.sets(st.integers(1, 3), max_size=2), label="runs that fail")
    deaths = data.draw(st.sets(st.integers(0, 90), max_size=4), label="deaths at steps")
    for number in range(uploads):
        stage.ingest(number)
    for _ in range(data.draw(st.integers(0, 2), label="sweeps meanwhile")):
        stage.come_round()
    stage.go(data, deaths)
    for _ in range(8):  # the queue delivers again, the sweep comes round
        for number in range(uploads):
            stage.ingest(number)
        stage.come_round()
        stage.go()
    stage.check_rest(uploads)


def _ignore(_value: object) -> None:
    """Make an actor's work of something that gives a value."""
