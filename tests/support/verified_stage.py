"""A stage as a verification sees it, in memory: it does what it should, but for what a test has it do otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn_client import Classification, Predictions, Regression

VERSIONS = {"first.csv": 1, "better.csv": 2}
METRICS = {"accuracy": 1.0}


class VerifiedStage:
    """Stands for `cli.verify.sandbox.Sandbox` and for its client of the API.

    Parameters
    ----------
    otherwise
        Name of a method to what it does instead.
    """

    def __init__(self, **otherwise: Any) -> None:
        self.target = SimpleNamespace(stage="test", region="eu-west-1")
        self.api = self.ledger = self
        self.champion = self.previous = self.candidate = 0
        self.calls: list[str] = []
        self.asked: dict[str, str | None] = {}
        for name, instead in otherwise.items():
            setattr(self, name, instead)

    # the sandbox

    def wait(self, what: str, look: Callable[[], Any], *, seconds: float | None = None) -> Any:
        del seconds
        seen = look()
        assert seen, what
        return seen

    def put(self, model: str, filename: str, content: bytes) -> str:
        assert content
        self.calls.append(f"{model}/{filename}")
        return filename

    send = put

    def run_of(self, model: str, upload_id: str, during: Callable[[], None] = lambda: None) -> Run:
        run = self.ended(model, upload_id)
        if run.state is RunState.PROMOTED and model == "verify":
            self.candidate = run.version if self.champion else 0
            during()
            self.champion, self.previous, self.candidate = run.version, self.champion, 0
        return run

    def ended(self, model: str, upload_id: str) -> Run:
        if upload_id == "worse.csv":
            return Run(
                run_id="r3", model=model, state=RunState.REJECTED, reason="accuracy 0.5000", metrics=METRICS
            )
        version = VERSIONS.get(upload_id, 1)
        return Run(
            run_id=f"r{version}", model=model, state=RunState.PROMOTED, version=version, metrics=METRICS
        )

    def checked(self, model: str, upload_id: str) -> Upload:
        values: dict[str, Any] = {
            "table": "main",
            "key": upload_id,
            "version_id": "1",
            "sequencer": "1",
            "size_bytes": 1,
        }
        reason = "schema: columns missing: width"
        state = UploadState.QUARANTINED
        return Upload(upload_id=upload_id, model=model, state=state, reason=reason, received_at="", **values)

    def training_seconds(self, run: Run) -> float:
        return 3600.0 if run.version else 0.0

    def transform_seconds(self, model: str, batch: str) -> float:
        del model, batch
        return 60.0

    def transitions(self, run: Run) -> int:
        del run
        return 40

    def endpoint_status(self, model: str, version: int) -> str:
        del model, version
        return "InService"

    def outcomes(self, model: str) -> list[Any]:
        del model
        return [SimpleNamespace(prediction=one, truth=truth) for one, truth in self.asked.items()]

    def alarms(self) -> dict[str, str]:
        return {"relearn-test-guard-verify-server-errors": "OK", "relearn-test-monitoring-Guard": "ALARM"}

    # the API

    def model(self, name: str) -> Any:
        del name
        return SimpleNamespace(version=None)

    def predict(self, model: str, instances: list[Mapping[str, float]]) -> Predictions:
        version = self.candidate or self.champion
        found: list[Any] = []
        for instance in instances:
            number = f"p{len(self.asked)}"
            self.asked[number] = None
            if model == "verifyendpoint":
                found.append(Regression(value=3 * instance["length"], id=number))
                continue
            wide = instance["width"] if version == 2 else 1.0
            label = "large" if instance["length"] - wide > 4 else "small"
            found.append(Classification(label=label, probabilities={label: 1.0}, id=number))
        return Predictions(model=model, version=version, predictions=tuple(found))

    def route(self, model: str) -> Any:
        del model
        moves = [SimpleNamespace(what=what, who="run r2") for what in ("promoted", "canary 50 %")]
        return SimpleNamespace(
            champion=self.champion, candidate=self.candidate, revision=3, history=tuple(moves)
        )

    def change_route(self, model: str, action: str, *, why: str, revision: int) -> Any:
        assert (model, action, why, revision) == ("verify", "rollback", "relearn verify", 3)
        self.champion, self.previous = self.previous, self.champion
        return self.route(model)

    def score(self, model: str, file: bytes) -> Any:
        del model
        assert file
        return SimpleNamespace(batch="b1")

    def batch(self, model: str, batch_id: str) -> Any:
        del model
        return SimpleNamespace(batch=batch_id, ended=True, state="SUCCEEDED", reason="", rows=20, version=1)

    def results(self, batch: Any) -> Iterator[Classification]:
        del batch
        for row in range(20):
            label = ("small", "large")[row % 2]
            yield Classification(label=label, probabilities={label: 1.0}, id=f"b{row}")

    def feedback(self, model: str, truths: Any) -> Any:
        del model
        self.asked |= dict(truths)
        return SimpleNamespace(counts={"accepted": len(truths)})


def failed(reason: str) -> Callable[[str, str], Run]:
    """Return an ending for every run: it failed for a reason."""
    return lambda model, _: Run(run_id="r1", model=model, state=RunState.FAILED, reason=reason)
