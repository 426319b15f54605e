"""A whole stage over moto: buckets, ledger, topic, queue and state machine, with our real handlers.

The World performs what AWS does between the handlers: it turns stored objects into ingest's messages,
executes the state machine's steps, and simulates the training container.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas import wiring
from lambdas.aws import clients
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.handlers import (
    advance,
    ask_approval,
    check_data,
    close_run,
    decided,
    deploy,
    fail_run,
    ingest,
    judge,
    open_run,
    promote,
    publish,
    register,
    retire,
    smoke,
    watch,
)
from lambdas.runtime.config import Config
from relearn.data import contents
from relearn.data.archives import Limits
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload
from relearn.naming import resources, s3_keys
from relearn.spec import codec
from relearn.spec.model import ModelSpec
from relearn.traffic.route import Change, Route
from tests.support.fake_callbacks import FakeCallbacks
from tests.support.fake_lambda import FakeLambda
from tests.support.fake_sagemaker import ACCOUNT, REGION, FakeSageMaker
from tests.support.fake_scaling import FakeScaling
from tests.support.models import FLOWERS, PRICES
from tests.support.wire import LocalAWS

STAGE = "test"
UPLOADS, LAKE, ARTIFACTS = "uploads-bucket", "lake-bucket", "artifacts-bucket"
TABLE, ONLINE = "ledger", "online"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:relearn-test-retrain"
MOVED = Change("promoted", "a test", "to see what happens")
RESTORE_MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:relearn-test-restore"
SPECS = {"flowers": FLOWERS, "prices": PRICES}
STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "data": check_data.handler,
    "training": lambda event, _context: event,
    "judgement": judge.handler,
    "registration": register.handler,
    "approval": decided.handler,
    "endpoint": deploy.handler,
    "smoke": smoke.handler,
    "published": publish.handler,
    "rollout": advance.handler,
    "promotion": promote.handler,
    "retired": retire.handler,
}
UNTIL = {"endpoint": "InService", "published": "Published"}
"""Steps that are repeated until their status has this value."""


class Clock:
    """Clock in UTC, moved by the test; every reading adds a millisecond."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class LambdaContext:
    aws_request_id: str = "request-1"
    seconds: float = 300

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class World:
    """A stage with all its fakes, as described in the module."""

    sagemaker: FakeSageMaker
    scaling: FakeScaling
    functions: FakeLambda
    clock: Clock
    callbacks: FakeCallbacks = field(default_factory=FakeCallbacks)
    score: dict[str, float] = field(default_factory=lambda: {"flowers": 0.9, "prices": 5.0})
    champions: dict[int, float] = field(default_factory=dict)
    online: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    repeats: int = 1
    lies: dict[str, Any] = field(default_factory=dict)
    asked: Callable[[dict[str, Any]], object] = lambda _rollout: None
    """Called in every rollout step with its description, to send traffic while a candidate is tried."""
    artifacts: dict[str, bytes] = field(default_factory=dict)
    """Model to the model.tar.gz of its training jobs, where a real one is needed."""
    ingest_seconds: float = 300
    """Remaining time of the ingest function at its start, in seconds."""
    decides: Callable[[], object] = lambda: None
    """Called while a version waits for approval, to decide about it."""
    recorded: list[dict[str, Any]] = field(default_factory=list)
    """Pairs of input and output that training jobs write."""
    probes: tuple[dict[str, Any], ...] = ({"length": 4.0, "width": 1.0}, {"length": 8.0, "width": 4.0})

    def __post_init__(self) -> None:
        self.s3 = clients.s3()
        self.dynamodb = clients.dynamodb()
        self.sqs = clients.sqs()
        self.states = clients.stepfunctions()
        self.aws = LocalAWS(self.sagemaker, self.dynamodb, self.sqs, self.s3)
        self._sequence = 0
        self._stored: Counter[bytes] = Counter()

    # state

    @property
    def ledger(self) -> Ledger:
        return wiring.ledger(Config.from_env())

    def upload(self, model: str = "flowers") -> Upload:
        """Return the only upload of a model."""
        (upload,) = self.ledger.uploads(model)
        return upload

    def states_of(self, model: str = "flowers") -> list[str]:
        """Return the states of a model's uploads, oldest first."""
        found = sorted(self.ledger.uploads(model), key=lambda upload: upload.received_at)
        return [str(upload.state) for upload in found]

    def latest(self, model: str = "flowers") -> Run:
        run = self.ledger.latest_run(model)
        assert run is not None
        return run

    def executions(self) -> list[str]:
        """Return the names of all executions, oldest first."""
        found = self.states.list_executions(stateMachineArn=MACHINE)["executions"]
        return sorted(execution["name"] for execution in found)

    def execution_input(self, name: str) -> dict[str, Any]:
        arn = MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"
        told: dict[str, Any] = json.loads(self.states.describe_execution(executionArn=arn)["input"])
        return told

    def lake(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=LAKE, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found]

    def read_json(self, bucket: str, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def notifications(self) -> list[dict[str, Any]]:
        """Return the notifications to people since the last call."""
        url = self.sqs.get_queue_url(QueueName="people")["QueueUrl"]
        told = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                told.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return told

    def serve(self, model: str = "flowers") -> None:
        """Make version 1 of a model the champion, without a run."""
        endpoint = resources.endpoint(STAGE, model, 1)
        run = self.ledger.create_run(Run(run_id="run-1", model=model, state=RunState.JUDGING))
        metrics = {SPECS[model].metric.name: 0.9}
        self.ledger.register(run, Version(model=model, version=1, endpoint=endpoint, metrics=metrics))
        steps = {1: (VersionState.REGISTERED, VersionState.LIVE)}
        self.ledger.write_route(model, Route(), Route(champion=1, revision=1), steps, MOVED)
        self.sagemaker.endpoints[endpoint] = {"EndpointStatus": "InService", "looks": 0}

    # actions of AWS

    def put(self, key: str, body: bytes, *, same: bool = False) -> dict[str, Any]:
        """Store an object and return the event that S3 sends.

        Content that was stored before gets an additional blank line, so that it differs, unless it is to be
        the ``same``.
        """
        if body.endswith(b"\n") and not same:
            self._stored[body] += 1
            body += b"\n" * (self._stored[body] - 1)
        version = self.s3.put_object(Bucket=UPLOADS, Key=key, Body=body)["VersionId"]
        return self.event(key, version, len(body))

    def event(self, key: str, version: str, size: int, sequencer: str | None = None) -> dict[str, Any]:
        self._sequence += 1
        return {
            "version": "0",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "bucket": {"name": UPLOADS},
                "object": {
                    "key": key,
                    "size": size,
                    "version-id": version,
                    "sequencer": sequencer or f"{self._sequence:018X}",
                },
                "reason": "PutObject",
            },
        }

    def ingest(self, *events: Mapping[str, Any]) -> list[str]:
        """Deliver events as one batch and return the ids of the messages that failed."""
        records = [
            {"messageId": f"message-{index}", "body": json.dumps(event)} for index, event in enumerate(events)
        ]
        answer = ingest.handler({"Records": records}, LambdaContext(seconds=self.ingest_seconds))
        return [item["itemIdentifier"] for item in answer["batchItemFailures"]]

    def send(self, body: bytes, key: str = "incoming/flowers/data.csv") -> None:
        """Store an object and let ingest process it."""
        assert self.ingest(self.put(key, body)) == []

    def run(self, model: str = "flowers", broken: str = "") -> Run:
        """Execute the state machine for the run that holds a model's lock.

        ``broken`` names a step that raises.
        """
        lock = self.ledger.lock(model)
        assert lock is not None
        context: dict[str, Any] = {"model": model, "run_id": lock.run_id}
        try:
            self.walk(context, broken)
        except Exception as error:  # noqa: BLE001 - the machine's Catch States.ALL
            cause = json.dumps({"errorMessage": str(error), "errorType": type(error).__name__})
            context["error"] = {"Error": type(error).__name__, "Cause": cause}
            self._call(fail_run.handler, context)
        self.stop(lock.run_id)  # moto does not end executions
        self.clock.pass_seconds(1)  # ids of runs sort by the second
        return self.ledger.run(model, lock.run_id)

    def walk(
        self,
        context: dict[str, Any],
        broken: str = "",
        before: Mapping[str, Callable[[], object]] | None = None,
    ) -> None:
        """Execute the state machine's steps without its Catch.

        ``before`` maps steps to functions that are called first.
        """
        if broken == "open":
            raise RuntimeError("open broke")
        context.update(self._call(open_run.handler, context))
        if context["proceed"]:
            for step, handler in STEPS.items():
                (before or {}).get(step, str)()
                self._step(context, step, handler, broken)
                if context.get(step, {}).get("verdict") == "reject":
                    break
                if step == "rollout" and not self._rolled_out(context, before or {}):
                    self._step(context, "retired", STEPS["retired"], broken)
                    break
        self._call(close_run.handler, context)

    def _step(self, context: dict[str, Any], step: str, handler: Any, broken: str) -> None:
        if step == broken:
            raise RuntimeError(f"{step} broke")
        if step == "training":
            context["training"] = {"artifact": self.train(context, **self.lies)}
            return
        if step == "approval":
            self._wait_for_approval(context)
            return
        while True:
            context[step] = self._call(handler, context)
            if step not in UNTIL or context[step]["status"] == UNTIL[step]:
                return

    def _wait_for_approval(self, context: dict[str, Any]) -> None:
        """Wait until someone decides, or until the time for the decision is over."""
        asked = context["registration"]
        while asked["approval"] == "manual":
            token = self.callbacks.begin()
            self._call(ask_approval.handler, self.question(context, token))
            self.decides()
            if token in self.callbacks.waiting:
                self.clock.pass_seconds(asked["wait_seconds"])
            context["approval"] = self._call(decided.handler, context)
            if context["approval"]["verdict"] != "wait":
                return

    def question(self, context: Mapping[str, Any], token: str, retry: int = 0) -> dict[str, Any]:
        """Return the input of the step that requests a decision."""
        entered = self.clock().isoformat()
        version = context["registration"]["version"]
        return {
            "model": context["model"],
            "version": version,
            "token": token,
            "entered": entered,
            "retry": retry,
        }

    def _rolled_out(self, context: dict[str, Any], before: Mapping[str, Callable[[], object]]) -> bool:
        """Watch a candidate to the end of its rollout; return whether it passed."""
        while context["rollout"]["phase"] != "promote":
            self.clock.pass_seconds(context["rollout"]["wait_seconds"])
            self.asked(context["rollout"])
            before.get("watched", str)()
            context["watched"] = self._call(watch.handler, context)
            if context["watched"]["verdict"] == "breach":
                return False
            if context["watched"]["verdict"] == "pass":
                context["rollout"] = self._call(advance.handler, context)
        return True

    def _call(self, handler: Any, context: Mapping[str, Any]) -> Any:
        """Call a handler `repeats` times and return the last answer, because Step Functions may repeat every call."""
        answers = [handler(json.loads(json.dumps(context)), LambdaContext()) for _ in range(self.repeats)]
        return answers[-1]

    def stop(self, run_id: str) -> None:
        """End an execution."""
        arn = MACHINE.replace(":stateMachine:", ":execution:") + f":{run_id}"
        self.states.stop_execution(executionArn=arn, error="Stopped", cause="the test stopped it")

    def train(self, context: Mapping[str, Any], **lies: Any) -> str:
        """Simulate the training job: write an artifact and a report where SageMaker puts them."""
        told = context["hyperparameters"]
        spec = SPECS[told["model"]]
        metric = spec.metric.name
        version = int(told.get("champion_version", 0))
        champion = {
            "version": version,
            "metrics": {metric: self.champions.get(version, self.score[spec.name])},
        }
        online = self._leave_online(spec, told["run_id"])
        left = self.artifacts.get(spec.name) or tar_gz({"model.onnx": b"onnx"})
        report = {
            "format": 1,
            "model": told["model"],
            "run_id": told["run_id"],
            "snapshot": told["snapshot"],
            "spec_digest": codec.digest(spec),
            "onnx_sha256": graph_digest(left),
            "contents_sha256": contents_digest(left),
            "candidate": {"metrics": {metric: self.score[spec.name]}},
            "champion": champion if version else None,
            "champion_incompatible": None,
            "features": {"online": online} if online else None,
            **lies,
        }
        folder = f"{s3_keys.artifact_prefix(spec.name)}/{context['job_name']}/output/"
        files = {
            "report.json": json.dumps(report).encode(),
            "report.html": b"<p>report</p>",
            "probes.jsonl": b"".join(json.dumps(probe).encode() + b"\n" for probe in self.probes),
        }
        if self.recorded:
            files["answers.jsonl"] = b"".join(json.dumps(pair).encode() + b"\n" for pair in self.recorded)
        self.s3.put_object(Bucket=ARTIFACTS, Key=f"{folder}output.tar.gz", Body=tar_gz(files))
        self.s3.put_object(Bucket=ARTIFACTS, Key=f"{folder}model.tar.gz", Body=left)
        return s3_keys.uri(ARTIFACTS, f"{folder}model.tar.gz")

    def _leave_online(self, spec: ModelSpec, run_id: str) -> dict[str, Any] | None:
        """Write the features of every entity to the lake; return the report's entry about them."""
        if spec.looked_up_by is None:
            return None
        rows = self.online.get(spec.name, [])
        body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        self.s3.put_object(Bucket=LAKE, Key=s3_keys.online_key(spec.name, run_id), Body=body)
        digest = hashlib.sha256(body).hexdigest()
        return {"rows": len(rows), "sha256": digest, "as_of": "2026-05-04T09:00:00Z"}


def graph_digest(archive: bytes) -> str:
    """Return the SHA-256 of the graph in a model.tar.gz."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        graph = tar.extractfile("model.onnx")
        assert graph is not None
        return hashlib.sha256(graph.read()).hexdigest()


def contents_digest(archive: bytes) -> str:
    """Return the digest of all files in a model.tar.gz."""
    limits = Limits(file=10**9, total=10**9)
    return contents.digest(contents.of_archive(io.BytesIO(archive), "model.tar.gz", limits))


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def brain(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Answer an invocation like a healthy container."""
    version = int(endpoint.rsplit("-v", 1)[1])
    if "-prices-" in endpoint:
        predictions: list[Any] = [{"value": 2.0 * row["area"]} for row in body["instances"]]
    else:
        predictions = [
            {"label": "rose" if row["length"] < 5 else "tulip", "probabilities": {"rose": 0.5, "tulip": 0.5}}
            for row in body["instances"]
        ]
    return 200, {"model": "m", "version": version, "predictions": predictions}
