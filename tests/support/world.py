"""A whole stage over moto: buckets, ledger, topic, queue and state machine, with our real handlers.

The World performs what AWS does between the handlers: it turns stored objects into ingest's messages,
executes the state machine's steps, and simulates the training container.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from lambdas import wiring
from lambdas.aws import clients
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.handlers import ingest
from lambdas.runtime.config import Config
from relearn.data import contents
from relearn.data.archives import Limits
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload
from relearn.naming import resources, s3_keys
from relearn.spec import codec
from relearn.spec.model import ModelSpec
from relearn.traffic.route import Change, Route
from tests.support.agenda import Agenda, Clock
from tests.support.asl import Done, Execution, FailedError, Machine
from tests.support.definitions import definitions
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
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    name: import_module(f"lambdas.handlers.{name}").handler
    for name in (
        *("open_run", "check_data", "judge", "register", "ask_approval", "decided", "deploy", "smoke"),
        *("publish", "advance", "watch", "promote", "retire", "close_run", "fail_run"),
    )
}
"""Functions that the state machine of a run invokes."""
TRAIN = "train"
"""Name of its training job, beside them."""
WAITING = object()


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

        ``broken`` names a function, or `TRAIN`, that fails.
        """
        lock = self.ledger.lock(model)
        assert lock is not None
        self.walk({"model": model, "run_id": lock.run_id}, broken, catches=True)
        self.stop(lock.run_id)  # moto does not end executions
        self.clock.pass_seconds(1)  # ids of runs sort by the second
        return self.ledger.run(model, lock.run_id)

    def walk(
        self,
        context: dict[str, Any],
        broken: str = "",
        before: Mapping[str, Callable[[], object]] | None = None,
        *,
        catches: bool = False,
    ) -> None:
        """Execute the state machine; errors of its tasks end it and are raised, unless it ``catches`` them.

        ``before`` maps functions, or `TRAIN`, to what is called before them; it may change ``context``, which
        follows the state of the execution.
        """
        agenda = Agenda(self.clock)
        tasks = _Tasks(self, context, broken, before or {}, catches=catches)
        machine = Machine(definitions()["retrain"], tasks, agenda, lambda _execution: None)
        tasks.execution = machine.start(context["run_id"], {"debounce_seconds": 0, **context})
        while tasks.execution.status == "RUNNING":
            agenda.next()
        tasks.show()

    def call(self, function: str, event: Any) -> Any:
        """Invoke a function `repeats` times and return the last answer, because Step Functions may repeat every call."""
        handler = FUNCTIONS[function]
        answers = [handler(json.loads(json.dumps(event)), LambdaContext()) for _ in range(self.repeats)]
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
            **self._reference(spec, told),
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

    def _reference(self, spec: ModelSpec, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the report's entries about the reference, without a difference from the candidate."""
        if "reference_version" not in told:
            return {}
        version, score = int(told["reference_version"]), self.score[spec.name]
        if "reference_sha256" not in told:
            return {"reference_incompatible": {"version": version, "reason": "its artifact is gone"}}
        same = Comparison(0.0, -0.01, 0.01, 0.01, 0.01, 0.95, 100).as_dict()
        measured = {"version": version, "metrics": {spec.metric.name: score}, "comparison": same}
        return {"reference": measured}

    def _leave_online(self, spec: ModelSpec, run_id: str) -> dict[str, Any] | None:
        """Write the features of every entity to the lake; return the report's entry about them."""
        if spec.looked_up_by is None:
            return None
        rows = self.online.get(spec.name, [])
        body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        self.s3.put_object(Bucket=LAKE, Key=s3_keys.online_key(spec.name, run_id), Body=body)
        digest = hashlib.sha256(body).hexdigest()
        return {"rows": len(rows), "sha256": digest, "as_of": "2026-05-04T09:00:00Z"}


@dataclass
class _Tasks:
    """Executes the tasks of one execution of a `World`."""

    world: World
    context: dict[str, Any]
    broken: str
    before: Mapping[str, Callable[[], object]]
    execution: Execution = field(init=False)
    catches: bool = field(kw_only=True)

    def show(self) -> None:
        """Copy the state of the execution to the context."""
        self.context.clear()
        self.context.update(copy.deepcopy(self.execution.data))

    def begin(self, resource: str, payload: Any, _context: Mapping[str, Any], done: Done) -> None:
        try:
            result = self._result(resource, payload)
        except Exception as error:
            if not self.catches:
                raise
            told = {"errorMessage": str(error), "errorType": type(error).__name__}
            done(FailedError(type(error).__name__, json.dumps(told)))
        else:
            if result is not WAITING:
                done(result)

    def _result(self, resource: str, payload: Any) -> Any:
        """Return the result of a task; `WAITING` while nobody has returned its token."""
        if resource.endswith("createTrainingJob.sync"):
            self._prepare(TRAIN)
            job = {"job_name": payload["TrainingJobName"], "hyperparameters": payload["HyperParameters"]}
            artifact = self.world.train(job, **self.world.lies)
            return {"TrainingJobStatus": "Completed", "ModelArtifacts": {"S3ModelArtifacts": artifact}}
        if resource.endswith("waitForTaskToken"):
            self._prepare("ask_approval")
            token = self.world.callbacks.begin()
            self.world.call("ask_approval", {**payload["Payload"], "token": token})
            self.world.decides()
            return WAITING if token in self.world.callbacks.waiting else {}
        function = resource.rpartition(":")[2]
        if function == "watch":
            self.world.asked(payload["rollout"])
        self._prepare(function)
        return self.world.call(function, self.context)

    def _prepare(self, task: str) -> None:
        self.show()
        self.before.get(task, str)()
        if task == self.broken:
            raise RuntimeError(f"{task} broke")


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
