"""What people, callers and bad luck do to a stage."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relearn import names, routes, s3_keys
from relearn.ids import upload_id  # as it is, whatever a mutant makes of it
from tests.aws.world import LAKE, STAGE, UPLOADS
from tests.chaos import data
from tests.chaos.calls import DiedError
from tests.chaos.data import Body
from tests.chaos.history import Asked
from tests.chaos.people import People, by_hand
from tests.chaos.stage import Stage

EVENT = json.loads((Path(__file__).parents[1] / "events" / "http_predict.json").read_text())
GOOD = {"instances": [{"length": 3.0, "width": 1.0}, {"length": 9.0, "width": 4.0}]}
LATE_SECONDS, AGAIN_SECONDS, HELD_SECONDS = 900, 45, 20
OK = 200
POISON = '{"detail": {"bucket"'
ODD = "a b+c%20ü"


@dataclass
class Stored:
    """One version of one object that S3 acknowledged; ``gone``: someone deleted it since."""

    model: str
    key: str
    version: str
    content: bytes
    body: Body
    gone: bool = False

    @property
    def upload_id(self) -> str:
        return upload_id(UPLOADS, self.key, self.version)


@dataclass
class Acts:
    """What can be done.

    Parameters
    ----------
    stage
        To which it is done.
    """

    stage: Stage
    stored: list[Stored] = field(default_factory=list)
    poison: int = 0
    by_hand: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self.people = People(self.stage)
        self.people.begin()
        self.stage.workers.champion_changes = lambda model: self.change(model, "rollback") == OK
        self.stage.calls.meanwhile = self.meanwhile

    # people

    def upload(self, model: str, kind: str = "good", name: str = "", *, multipart: bool = False) -> Stored:
        """Store an object, whose event takes the way that events take."""
        self._number += 1
        body = data.BAD[kind](self._number) if kind in data.BAD else data.good(self._number)
        if kind in data.BAD:
            self.stage.faults.hit(kind)
        key = f"{s3_keys.incoming_prefix(model)}{name or f'file-{self._number}'}{body.suffix}"
        event = self.stage.world.put(key, body.content)
        if multipart:
            event["detail"]["reason"] = "CompleteMultipartUpload"
        stored = Stored(model, key, event["detail"]["object"]["version-id"], body.content, body)
        self.stored.append(stored)
        self.stage.history.note(f"upload {kind} {key} {stored.upload_id}")
        self._announce(event)
        return stored

    def folder_marker(self, model: str) -> None:
        event = self.stage.world.put(f"{s3_keys.incoming_prefix(model)}folder/", b"")
        self.stage.faults.hit("folder_marker")
        self._announce(event)

    def delete(self, stored: Stored) -> None:
        """Delete one version for good."""
        self.stage.world.s3.delete_object(Bucket=UPLOADS, Key=stored.key, VersionId=stored.version)
        stored.gone = True
        self.stage.history.note(f"deleted {stored.key} {stored.version}")

    def change(self, model: str, action: str, **more: Any) -> int:
        """Change a route by hand; the status of the answer."""
        self.by_hand += 1
        body = {"action": action, "why": "to see what happens", **more}
        status = by_hand(self.stage, routes.CHANGE_ROUTE, body, model=model)
        self.stage.history.note(f"{action} of {model} by hand: {status}")
        return status

    def vanish(self, model: str) -> bool:
        """Delete the endpoint of the champion, past everything that knows of it."""
        champion = self.stage.world.ledger.route(model).champion
        name = names.endpoint(STAGE, model, champion)
        if not champion or not self.stage.sagemaker.in_service(name):
            return False
        self.stage.sagemaker.vanish(name)
        self.stage.history.vanished.append((self.stage.clock.now, model))
        self.stage.faults.hit("endpoint_vanished")
        self.stage.history.note(f"{name} vanished")
        return True

    # callers

    def predict(self, model: str) -> int:
        """Ask as a caller does; the status of the answer."""
        event = {
            **EVENT,
            "rawPath": f"/v1/models/{model}/predict",
            "pathParameters": {"model": model},
            "body": json.dumps(GOOD),
        }
        self.stage.wires.struck.clear()
        self.stage.sagemaker.asked_last = 0
        at = self.stage.clock.now
        self._number += 1
        event["requestContext"] = {**EVENT["requestContext"], "requestId": f"request-{self._number}"}
        try:
            answer = self.stage.workers.call("predict", event)
        except DiedError:
            self.stage.wires.struck.append("crash")
            answer = {"statusCode": 502, "body": "{}"}
        told = json.loads(answer["body"])
        version, record = told.get("version", 0), ""
        if answer["statusCode"] == OK:
            record = told["predictions"][0]["id"].rpartition("-")[0]
        struck = tuple(self.stage.wires.struck)
        by = self.stage.sagemaker.asked_last
        self.stage.history.asked.append(Asked(at, model, answer["statusCode"], version, record, struck, by))
        return int(answer["statusCode"])

    # bad luck

    def meanwhile(self) -> None:
        """Let something else happen between two calls of a function: the next thing that would have anyway."""
        if not self.stage.agenda.hasten("ingest", "event", "step", "visible", "record"):
            self.stage.faults.hits["interleaved"] -= 1

    def own_output(self, model: str) -> None:
        """Tell ingest of an object of our own, as a rule that is too wide would."""
        event = self.stage.world.event(f"{s3_keys.incoming_prefix(model)}mine.parquet", "null", 10)
        event["detail"]["bucket"]["name"] = LAKE
        self.stage.faults.hit("own_output")
        self.stage.queues.send("ingest", json.dumps(event))

    def poison_message(self) -> None:
        """Send ingest what is no event."""
        self.poison += 1
        self.stage.faults.hit("poison_message")
        self.stage.queues.send("ingest", POISON)

    def repeat_events(self) -> None:
        """Deliver every event that there ever was once more."""
        self.stage.faults.hit("event_duplicated")
        for event in self.events:
            self.stage.queues.send("ingest", json.dumps(event))

    def _announce(self, event: dict[str, Any]) -> None:
        """Let EventBridge deliver an event: at least once, some time, in any order; or lose it."""
        faults, agenda = self.stage.faults, self.stage.agenda
        self.events.append(event)

        def deliver() -> None:
            self.stage.queues.send("ingest", json.dumps(event))

        if faults.strikes("event_lost"):
            self.stage.history.note(f"lost: {event['detail']['object']['key']}")
            return
        seconds = 1
        if faults.strikes("event_delayed"):
            seconds = LATE_SECONDS
        elif faults.strikes("event_reordered"):
            seconds = HELD_SECONDS
        agenda.after(seconds, "event", deliver)
        if faults.strikes("event_duplicated"):
            agenda.after(seconds, "event", deliver)
            agenda.after(seconds + AGAIN_SECONDS, "event", deliver)
