"""Who tells the story: asks the API, reads the ledger and the lake, waits, and prints."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from local import calling
from local.ledger import Ledger, metrics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from local.cloud import Cloud
    from local.console import Console

    Item = dict[str, Any]

_PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 0.25
_HTTP_SECONDS = 30.0
_BAD_ENDS = {
    "RUN": ("FAILED", "REJECTED", "ROLLED_BACK"),
    "UPLOAD": ("QUARANTINED", "FAILED"),
    "VERSION": ("FAILED",),
}


class StoryError(Exception):
    """The story can not go on; the message says why."""


class Teller:
    """Tells a story of one laptop cloud.

    Parameters
    ----------
    cloud : Cloud
        A deployed laptop cloud.
    console : Console
        Where to tell it.
    """

    def __init__(self, cloud: Cloud, console: Console) -> None:
        self._cloud, self.console = cloud, console
        outputs = cloud.outputs
        missing = [
            key for key in ("LedgerTable", "UploadsBucket", "LakeBucket", "ApiUrl") if key not in outputs
        ]
        if missing:
            raise StoryError(
                f"the deployed app has no output {', '.join(missing)}; the story needs them (--no-story goes without)"
            )
        self._bucket, self.lake = outputs["UploadsBucket"], outputs["LakeBucket"]
        self.api_url = cloud.api_url
        self._ledger = Ledger(cloud.client("dynamodb"), outputs["LedgerTable"])

    def models(self) -> list[str]:
        """Every model the API knows."""
        return [found["name"] for found in self.get("/v1/models")["models"]]

    def first_versions(self, models: Iterable[str]) -> None:
        """Wait until each of these models serves."""
        waiting = list(models)

        def come() -> bool:
            for name in list(waiting):
                found = self.get(f"/v1/models/{name}")
                if found["state"] == "live":
                    waiting.remove(name)
                    self.console.done(f"{name}: version {found['version']} serves")
            return not waiting

        self.follow(come, lambda: f"the first version of {', '.join(waiting)}")

    def predict(self, model: str) -> Item:
        """Ask for the model's own sample; the answer."""
        sample = self.get(f"/v1/models/{model}")["sample"]
        answer = self._ask(model, sample)
        self.console.step(f"POST /v1/models/{model}/predict with the model's sample")
        for instance in sample["instances"]:
            self.console.detail(", ".join(f"{name} {value}" for name, value in instance.items()))
        self.show(answer)
        return answer

    def show(self, answer: Item) -> None:
        """Print an answer."""
        self.console.detail(
            f"version {answer['version']} answers: {', '.join(map(_said, answer['predictions']))}"
        )

    def upload(self, model: str, file: Path) -> None:
        """Put the file where data for this model is taken in."""
        self.put(f"incoming/{model}/{file.name}", file)

    def put(self, key: str, file: Path) -> str:
        """Put a file into the uploads bucket; its version id."""
        answer = self._cloud.client("s3").put_object(Bucket=self._bucket, Key=key, Body=file.read_bytes())
        self.console.detail(f"s3://{self._bucket}/{key}")
        return str(answer["VersionId"])

    def keys(self, prefix: str) -> list[str]:
        """List what is in the lake under a prefix."""
        found = self._cloud.client("s3").list_objects_v2(Bucket=self.lake, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", [])]

    def read(self, key: str) -> bytes:
        """Read an object of the lake."""
        content: bytes = self._cloud.client("s3").get_object(Bucket=self.lake, Key=key)["Body"].read()
        return content

    def items(self, model: str, kind: str) -> list[Item]:
        """List what the ledger had of a model when it was last read, by the beginning of its sort key."""
        return [
            item
            for item in self._ledger.items
            if item["pk"].endswith(f"#{model}") and item["sk"].startswith(kind)
        ]

    def run_of(self, model: str, version: int) -> Item:
        """Return the run that made a version; an empty one when the ledger has none."""
        self._ledger.changes()
        return next((item for item in self.items(model, "RUN#") if item.get("version") == version), {})

    def next_version(self, model: str, before: Item) -> Item:
        """Wait until a newer version than `before`'s answers; its answer."""
        sample = self.get(f"/v1/models/{model}")["sample"]
        answer: Item = {}

        def come() -> bool:
            answer.update(self._ask(model, sample))
            return bool(answer["version"] > before["version"])

        self.follow(come, lambda: f"version {before['version'] + 1} of {model}")
        return answer

    def compare(self, model: str, version: int) -> None:
        """Print what the version's run measured, of it and of the one before it."""
        run = self.run_of(model, version)
        candidate, champion = metrics_of(run, "metrics"), metrics_of(run, "champion_metrics")
        if run.get("reason"):
            self.console.detail(run["reason"])
        for name in sorted(candidate):
            old = f"{champion[name]:.4f}" if name in champion else "-"
            self.console.detail(
                f"{name:24} version {version - 1}: {old:>10}   version {version}: {candidate[name]:>10.4f}"
            )

    def follow(self, come: Callable[[], bool], what: Callable[[], str]) -> None:
        """Print what happens in the ledger until something has come; fail when a run or an upload fails."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            for change in self._ledger.changes():
                self.console.detail(change.text)
                if change.state in _BAD_ENDS.get(change.kind, ()):
                    raise StoryError(f"waiting for {what()}: {change.text}")
            if come():
                return
            if time.monotonic() > deadline:
                raise StoryError(f"waited {_PATIENCE_SECONDS:.0f} s for {what()} in vain")
            time.sleep(_POLL_SECONDS)

    def _ask(self, model: str, sample: Item) -> Item:
        return self.get(f"/v1/models/{model}/predict", sample)

    def get(self, path: str, body: Item | None = None) -> Item:
        """Return the API's JSON answer; POST when there is a body."""
        data = None if body is None else json.dumps(body).encode()
        url, method = f"{self._cloud.api_url}{path}", "GET" if data is None else "POST"
        headers = {"content-type": "application/json", **calling.headers(self._cloud, method, url, data)}
        request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - our own address
        try:
            with urllib.request.urlopen(request, timeout=_HTTP_SECONDS) as answer:  # noqa: S310
                found: Item = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise StoryError(
                f"{request.get_method()} {path} answered {error.code}: {error.read().decode(errors='replace')}"
            ) from error


def _said(prediction: Item) -> str:
    """Return a prediction in a few words: the label and how sure it is, or the value."""
    if "label" in prediction:
        return f"{prediction['label']} ({prediction['probabilities'][prediction['label']]:.3f})"
    return f"{prediction['value']:.1f}"
