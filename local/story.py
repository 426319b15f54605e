"""The loop, told from outside: nothing here knows more than boto3, HTTP and the ledger's table can tell.

First every model's first version comes to serve; then more measurements are uploaded, and a better model
answers behind the same URL.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from local import calling
from local.ledger import Ledger, metrics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from local.cloud import Cloud
    from local.console import Console

    Item = dict[str, Any]

_PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 0.25
_HTTP_SECONDS = 30.0
_BAD_ENDS = {"RUN": ("FAILED", "REJECTED"), "UPLOAD": ("QUARANTINED", "FAILED"), "VERSION": ("FAILED",)}


class StoryError(Exception):
    """The story can not go on; the message says why."""


def tell(cloud: Cloud, console: Console, *, models: Sequence[str], upload: Path) -> None:
    """Tell the whole story.

    Parameters
    ----------
    cloud : Cloud
        A deployed laptop cloud.
    console : Console
        Where to tell it.
    models : sequence of str
        The models whose first version to wait for; none stands for all.
    upload : Path
        The file to upload; the folder it lies in is called as its model.

    Raises
    ------
    StoryError
        When a step fails, with the reason the ledger or the API gives.
    """
    model = upload.parent.name
    if not upload.is_file():
        raise StoryError(f"there is no file {upload} to upload; choose one with --upload")
    teller = _Teller(cloud, console)
    console.step("the first models are trained from their seed data")
    teller.first_versions(models or teller.models())
    before = teller.predict(model)
    console.step(f"{upload.name} is uploaded: more data for {model}")
    teller.upload(model, upload)
    after = teller.next_version(model, before)
    if after["predictions"]:
        teller.show(after)
    teller.compare(model, int(after["version"]))
    console.done(
        f"version {after['version']} of {model} answers behind the same URL: {cloud.api_url}/v1/models/{model}/predict"
    )


class _Teller:
    def __init__(self, cloud: Cloud, console: Console) -> None:
        self._cloud, self._console = cloud, console
        outputs = cloud.outputs
        missing = [key for key in ("LedgerTable", "UploadsBucket", "ApiUrl") if key not in outputs]
        if missing:
            raise StoryError(
                f"the deployed app has no output {', '.join(missing)}; the story needs them (--no-story goes without)"
            )
        self._bucket = outputs["UploadsBucket"]
        self._ledger = Ledger(cloud.client("dynamodb"), outputs["LedgerTable"])

    def models(self) -> list[str]:
        """Every model the API knows."""
        return [found["name"] for found in self._get("/v1/models")["models"]]

    def first_versions(self, models: Iterable[str]) -> None:
        """Wait until each of these models serves."""
        waiting = list(models)

        def come() -> bool:
            for name in list(waiting):
                found = self._get(f"/v1/models/{name}")
                if found["state"] == "live":
                    waiting.remove(name)
                    self._console.done(f"{name}: version {found['version']} serves")
            return not waiting

        self._follow(come, lambda: f"the first version of {', '.join(waiting)}")

    def predict(self, model: str) -> Item:
        """Ask for the model's own sample; the answer."""
        sample = self._get(f"/v1/models/{model}")["sample"]
        answer = self._ask(model, sample)
        self._console.step(f"POST /v1/models/{model}/predict with the model's sample")
        for instance in sample["instances"]:
            self._console.detail(", ".join(f"{name} {value}" for name, value in instance.items()))
        self.show(answer)
        return answer

    def show(self, answer: Item) -> None:
        """Print an answer."""
        self._console.detail(
            f"version {answer['version']} answers: {', '.join(map(_said, answer['predictions']))}"
        )

    def upload(self, model: str, file: Path) -> None:
        """Put the file where data for this model is taken in."""
        key = f"incoming/{model}/{file.name}"
        self._cloud.client("s3").put_object(Bucket=self._bucket, Key=key, Body=file.read_bytes())
        self._console.detail(f"s3://{self._bucket}/{key}")

    def next_version(self, model: str, before: Item) -> Item:
        """Wait until a newer version than `before`'s answers; its answer."""
        sample = self._get(f"/v1/models/{model}")["sample"]
        answer: Item = {}

        def come() -> bool:
            answer.update(self._ask(model, sample))
            return bool(answer["version"] > before["version"])

        self._follow(come, lambda: f"version {before['version'] + 1} of {model}")
        return answer

    def compare(self, model: str, version: int) -> None:
        """Print what the version's run measured, of it and of the one before it."""
        self._ledger.changes()
        runs = [
            item
            for item in self._ledger.items
            if item["sk"].startswith("RUN#") and item["pk"].endswith(f"#{model}")
        ]
        run = next((item for item in runs if item.get("version") == version), {})
        candidate, champion = metrics_of(run, "metrics"), metrics_of(run, "champion_metrics")
        if run.get("reason"):
            self._console.detail(run["reason"])
        for name in sorted(candidate):
            old = f"{champion[name]:.4f}" if name in champion else "-"
            self._console.detail(
                f"{name:24} version {version - 1}: {old:>10}   version {version}: {candidate[name]:>10.4f}"
            )

    def _follow(self, come: Callable[[], bool], what: Callable[[], str]) -> None:
        """Print what happens in the ledger until something has come; fail when a run or an upload fails."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            for change in self._ledger.changes():
                self._console.detail(change.text)
                if change.state in _BAD_ENDS.get(change.kind, ()):
                    raise StoryError(f"waiting for {what()}: {change.text}")
            if come():
                return
            if time.monotonic() > deadline:
                raise StoryError(f"waited {_PATIENCE_SECONDS:.0f} s for {what()} in vain")
            time.sleep(_POLL_SECONDS)

    def _ask(self, model: str, sample: Item) -> Item:
        return self._get(f"/v1/models/{model}/predict", sample)

    def _get(self, path: str, body: Item | None = None) -> Item:
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
