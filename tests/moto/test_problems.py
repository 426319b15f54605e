"""Every problem that the API can tell, with what causes it: the code, what was given, and what is allowed or to be done."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from lambdas.aws.dynamo import exactly_once, idempotency_store
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.storage import Storage
from lambdas.http.problems import PROBLEMS
from lambdas.uploads import ingestion
from relearn.api import operations, problems
from relearn.api.operations import Operation
from relearn.api.problems import Kind
from relearn.lifecycle import approval
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.naming import ledger_keys
from tests.moto.test_feedback import Desk
from tests.moto.test_predict import EVENT, GOOD
from tests.moto.test_refusals import HANDLERS
from tests.support import words_of_refusals
from tests.support.stage import without_credentials_for_links
from tests.support.wire import LocalAWS
from tests.support.world import TABLE, LambdaContext, World

ONE = {"instances": [{"length": 3.0, "width": 1.0}]}
NOT_ROUTED = Operation("none", "DELETE", "/v1/models", operations.DEFAULT_FUNCTION, scope="predict")


class DiedError(Exception):
    """A process that dies on the way."""


@dataclass(frozen=True)
class Ask:
    """A request."""

    operation: Operation
    body: Any = None
    """A text is sent as it is."""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    model: str = "flowers"
    version: str = "1"
    seconds: float = 300

    def send(self) -> tuple[int, dict[str, Any]]:
        path = {
            "model": self.model,
            "version": self.version,
            "run": "r",
            "batch": "b",
            "upload": "u",
            "file": "f",
        }
        one = self.operation
        context = EVENT["requestContext"]
        body = self.body if isinstance(self.body, str) else json.dumps(self.body)
        event = {
            **EVENT,
            "routeKey": operations.DEFAULT if one is NOT_ROUTED else one.key,
            "rawPath": one.path.format(**path),
            "pathParameters": path,
            "queryStringParameters": dict(self.query),
            "requestContext": {**context, "http": {**context["http"], "method": one.method}},
            "headers": {"content-type": "application/json", **self.headers},
            "body": "" if self.body is None else body,
        }
        answer = HANDLERS[one.function](event, LambdaContext(seconds=self.seconds))
        given = answer["body"]
        return answer["statusCode"], json.loads(
            base64.b64decode(given) if answer.get("isBase64Encoded") else given
        )


PREDICT = Ask(operations.PREDICT, GOOD)
KEYED = replace(PREDICT, headers={"idempotency-key": "a"})
Before = Callable[[World, pytest.MonkeyPatch], Ask | None]
"""Makes the state that a problem needs; may give the request that meets it."""


def keyed_before(_world: World, _patch: pytest.MonkeyPatch) -> None:
    assert KEYED.send()[0] == 200


def busy_key(world: World, _patch: pytest.MonkeyPatch) -> None:
    """While the model answers a request, the same key comes again; what that one is told is what the first fails with."""
    answer = world.sagemaker.brain
    inner: list[tuple[int, dict[str, Any]]] = []

    def brain(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
        if not inner:
            inner.append(KEYED.send())
        return answer(endpoint, body)

    world.sagemaker.brain = brain
    assert KEYED.send()[0] == 200
    raise Told(*inner[0])


class Told(Exception):  # noqa: N818 - no error: what was told on the way
    """The answer came on the way."""


def small_memory(_world: World, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(idempotency_store, "MAX_KEPT_CHARACTERS", 10)


def no_ledger(world: World, _patch: pytest.MonkeyPatch) -> None:
    world.dynamodb.delete_table(TableName=TABLE)


def no_sts(_world: World, patch: pytest.MonkeyPatch) -> None:
    without_credentials_for_links(patch)


def broken_model(world: World, _patch: pytest.MonkeyPatch) -> None:
    world.sagemaker.brain = lambda _endpoint, _body: (500, {})


def others_decide(world: World, patch: pytest.MonkeyPatch) -> None:
    """Whenever the version's item is to be written, others have just written it, and a moment later it is as before."""
    run = world.ledger.create_run(Run(run_id="run-2", model="flowers", state=RunState.JUDGING))
    asked = approval.begin(world.clock.now, 1)
    world.ledger.register(
        run, Version(model="flowers", version=2, endpoint="e", metrics={"accuracy": 0.9}, approval=asked)
    )
    decide = Ledger.decide

    def write(state: VersionState) -> None:
        world.dynamodb.update_item(
            TableName=TABLE,
            Key={"pk": {"S": ledger_keys.partition("flowers")}, "sk": {"S": ledger_keys.version(2)}},
            UpdateExpression="SET #s = :s",
            ExpressionAttributeNames={"#s": "state"},
            ExpressionAttributeValues={":s": {"S": state}},
        )

    def late(ledger: Ledger, version: Version, decided: approval.Approval) -> Version:
        write(VersionState.FAILED)
        try:
            return decide(ledger, version, decided)
        finally:
            write(VersionState.REGISTERED)

    patch.setattr(Ledger, "decide", late)


