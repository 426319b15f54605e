"""Actions of people, callers and chance on a stage."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from relearn.api import operations
from relearn.naming import resources, s3_keys
from relearn.naming.ids import upload_id  # the original, even when a mutant patches the module
from tests.chaos import data
from tests.chaos.calls import DiedError
from tests.chaos.checks import CUT_OFF, SLOW
from tests.chaos.data import Body
from tests.chaos.history import Asked
from tests.chaos.kills import Kill, kill
from tests.chaos.models import DATED, ORDINARY, TABLE
from tests.chaos.people import People, by_hand
from tests.chaos.stage import Stage
from tests.support.world import LAKE, STAGE, UPLOADS

EVENT = json.loads((Path(__file__).parents[1] / "events" / "http_predict.json").read_text())
GOOD = {"instances": [{"length": 3.0, "width": 1.0}, {"length": 9.0, "width": 4.0}]}
LATE_SECONDS, AGAIN_SECONDS, HELD_SECONDS = 900, 45, 20
OK = 200
LONGEST_KEY = 1024
"""Maximum length of an S3 key, in bytes."""
PRIME = 7919
"""Spreads the moments of kills over a run."""
SERVING_SECONDS = 330
"""Time from an upload until its version serves, if nothing goes wrong."""
SOON_SECONDS = 5
"""Time between uploads of different people."""
POISON = '{"detail": {"bucket"'
ODD = "a b+c%20ü"


@dataclass
class Stored:
    """One object version that S3 has acknowledged; ``gone`` when it was deleted since."""

    model: str
    key: str
    version: str
    content: bytes
    body: Body
    at: datetime
    gone: bool = False

    @property
    def upload_id(self) -> str:
        return upload_id(UPLOADS, self.key, self.version)


@dataclass
class Acts:
    """All actions on a stage.

    Parameters
    ----------
    stage
        The stage.
    """

    stage: Stage
    stored: list[Stored] = field(default_factory=list)
    poison: int = 0
    by_hand: int = 0
    kills: list[Kill] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self.people = People(self.stage)
        self.people.begin()
        self.stage.workers.champion_changes = lambda model: self.change(model, "rollback") == OK
        self.stage.calls.meanwhile = self.meanwhile

    # people

    def upload(self, model: str, kind: str = "good", name: str = "", *, multipart: bool = False) -> Stored:
        """Store an object of a kind of `data`; its event is delivered like every event."""
        body = data.BAD[kind](self._number + 1) if kind in data.BAD else data.good(self._number + 1)
        if kind in data.BAD:
            self.stage.faults.hit(kind)
        return self.store(model, body, name, kind=kind, multipart=multipart)

    def store(
        self,
        model: str,
        body: Body,
        name: str = "",
        *,
        kind: str = "",
        multipart: bool = False,
        same: bool = False,
    ) -> Stored:
        """Store an object.

        Its event is delivered like every event. With ``same`` the content may exist already.
        """
        self._number += 1
        key = f"{s3_keys.incoming_prefix(model)}{name or f'file-{self._number}'}{body.suffix}"
        event = self.stage.world.put(key, body.content, same=same)
        if multipart:
            event["detail"]["reason"] = "CompleteMultipartUpload"
        version, now = event["detail"]["object"]["version-id"], self.stage.clock.now
        # including the blank lines that `World.put` appends
        content = body.content.ljust(event["detail"]["object"]["size"], b"\n")
        stored = Stored(model, key, version, content, body, now)
        self.stored.append(stored)
        self.stage.history.note(f"upload {kind} {key} {stored.upload_id}")
        self._announce(event)
        return stored

    def future_rows(self, _model: str) -> None:
        """Upload past rows together with rows dated later today and in a year, and files with only future rows."""
        body = data.dated(self._number + 1, self.stage.clock.now, ahead=True)
        self.stage.faults.hit("future_rows")
        self.store(DATED.name, body, f"{TABLE}/file-{self._number + 1}", kind="future_rows")
        for ahead in (data.SHORTLY, data.SOON):
            late = data.late(self._number + 1, self.stage.clock.now, ahead)
            self.store(DATED.name, late, f"{TABLE}/file-{self._number + 1}", kind="future_rows")

    def slow_files(self, model: str) -> None:
        """Upload slow files for two models, more than ingest has places, and a good file for a third.

        At most once in a run: each slow file takes the maximum time of a check, twice or more, so the files
        of a second time would be decided later than the hour in which a run must come to rest.
        """
        if self.stage.faults.hits["slow_files"]:
            return
        at = ORDINARY.index(model)
        other, third = (ORDINARY[(at + more) % len(ORDINARY)] for more in (1, 2))
        self.stage.faults.hit("slow_files")
        for of, kind in (
            (model, SLOW),
            (other, SLOW),
            (model, SLOW),
            (other, CUT_OFF),
            (model, SLOW),
            (other, SLOW),
        ):
            self._number += 1
            self.store(of, data.slow(self._number), f"{kind}-{self._number}", kind="slow_files")
        # During their checks: ingest's time passes within this action.
        self.stage.agenda.after(SOON_SECONDS, "person", lambda: self.upload(third))

    def long_reason(self, _model: str) -> None:
        """Upload a file that is refused with a reason as long as the file, under the longest key that S3 allows."""
        self.stage.faults.hit("long_reasons")
        start = s3_keys.incoming_prefix(DATED.name)
        name = f"{TABLE}/{self._number}-".ljust(LONGEST_KEY - len(start) - len(".csv"), "k")
        self.store(DATED.name, data.long_reason(self._number + 1), name, kind="long_reasons")

    def two_names(self, model: str) -> None:
        """Let two people upload different files under one name, and one of them the same file under another."""
        self.stage.faults.hit("two_names")
        name = f"ours-{self._number}"
        hers, his = data.good(self._number + 1), data.good(self._number + 2)
        for body, called in ((hers, name), (his, name), (his, f"{name}-again")):
            self.store(model, body, called, kind="two_names", same=True)
            self.stage.agenda.pass_seconds(SOON_SECONDS)

    def kill_kept_cloud(self, model: str) -> None:
        """Kill a kept laptop cloud at one of its writes of the run so far and restart it.

        At most once in a run.
        """
        if self.kills:
            return
        if not self.stored:
            self.upload(model)
            self.stage.agenda.pass_seconds(SERVING_SECONDS)
        self.stage.faults.hit("kept_cloud_killed")
        self.kills.append(kill(self.stage, PRIME * len(self.stage.history.calls)))

    def folder_marker(self, model: str) -> None:
        event = self.stage.world.put(f"{s3_keys.incoming_prefix(model)}folder/", b"")
        self.stage.faults.hit("folder_marker")
        self._announce(event)

    def delete(self, stored: Stored) -> None:
        """Delete one object version permanently."""
        self.stage.world.s3.delete_object(Bucket=UPLOADS, Key=stored.key, VersionId=stored.version)
        stored.gone = True
        self.stage.history.note(f"deleted {stored.key} {stored.version}")

    def change(self, model: str, action: str, **more: Any) -> int:
        """Change a route by hand and return the HTTP status."""
        self.by_hand += 1
        body = {"action": action, "why": "to see what happens", **more}
        status = by_hand(self.stage, operations.CHANGE_ROUTE, body, model=model)
        self.stage.history.note(f"{action} of {model} by hand: {status}")
        return status

    def vanish(self, model: str) -> bool:
        """Delete the champion's endpoint without any function's knowledge; return whether there was one."""
        champion = self.stage.world.ledger.route(model).champion
        name = resources.endpoint(STAGE, model, champion)
        if not champion or not self.stage.sagemaker.in_service(name):
            return False
        self.stage.sagemaker.vanish(name)
        self.stage.history.vanished.append((self.stage.clock.now, model))
        self.stage.faults.hit("endpoint_vanished")
        self.stage.history.note(f"{name} vanished")
        return True

    # callers

    def predict(self, model: str) -> int:
        """Send a prediction request as a caller and return the HTTP status."""
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
        """Let the next pending event happen between two calls of a function."""
        if not self.stage.agenda.hasten("ingest", "event", "step", "visible", "record"):
            self.stage.faults.hits["interleaved"] -= 1

    def own_output(self, model: str) -> None:
        """Send ingest the event of an object in the lake, as a rule that matches too much would."""
        event = self.stage.world.event(f"{s3_keys.incoming_prefix(model)}mine.parquet", "null", 10)
        event["detail"]["bucket"]["name"] = LAKE
        self.stage.faults.hit("own_output")
        self.stage.queues.send("ingest", json.dumps(event))

    def poison_message(self) -> None:
        """Send ingest a message that is not an event."""
        self.poison += 1
        self.stage.faults.hit("poison_message")
        self.stage.queues.send("ingest", POISON)

    def repeat_events(self) -> None:
        """Deliver every past event once more."""
        self.stage.faults.hit("event_duplicated")
        for event in self.events:
            self.stage.queues.send("ingest", json.dumps(event))

    def _announce(self, event: dict[str, Any]) -> None:
        """Let EventBridge deliver an event: duplicated, delayed, reordered or lost, as the faults say."""
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
