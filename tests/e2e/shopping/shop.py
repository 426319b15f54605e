"""The shop with its models: the laptop cloud, the shop's own server and its commands."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relearn.lifecycle.runs import FINAL
from services import Services
from tests.e2e.client import Item, Stage
from tests.e2e.clouds import ROOT, app_of, local_stage
from tests.e2e.shopping.people import Person

MODELS = ("tickets", "products")
AGENT = "agent"
ATTEMPTS, PATIENCE_SECONDS = 60, 900


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
    process, log
        What ``make shop`` runs, and what it prints.
    """

    stage: Stage
    services: Services
    url: str
    process: subprocess.Popen[bytes]
    log: Path
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

        The shop waits some seconds for an answer, then leaves the ticket to people, and for a while it does not ask again.
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

    def close(self) -> int:
        """Send everybody home and press Ctrl-C; the exit code. Again it does nothing."""
        for person in self._people.values():
            person.leaves()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=600)


@contextmanager
def running(folder: Path) -> Iterator[Shop]:
    """Run what ``make shop`` runs, with the shop's two models alone, until both serve and rest."""
    app, port, info = app_of("shop", __file__, MODELS), free_port(), folder / "local.json"
    command = [
        sys.executable,
        "examples/shop/laptop.py",
        "--app",
        str(app),
        "--info",
        str(info),
    ]
    command += ["--port", str(port), "--aws-port", "0", "--api-port", "0", "--keep", str(folder)]
    command += ["--export-minutes", "10000"]  # tests say when
    log, patient = folder / "laptop.log", {**os.environ, "SHOP_PAGE_SECONDS": "5"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=patient, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_for_the_models(process, log)
        stage = local_stage(info)
        stage.timeout_seconds = PATIENCE_SECONDS
        shop = Shop(stage, Services(folder, info), f"http://127.0.0.1:{port}", process, log)
        for model in MODELS:
            stage.wait(f"{model} at rest", lambda model=model: stage.at_rest(model))  # type: ignore[misc]
        yield shop
        shop.close()
    finally:
        process.kill()
        process.wait()


def _wait_for_the_models(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while "both models serve" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
