"""The shop with its models: the laptop cloud, the shop's own server and its commands."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from laptop import SEEDS
from relearn.runs import FINAL
from services import Services
from tests.e2e.client import Item, Stage
from tests.e2e.clouds import cloud_of
from tests.e2e.shopping.people import Person
from tests.infra.synthesis import synthesise

MODELS = ("tickets", "products")
AGENT = "agent"
ATTEMPTS, PATIENCE_SECONDS = 60, 400


@dataclass
class Shop:
    """A running shop.

    Parameters
    ----------
    stage
        The laptop cloud, with the shop's two models alone.
    services
        Its processes and commands.
    url
        Where it is.
    """

    stage: Stage
    services: Services
    url: str
    _people: dict[str, Person] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """The process of the laptop cloud."""
        return int(json.loads(self.services.info.read_text())["pid"])

    def enter(self, name: str) -> Person:
        """Let somebody sign in, or come back."""
        if name not in self._people:
            self._people[name] = Person(self.url, name)
        return self._people[name]

    def version(self, model: str) -> int:
        """Say which version serves."""
        return self.stage.live_version(model)

    def ticket(self, customer: Person, subject: str, body: str) -> int:
        """Let a customer write a ticket that the model answers for; its number.

        The shop waits a second for an answer, then leaves the ticket to people, and for a while it does not ask again.
        So a busy machine, or a function that is called for the first time, is not what is tested here.
        """
        for _ in range(ATTEMPTS):
            number = customer.writes(subject, body)
            if self.enter(AGENT).suggestion(number):
                return number
            time.sleep(1)
        raise AssertionError(f"the model answered for none of {ATTEMPTS} tickets")

    def chosen(self, person: Person) -> list[str]:
        """Read what the first page chose for somebody, once it did."""
        return self.stage.wait(f"products chosen for {person.name}", person.chosen)

    def report(self, model: str, run: Item) -> Any:
        """Read the report of a run."""
        key = f"reports/{model}/{run['run_id']}/report.json"
        return json.load(
            self.stage.client("s3").get_object(Bucket=self.stage.outputs["LakeBucket"], Key=key)["Body"]
        )

    def export(self) -> dict[str, Item]:
        """Export what is new and wait for the runs that it starts; the run of each model."""
        before = {model: len(self.stage.items(model, "RUN#")) for model in MODELS}
        told = self.services.flask("export")
        return {model: self._run_after(model, before[model]) for model in MODELS if f"{model}: " in told}

    def _run_after(self, model: str, count: int) -> Item:
        def last() -> Item | None:
            runs = self.stage.items(model, "RUN#")[count:]
            ended = bool(runs) and runs[-1]["state"] in FINAL and self.stage.at_rest(model)
            return runs[-1] if ended else None

        return self.stage.wait(f"the end of a new run of {model} after {count}", last)

    def close(self) -> None:
        """Send everybody home."""
        for person in self._people.values():
            person.leaves()


@contextmanager
def running(folder: Path) -> Iterator[Shop]:
    """Run the shop whose history is the models' seed, until both models serve and rest."""
    synthesise(folder / "cdk.out", "local", MODELS)
    with cloud_of(folder, folder / "cdk.out") as stage, Services(folder, folder / "info.json") as services:
        stage.timeout_seconds = PATIENCE_SECONDS
        services.new_database()
        history = ("--tickets", str(SEEDS["tickets"]), "--events", str(SEEDS["events"]))
        services.flask("import-history", *history)
        services.flask("export", "--known")
        shop = Shop(stage, services, services.start_shop(_free_port()))
        for model in MODELS:
            stage.wait(f"the first model of {model}", lambda model=model: shop.version(model))  # type: ignore[misc]
            stage.wait(f"{model} at rest", lambda model=model: stage.at_rest(model))  # type: ignore[misc]
        try:
            yield shop
        finally:
            shop.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
