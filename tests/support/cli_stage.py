"""A stage for tests of the command: AWS by moto, the HTTP API by a small server, the ledger by the real writer.

The server also answers CloudFormation's DescribeStacks, the only call of CloudFormation that the command
makes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs

import boto3
from moto import mock_aws
from typer.testing import CliRunner

from cli.main import app
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.table import Table
from relearn.lifecycle.runs import Run, Version, VersionState
from relearn.lifecycle.uploads import Upload
from relearn.naming import ids, resources
from relearn.traffic.route import Change, Route

REGION: Final = "eu-west-1"
QUEUES: Final = ("ingest", "record", "trial")
CALLED: Final = ("scheduled_run", "batch_event")
"""Functions that are invoked asynchronously; those of `QUEUES` read a queue."""
NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
MODEL_SAMPLE = [{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}]
ABOUT = {
    "name": "iris",
    "title": "Iris species",
    "kind": "classification",
    "state": "live",
    "version": 1,
    "metric": {"name": "f1_macro", "better": "higher"},
    "metrics": {"f1_macro": 0.95, "accuracy": 0.96},
    "waiting_for": None,
    "request_schema": {},
    "sample": {"instances": MODEL_SAMPLE},
    "target": {"name": "species"},
}
NOT_FOUND = {
    "type": "about:blank",
    "title": "There is no such thing",
    "status": 404,
    "detail": "no model 'rose'",
}


@dataclass
class FakeApi:
    """Returns prepared answers by path, or by method and path, and records requests."""

    answers: dict[str, tuple[int, dict[str, str], Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], Any]:
        return self.answers.get(f"{method} {path}") or self.answers.get(path, (404, {}, NOT_FOUND))


@dataclass
class CliStage:
    """The deployed stage ``test`` with its clients."""

    url: str
    api: FakeApi
    ledger: Ledger
    s3: Any
    sqs: Any
    dynamodb: Any
    uploads: str = "uploads-bucket"
    lake: str = "lake-bucket"
    artifacts: str = "artifacts-bucket"

    def run(self, *arguments: str, stdin: str | None = None) -> Any:
        return CliRunner().invoke(app, ["--stage", "test", "--region", REGION, *arguments], input=stdin)

    def upload(self, name: str = "a", **changes: Any) -> Upload:
        values: dict[str, Any] = {
            "upload_id": ids.upload_id(self.uploads, name, "v1"),
            "model": "iris",
            "table": "main",
            "key": f"incoming/iris/{name}",
            "version_id": "v1",
            "sequencer": "01",
            "size_bytes": 10,
            "received_at": NOW.isoformat(),
        }
        return self.ledger.receive(Upload(**values | changes))

    def queue(self, name: str) -> str:
        """Return the URL of a queue."""
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def messages(self, name: str) -> list[dict[str, Any]]:
        """Receive and delete all messages of a queue."""
        found = []
        url = self.queue(name)
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            found += messages
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def bury(self, name: str, body: str, **attributes: str) -> None:
        """Put a message into the dead-letter queue of a function."""
        said = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
        self.sqs.send_message(QueueUrl=self.queue(f"{name}-dead"), MessageBody=body, MessageAttributes=said)

    def new_run(self, run_id: str = "20260504t100000-aaaaaa", **changes: Any) -> Run:
        return self.ledger.create_run(Run(run_id=run_id, model="iris", started_at=NOW.isoformat(), **changes))

    def serve(self, version: int = 1) -> None:
        """Make a version the champion."""
        run = self.new_run(run_id=f"20260101t00000{version}-bbbbbb")
        metrics = {"f1_macro": 0.95, "accuracy": 0.96}
        made = Version(
            model="iris", version=version, run_id=run.run_id, metrics=metrics, artifact="s3://a/m.tar.gz"
        )
        self.ledger.register(run, made)
        steps = {version: (VersionState.REGISTERED, VersionState.LIVE)}
        self.ledger.write_route(
            "iris", Route(), Route(champion=version, revision=1), steps, Change("promoted", "a run", "it won")
        )


@contextmanager
def deployed() -> Iterator[CliStage]:
    """Open the stage ``test``."""
    with mock_aws(), _served() as (api, url):
        s3, dynamodb, sqs = _clients()
        for bucket in (CliStage.uploads, CliStage.lake, CliStage.artifacts):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=CliStage.uploads, VersioningConfiguration={"Status": "Enabled"})
        dynamodb.create_table(
            TableName="ledger",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        for name in (*QUEUES, *(f"{name}-dead" for name in (*QUEUES, *CALLED))):
            sqs.create_queue(QueueName=name)
        api.answers["/v1/models/iris"] = (200, {}, ABOUT)
        brief = {key: ABOUT[key] for key in ("name", "title", "kind", "state", "version", "metric")}
        api.answers["/v1/models"] = (200, {}, {"models": [brief]})
        yield CliStage(url, api, Ledger(Table(dynamodb, "ledger"), lambda: NOW), s3, sqs, dynamodb)


@cache
def _clients() -> tuple[Any, Any, Any]:
    """Make the clients of S3, DynamoDB and SQS once for all tests."""
    session = boto3.Session("testing", "testing", region_name=REGION)
    return session.client("s3"), session.client("dynamodb"), session.client("sqs")


def _outputs(url: str) -> dict[str, dict[str, str]]:
    data = {
        "UploadsBucket": CliStage.uploads,
        "LakeBucket": CliStage.lake,
        "ArtifactsBucket": CliStage.artifacts,
        "LedgerTable": "ledger",
    }
    training = {
        "TrainingImage": "image:tag",
        "ExperimentRoles": "arn:aws:iam::123456789012:role/exp-",
        "TrainingDeadLetters": _dead_letters("ingest", "scheduled_run"),
    }
    serving = {"ApiUrl": url, "ServingDeadLetters": _dead_letters("record", "trial", "batch_event")}
    parts = {"data": data, "training": training, "serving": serving}
    return {resources.stack("test", part): outputs for part, outputs in parts.items()}


def _dead_letters(*functions: str) -> str:
    """Return the stack output that describes dead-letter queues, as XML text."""
    place = f"https://sqs.{REGION}.amazonaws.com/123456789012"
    told = {
        name: {
            "dead": f"{place}/{name}-dead",
            **({"function": f"relearn-test-{name}"} if name in CALLED else {"queue": f"{place}/{name}"}),
        }
        for name in functions
    }
    return json.dumps(told).replace('"', "&quot;")


def _describe_stacks(stack: str, url: str) -> tuple[int, bytes]:
    """Answer DescribeStacks in CloudFormation's query protocol."""
    outputs = _outputs(url).get(stack)
    if outputs is None:
        code = "<Code>ValidationError</Code><Message>no such stack</Message>"
        return 400, f"<ErrorResponse><Error><Type>Sender</Type>{code}</Error></ErrorResponse>".encode()
    listed = "".join(
        f"<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
        for key, value in outputs.items()
    )
    found = f"<Stacks><member><StackName>{stack}</StackName><Outputs>{listed}</Outputs></member></Stacks>"
    result = f"<DescribeStacksResult>{found}</DescribeStacksResult>"
    return 200, f"<DescribeStacksResponse>{result}</DescribeStacksResponse>".encode()


def _content(headers: Mapping[str, str], sent: bytes) -> Any:
    """Return a request's body: decoded when it is JSON, else the bytes; None when it is empty."""
    return json.loads(sent) if headers.get("content-type") == "application/json" else sent or None


@contextmanager
def _served() -> Iterator[tuple[FakeApi, str]]:
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply()

        def do_POST(self) -> None:
            self._reply()

        def _reply(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path == "/":
                form = parse_qs(sent.decode())
                self._send(*_describe_stacks(form["StackName"][0], f"http://{headers['host']}"))
                return
            api.asked.append((self.path, headers, _content(headers, sent)))
            status, extra, body = api.answer(self.command, self.path)
            self._send(status, body if isinstance(body, bytes) else json.dumps(body).encode(), extra)

        def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield api, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
