"""The narrator of the story: calls the API, follows the ledger and prints what happens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from demo import evidence
from demo.console import Console
from demo.errors import StoryError
from demo.ledger import Ledger
from demo.stage import Stage
from relearn.naming import ids, s3_keys
from relearn.spec.tables import MAIN
from relearn_client import Classification, NotFoundError, Prediction, Predictions, Ranking, Run

_PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 0.25
_SHOWN_ITEMS = 3
_BAD_ENDS = {
    "RUN": ("FAILED", "REJECTED", "ROLLED_BACK"),
    "UPLOAD": ("QUARANTINED", "FAILED"),
    "VERSION": ("FAILED",),
}


class Narrator:
    """Narrates what happens on one stage.

    Parameters
    ----------
    stage
        The stage, on a laptop cloud that is up.
    console
        Console for the output.
    """

    def __init__(self, stage: Stage, console: Console) -> None:
        self.stage, self.console = stage, console
        self._ledger = Ledger(stage.dynamodb, stage.ledger)

    def first_versions(self, models: Iterable[str]) -> None:
        """Wait until each of the models serves a version."""
        waiting = list(models)

        def come() -> bool:
            for name in list(waiting):
                found = self.stage.api.model(name)
                if found.state == "live":
                    waiting.remove(name)
                    self.console.done(f"{name}: version {found.version} serves")
            return not waiting

        self.follow(come, lambda: f"the first version of {', '.join(waiting)}")

    def predict_sample(self, model: str) -> Predictions:
        """Predict the model's own sample; print and return the predictions."""
        instances = self.stage.api.model(model).sample["instances"]
        answer = self.stage.api.predict(model, instances)
        self.console.step(f"POST /v1/models/{model}/predict with the model's sample")
        for instance in instances:
            self.console.detail(", ".join(f"{name} {value}" for name, value in instance.items()))
        self.show(answer)
        return answer

    def show(self, answer: Predictions) -> None:
        """Print predictions."""
        told = ", ".join(map(text_of, answer.predictions))
        self.console.detail(f"version {answer.version} answers: {told}")

    def upload(self, model: str, file: Path, *, table: str = MAIN, name: str | None = None) -> str:
        """Put a file into the incoming folder of a model's table.

        Parameters
        ----------
        model
            Name of the model.
        file
            The file to upload.
        table
            Table of a model that has several.
        name
            Last part of the object's key; None uses the file's name.

        Returns
        -------
        str
            Id of the upload.
        """
        key = s3_keys.incoming_prefix(model, table) + (name or file.name)
        bucket = self.stage.uploads
        stored = self.stage.s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
        self.console.detail(s3_keys.uri(bucket, key))
        return ids.upload_id(bucket, key, stored["VersionId"])

    def next_version(self, model: str, before: Predictions) -> Predictions:
        """Wait until a newer version than that of `before` answers the model's sample.

        Return its predictions.
        """
        instances = self.stage.api.model(model).sample["instances"]
        newest = before

        def come() -> bool:
            nonlocal newest
            newest = self.stage.api.predict(model, instances)
            return newest.version > before.version

        self.follow(come, lambda: f"version {before.version + 1} of {model}")
        return newest

    def trained(self, model: str, upload_ids: Sequence[str]) -> None:
        """Wait until the model was trained on all of these uploads and the runs that trained on them have ended."""

        def come() -> bool:
            try:
                found = [self.stage.api.upload(model, upload_id) for upload_id in upload_ids]
            except NotFoundError:  # ingest has not received its event yet
                return False
            runs = {one.run_id for one in found if one.state == "TRAINED" and one.run_id is not None}
            return all(one.state == "TRAINED" for one in found) and all(
                self.stage.api.run(model, run).ended_at is not None for run in runs
            )

        self.follow(come, lambda: f"a run with the new data of {model}")

    def run_of(self, model: str, version: int) -> Run:
        """Return the run that created a version.

        Raises
        ------
        StoryError
            When the model has no such version.
        """
        made = [one.run_id for one in self.stage.api.versions(model) if one.version == version]
        if not made:
            raise StoryError(f"model {model} has no version {version}")
        return self.stage.api.run(model, made[0])

    def compare(self, model: str, version: int) -> None:
        """Print the metrics of a version and of the champion it was compared with, and how sure the difference is."""
        run = self.run_of(model, version)
        if run.reason:
            self.console.detail(run.reason)
        for name in sorted(run.metrics):
            old = f"{run.champion_metrics[name]:.4f}" if name in run.champion_metrics else "-"
            self.console.detail(
                f"{name:24} version {version - 1}: {old:>10}   version {version}: {run.metrics[name]:>10.4f}"
            )
        report = json.loads(self.read(s3_keys.report_key(model, run.run_id, "report.json")))
        if sure := evidence.of_report(report, version):
            self.console.done(sure)

    def read(self, key: str) -> bytes:
        """Return the content of an object of the lake."""
        content: bytes = self.stage.s3.get_object(Bucket=self.stage.lake, Key=key)["Body"].read()
        return content

    def follow(self, come: Callable[[], bool], what: Callable[[], str]) -> None:
        """Print changes of the ledger until a condition holds.

        Parameters
        ----------
        come
            Returns whether the condition holds.
        what
            Returns a description of it, for an error.

        Raises
        ------
        StoryError
            When a run, an upload or a version fails, or nothing changes for 10 minutes.
        """
        last_change = time.monotonic()
        while True:
            for change in self._ledger.changes():
                last_change = time.monotonic()
                self.console.detail(change.text)
                if change.state in _BAD_ENDS.get(change.kind, ()):
                    raise StoryError(f"waiting for {what()}: {change.text}")
            if come():
                return
            if time.monotonic() - last_change > _PATIENCE_SECONDS:
                raise StoryError(f"nothing changed for {_PATIENCE_SECONDS:.0f} s, waiting for {what()}")
            time.sleep(_POLL_SECONDS)


def text_of(prediction: Prediction) -> str:
    """Return a prediction as short text: label and probability, the best items, or the value."""
    match prediction:
        case Classification(label, probabilities):
            return f"{label} ({probabilities[label]:.3f})"
        case Ranking(items):
            return " > ".join(one.item for one in items[:_SHOWN_ITEMS]) or "no items"
    return f"{prediction.value:.1f}"
