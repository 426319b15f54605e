"""The hosts: all are made alike (`tests/infra/test_hosts.py`), so the grants of one stand for those of the others."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.grants import Grant
from tests.e2e.privilege.ledger import Book
from tests.e2e.privilege.parts.steps import publish_again
from tests.e2e.privilege.parts.trials import NOBODY, counted, in_lambda, tried
from tests.e2e.privilege.run import Moments
from tests.e2e.privilege.trial import Broken, Part

MODEL = "churn"
"""Its entities are looked up: it needs all that any needs. The API asks another function for it."""
HOST = f"host-{MODEL}"
REMEMBERED_SECONDS = 5.0
"""How long a route is."""
EVENT = json.loads((Path(__file__).parents[3] / "events" / "http_predict.json").read_text())


def is_of_another(grant: Grant) -> bool:
    """Tell whether a grant is one of the other hosts', as far as it is tried here."""
    traced = ": xray:PutTraceSegments " in grant.name
    return grant.name.startswith("Hosts") and not grant.name.startswith(f"Hosts{MODEL}") and not traced


@dataclass(frozen=True)
class Scenes:
    """What a host does.

    Parameters
    ----------
    book
        The ledger at rest.
    customer
        An entity that the version at rest knows.
    """

    bench: Bench
    book: Book
    customer: str

    def a_version_is_loaded(self) -> None:
        there, number = in_lambda(self.book, MODEL)
        self.bench.ledger.write(there)
        body = json.dumps({"instances": self.bench.stage.sample(MODEL)[:1]})
        answer = self.bench.invoke(HOST, {"version": number, "body": body})
        if "body" not in answer:
            raise Broken(f"the host answers {answer}")

    def a_large_request_is_answered_and_recorded(self) -> None:
        self.bench.ledger.write(self.book)
        self._empty("record")
        self._ask(200, rows=1000)  # more than a message holds, once they are looked up
        if not self.bench.stage.queued("record"):
            raise Broken("the record is lost")

    def a_key_is_free_again_when_its_request_failed(self) -> None:
        self.bench.settle(REMEMBERED_SECONDS)
        self.bench.ledger.write(self.book.drop(MODEL, "ROUTE"))
        key = str(uuid.uuid4())
        for _ in range(2):
            self._ask(503, {"idempotency-key": key})

    def a_candidate_is_tried(self) -> None:
        self.bench.settle(REMEMBERED_SECONDS)
        there, key = tried(self.book, MODEL)
        self.bench.ledger.write(there)
        self._empty("trial")
        self._ask(200, {"x-relearn-key": key})
        if counted(self.bench, NOBODY, MODEL).get("errors") != 1:
            raise Broken("what the candidate failed is not counted")
        if not self.bench.stage.queued("trial"):
            raise Broken("no copy for the candidate")

    def _ask(self, status: int, headers: Mapping[str, str] | None = None, *, rows: int = 1) -> None:
        body = json.dumps({"instances": [{"customer_id": self.customer}] * rows})
        given = {"content-type": "application/json", **(headers or {})}
        answer = self.bench.invoke(HOST, {**EVENT, "headers": given, "body": body})
        if answer["statusCode"] != status:
            raise Broken(f"the host answers {answer}")

    def _empty(self, queue: str) -> None:
        self.bench.stage.client("sqs").purge_queue(QueueUrl=self.bench.stage.queue_of(queue))


def hosts(bench: Bench, moments: Moments) -> Part:
    book = moments["Rest"].book
    publish_again(bench, moments)
    (version,) = book.of(MODEL, "VERSION#")
    played = Scenes(bench, book, bench.online.entities(MODEL, int(version["version"]))[0])
    scenes = [
        played.a_version_is_loaded,
        played.a_large_request_is_answered_and_recorded,
        played.a_key_is_free_again_when_its_request_failed,
        played.a_candidate_is_tried,
    ]
    return Part(bench.of_function(HOST), scenes)


PARTS = {"hosts": hosts}
