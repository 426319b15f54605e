"""Kills of a laptop cloud that is kept: what a run wrote so far, in such a cloud, and what is left of it after a kill."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.chaos.history import Call
from tests.chaos.stage import Stage
from tests.support.world import TABLE

ARGUMENTS: tuple[str, ...] = ()
"""What the cloud is told beside."""
SECONDS = 300
RECORDS = {"CreateModelPackage": "packages", "CreateEndpoint": "endpoints", "DeleteEndpoint": "endpoints"}
"""What changes SageMaker's records, and which."""


@dataclass(frozen=True)
class Kill:
    """One: at which write to the disk of how many, how much was answered by then, and what of it was lost."""

    at: int
    of: int
    answered: int
    lost: list[list[str]]


def kill(stage: Stage, chance: int) -> Kill:
    """Write what a stage wrote so far into a kept cloud, kill it at one of its writes, and start it again."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        writes = Path(name, "writes.json")
        writes.write_text(json.dumps(list(_writes(stage))))
        asked = [str(writes), str(Path(name, "kept")), str(chance), *ARGUMENTS]
        command = [sys.executable, "-m", "tests.chaos.kept_cloud", *asked]
        root = Path(__file__).parents[2]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return Kill(**json.loads(done.stdout))


def _writes(stage: Stage) -> Iterator[dict[str, Any]]:
    """Give what was written that the laptop cloud keeps, in order: items of the ledger, objects, SageMaker's records."""
    numbers = count(1)
    for call in stage.history.calls:
        if call.ok is not True:
            continue
        if call.service == "dynamodb" and (keys := _items(call)):
            request = {**call.params}
            yield {
                "operation": call.operation,
                "keys": [["dynamodb", *key] for key in keys],
                "request": request,
            }
        elif call.service == "s3" and call.operation == "PutObject":
            bucket, key = call.params["Bucket"], call.params["Key"]
            if (body := _body(stage, bucket, key)) is not None:
                yield {"keys": [["s3", bucket, key]], "request": base64.b64encode(body).decode()}
        elif call.service == "sagemaker" and call.operation in RECORDS:
            name = call.params.get("EndpointName") or f"package-{next(numbers)}"
            record = {} if call.operation.startswith("Delete") else {"Name": name}
            yield {"keys": [["sagemaker", RECORDS[call.operation], name]], "request": record}


def _items(call: Call) -> list[tuple[str, str]]:
    """Give the keys of the ledger's items that a call writes."""
    members = [next(iter(one.values())) for one in call.params.get("TransactItems", ())] or [call.params]
    if call.operation not in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"):
        return []
    keys = [member.get("Item") or member["Key"] for member in members if member["TableName"] == TABLE]
    return [(key["pk"]["S"], key["sk"]["S"]) for key in keys]


def _body(stage: Stage, bucket: str, key: str) -> bytes | None:
    """Read an object as it is now; None when somebody deleted it."""
    try:
        body: bytes = stage.world.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError:
        return None
    return body