def half_stored(world: World, patch: pytest.MonkeyPatch) -> Ask:
    """A request for feedback died between its claim and its object."""
    record = Desk(world).record(1)
    ask = Ask(operations.GIVE_FEEDBACK, {"feedback": [{"prediction": f"{record}-0", "truth": "rose"}]})

    def die(*_: Any) -> None:
        raise DiedError

    with patch.context() as dying:
        dying.setattr(Storage, "write", die)
        assert ask.send()[0] == 500
    patch.setattr(exactly_once, "PAUSES", ())
    return ask


@dataclass(frozen=True)
class Cause:
    """What causes a problem, and what is said: of what was given, and of what is allowed or to be done."""

    ask: Ask
    given: str
    allowed: str
    before: Before = lambda _world, _patch: None


CAUSES: dict[Kind, Cause] = {
    problems.MALFORMED_BODY: Cause(replace(PREDICT, body='{"instances": [],}'), "got ',}' at line 1, column 17 (character 16)", "allowed: a comma only between two values"),
    problems.INVALID_IDEMPOTENCY_KEY: Cause(replace(PREDICT, headers={"idempotency-key": "a b"}), "got Idempotency-Key 'a b'", "1 to 255"),
    problems.INVALID_CALLER_KEY: Cause(replace(PREDICT, headers={"x-relearn-key": "a b"}), "got X-Relearn-Key 'a b'", "1 to 256 visible ASCII"),
    problems.NOT_FOUND: Cause(Ask(operations.GET_MODEL, model="trees"), "'trees'", "flowers, prices"),
    problems.METHOD_NOT_ALLOWED: Cause(Ask(NOT_ROUTED), "got DELETE", "allowed: GET"),
    problems.IDEMPOTENCY_KEY_REUSED: Cause(replace(KEYED, body=ONE), "with another body", "allowed: the same body, or a new key", keyed_before),
    problems.IDEMPOTENCY_KEY_IN_USE: Cause(KEYED, "is being answered", "send it again", busy_key),
    problems.ROUTE_CHANGED: Cause(Ask(operations.CHANGE_ROUTE, {"action": "rollback", "why": "x"}), "no previous version", "name one"),
    problems.NOT_WAITING: Cause(Ask(operations.DECIDE_VERSION, {"decision": "approve"}), "version 1 of flowers does not wait for a decision", "it is LIVE"),
    problems.CONFLICT: Cause(Ask(operations.DECIDE_VERSION, {"decision": "approve"}, version="2"), "version 2 of flowers is being written by others", "try again", others_decide),
    problems.TOO_LARGE: Cause(replace(PREDICT, body=" " * 4_000_001), "got 4000001 bytes", "allowed: 4000000"),
    problems.ANSWER_TOO_LARGE: Cause(KEYED, "allowed: 10", "send fewer instances, or no key", small_memory),
    problems.UNSUPPORTED_MEDIA_TYPE: Cause(replace(PREDICT, headers={"content-type": "text/csv"}), "got content type 'text/csv'", "allowed: application/json"),
    problems.INVALID_INSTANCES: Cause(replace(PREDICT, body={"instances": [{"length": "x", "width": 1}]}), "/instances/0/length: got 'x'", "allowed: a finite number"),
    problems.INVALID_FEEDBACK: Cause(Ask(operations.GIVE_FEEDBACK, {"feedback": []}), "/feedback: got", "allowed:"),
    problems.INVALID_UPLOAD: Cause(Ask(operations.CREATE_UPLOAD, {"filename": "x.exe"}), "/filename: got 'x.exe'", ".csv, .jsonl"),
    problems.INVALID_CHANGE: Cause(Ask(operations.CHANGE_ROUTE, {"action": "jump", "why": "x"}), "/action: got 'jump'", "allowed: one of rollback, promote, freeze, unfreeze"),
    problems.INVALID_DECISION: Cause(Ask(operations.DECIDE_VERSION, {"decision": "wait", "why": "x"}), "/decision: got 'wait'", "allowed: one of approve, reject"),
    problems.INVALID_BATCH: Cause(Ask(operations.CREATE_BATCH, {"rows": []}), "/rows: unknown field", "allowed: none, the file is sent with the form"),
    problems.INVALID_PARAMETERS: Cause(Ask(operations.LIST_RUNS, query={"limits": "3"}), "limits: unknown", "allowed: limit, next"),
    problems.INTERNAL_ERROR: Cause(PREDICT, "request id", "Quote the request id", no_ledger),
    problems.MODEL_FAILED: Cause(PREDICT, "status 500", "the model answered", broken_model),
    problems.NOT_SERVING: Cause(Ask(operations.PREDICT, {"instances": [{"area": 1}]}, model="prices"), "no version of prices serves yet", "waits for: the first upload"),
    problems.FEEDBACK_BUSY: Cause(PREDICT, "another request with some of the same predictions", "send this one again", half_stored),
    problems.NO_LINKS: Cause(Ask(operations.CREATE_UPLOAD, {"filename": "x.csv"}), "AWS STS gave no credentials", "try again", no_sts),
    problems.TIMEOUT: Cause(replace(PREDICT, seconds=0), "longer than it may", "send it again, or with fewer instances"),
}  # fmt: skip


