"""Report what happens to the shop's models, as it happens."""

from __future__ import annotations

from collections.abc import Callable

from relearn_client import Client, LocalCloudError, RelearnClientError, RunBrief
from services import Services

MODELS = ("tickets", "products")
_NEWEST, _REFUSED = 5, ("QUARANTINED", "FAILED")


class Progress:
    """Reporter of the models' runs and failed uploads.

    Parameters
    ----------
    services
        Services with the laptop cloud.
    say
        Prints a line.
    """

    def __init__(self, services: Services, say: Callable[[str], None]) -> None:
        self._services, self._say = services, say
        self._client: Client | None = None
        self._told: dict[str, str] = {}

    def look(self) -> bool:
        """Report what is new; return whether all models serve."""
        try:
            self._client = self._client or self._connect()
            serving = [self._serves(self._client, model) for model in MODELS]
        except LocalCloudError:
            return False  # the cloud is not deployed yet
        except RelearnClientError as error:
            self._tell("api", f"the API does not answer: {error}")
            return False
        return all(serving)

    def _connect(self) -> Client:
        client = Client.local(self._services.info, deadline_seconds=10)
        self._say("the laptop cloud is deployed; `relearn --local status` asks it too")
        return client

    def _serves(self, client: Client, model: str) -> bool:
        for run in reversed(client.runs(model, limit=_NEWEST).runs):
            self._tell(run.run_id, f"{model}: {_words(run)}")
        for upload in client.uploads(model):
            if upload.state in _REFUSED:
                self._tell(upload.upload, f"{model}: {upload.filename} is {upload.state}: {upload.reason}")
        return client.model(model).state == "live"

    def _tell(self, key: str, text: str) -> None:
        if self._told.get(key) != text:
            self._told[key] = text
            self._say(text)


def _words(run: RunBrief) -> str:
    words = f"run {run.run_id} is {run.state}"
    if run.version is not None:
        words += f", version {run.version}"
    return f"{words}: {run.reason}" if run.reason else words
