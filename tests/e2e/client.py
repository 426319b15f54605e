"""What the end-to-end tests do to a stage: only what its users can do, through AWS's own APIs and HTTP."""

from __future__ import annotations

import csv
import io
import itertools
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

Item = dict[str, Any]
ENDS = ("PROMOTED", "REJECTED", "ROLLED_BACK", "FAILED", "EMPTY")
T = TypeVar("T")
PAUSE_SECONDS, SHORT_PAUSE_SECONDS = 0.4, 0.1
"""Between two looks at what stays, and at what may soon be over; each costs the functions asked what a prediction does."""


_BLANK_LINES = itertools.count(1)


@dataclass
class Stage:
    """A deployed stage, on the laptop cloud or in an account."""

    name: str
    api_url: str
    outputs: dict[str, str]
    session: boto3.Session
    endpoint_url: str | None = None
    timeout_seconds: float = 600
    described_by: Path | None = None
    token: str | None = None
    """What requests are sent with where the API takes tokens; elsewhere they are signed."""
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.session.client(service, endpoint_url=self.endpoint_url)  # type: ignore[call-overload]
        return self._clients[service]

    def http(
        self,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        signed: bool = True,
    ) -> tuple[int, dict[str, str], Any]:
        """Call the API; give status, headers (lower case) and parsed JSON."""
        data = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        url = self.api_url.rstrip("/") + path
        sent = {"content-type": "application/json", **(headers or {})}
        if signed and self.token:
            sent["authorization"] = f"Bearer {self.token}"
        elif signed:
            sent |= self.signature("GET" if data is None else "POST", url, data)
        request = urllib.request.Request(url, data=data, headers=sent)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
                return response.status, _lower(response.headers), json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, _lower(error.headers), json.load(error)

    def signature(self, method: str, url: str, data: bytes | None) -> dict[str, str]:
        """SigV4 headers of a request to the API."""
        request = AWSRequest(method, url, data=data)
        credentials = self.session.get_credentials()
        assert credentials is not None
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", self.session.region_name).add_auth(
            request
        )
        return dict(request.headers)

    def predict(self, model: str, *instances: Item) -> Any:
        status, _, answer = self.http(f"/v1/models/{model}/predict", {"instances": list(instances)})
        assert status == 200, answer
        return answer

    def sample(self, model: str) -> list[Item]:
        answer: list[Item] = self.http(f"/v1/models/{model}")[2]["sample"]["instances"]
        return answer

    def put(self, model: str, name: str, content: bytes) -> str:
        """Upload an object; give its version id.

        A text gets blank lines that no other of this stage ends in: the same content again would start no run.
        """
        if content.endswith(b"\n"):
            content += b"\n" * next(_BLANK_LINES)
        answer = self.client("s3").put_object(
            Bucket=self.outputs["UploadsBucket"], Key=f"incoming/{model}/{name}", Body=content
        )
        return str(answer["VersionId"])

    @cached_property
    def ledger(self) -> Any:
        """The ledger's table."""
        resource = self.session.resource("dynamodb", endpoint_url=self.endpoint_url)
        return resource.Table(self.outputs["LedgerTable"])

    def items(self, model: str, kind: str) -> list[Item]:
        """Read the ledger's records of one kind, oldest first by sort key."""
        answer = self.ledger.query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": f"MODEL#{model}", ":sk": kind},
            ConsistentRead=True,
        )
        return list(answer["Items"])

    def upload(self, model: str, version_id: str) -> Item | None:
        return next((i for i in self.items(model, "UPLOAD#") if i["version_id"] == version_id), None)

    def live_version(self, model: str) -> int:
        return int(self.http(f"/v1/models/{model}")[2]["version"] or 0)

    def wait(self, what: str, look: Callable[[], T | None], *, pause: float = PAUSE_SECONDS) -> T:
        """Look until there is something to see, with a pause in seconds between two looks."""
        end = time.monotonic() + self.timeout_seconds
        while time.monotonic() < end:
            if seen := look():
                return seen
            time.sleep(pause)
        raise AssertionError(f"did not see within {self.timeout_seconds:g} s: {what}")

    def wait_until_served(self, model: str) -> None:
        """Wait until a version of a model serves, and no run of it is under way."""
        self.wait(f"the first {model} model", lambda: self.live_version(model))
        self.wait(f"{model} at rest", lambda: self.at_rest(model))

    def wait_for_upload(self, model: str, version_id: str, *states: str) -> Item:
        def look() -> Item | None:
            item = self.upload(model, version_id)
            return item if item and item["state"] in states else None

        return self.wait(f"upload {version_id} of {model} in {states}", look)

    def run_of(self, model: str, version_id: str, *states: str) -> Item:
        """Wait for the run whose snapshot has the upload, in one of the states."""
        return self.wait(
            f"a run with upload {version_id} of {model} in {states}",
            lambda: self.ended_run(model, version_id, *states),
            pause=PAUSE_SECONDS if set(states) <= set(ENDS) else SHORT_PAUSE_SECONDS,
        )

    def ended_run(self, model: str, version_id: str, *states: str) -> Item | None:
        """The run whose snapshot has the upload, when it is in one of the states; by default those it can end in."""
        item = self.upload(model, version_id)
        runs = self.items(model, "RUN#") if item else []
        wanted = states or ENDS
        return next(
            (r for r in runs if item and item["upload_id"] in r["uploads"] and r["state"] in wanted), None
        )

    def queue_of(self, function: str) -> str:
        """URL of the queue that a function of the stage reads."""
        mappings = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        ours = f":function:relearn-{self.name}-{function}"
        name = next(m["EventSourceArn"] for m in mappings if m["FunctionArn"].endswith(ours)).rsplit(":", 1)[
            1
        ]
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    def queued(self, function: str) -> int:
        """How many messages a function has not done with."""
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(
            QueueUrl=self.queue_of(function), AttributeNames=counts
        )["Attributes"]
        return sum(int(found[count]) for count in counts)

    def at_rest(self, model: str) -> bool:
        return not self.items(model, "LOCK")


def _lower(headers: Any) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}


def outputs(answer: Any) -> list[Item]:
    """What a model said to a request: its predictions without their ids, which no two answers share."""
    return [{name: value for name, value in one.items() if name != "id"} for one in answer["predictions"]]


def rows(path: Path) -> Iterator[Item]:
    """Read a CSV as dictionaries of strings."""
    with path.open(newline="") as file:
        yield from csv.DictReader(file)


def csv_bytes(items: list[Item]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(items[0]))
    writer.writeheader()
    writer.writerows(items)
    return text.getvalue().encode()