def test_every_problem_has_a_cause() -> None:
    assert set(CAUSES) == set(problems.ALL) == set(PROBLEMS.values()) | {problems.INTERNAL_ERROR}


@pytest.mark.parametrize("kind", CAUSES, ids=lambda kind: kind.slug)
def test_a_problem_says_what_was_given_and_what_is_allowed(
    world: World, local_aws: LocalAWS, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    del local_aws
    world.serve("flowers")
    cause = CAUSES[kind]
    try:
        status, told = (cause.before(world, monkeypatch) or cause.ask).send()
    except Told as on_the_way:
        status, told = on_the_way.args
    assert (status, told.get("type")) == (kind.status, kind.uri), told
    assert cause.given in told["detail"]
    assert cause.allowed in told["detail"]


INTAKE = (
    ("incoming/trees/x.csv", 300, 300.0, "unknown_model: 'trees'; there are: flowers, prices"),
    ("incoming/flowers/x.csv", 100_001, 300.0, "too_large: 100001 bytes; allowed: at most 100000"),
    ("incoming/flowers/x.csv", 90_000, 0.001, "too_large: 90000 bytes; allowed: at most 1700 in the 0 s that a check has here"),
)  # fmt: skip
"""Key, bytes as S3 says, seconds that the function has, and what the upload is refused for before it is read."""


def test_every_refusal_of_an_upload_before_it_is_read_has_an_upload_that_causes_it(world: World) -> None:
    told = []
    for number, (key, size, seconds, said) in enumerate(INTAKE):
        world.ingest_seconds = seconds
        stored = world.put(key, f"x{number}".encode())["detail"]["object"]
        assert world.ingest(world.event(key, stored["version-id"], size)) == []
        found = [upload for model in ("flowers", "trees") for upload in world.ledger.uploads(model)]
        (reason,) = [upload.reason for upload in found if upload.version_id == stored["version-id"]]
        assert said in reason
        told.append(reason)
    found_codes = {
        code for one in words_of_refusals.calls(Path(ingestion.__file__), "Refusal") for code in one.codes
    }
    assert found_codes - {reason.partition(":")[0] for reason in told} == {
        "unknown_table"
    }  # see test_tables.py
