"""Kills of a kept laptop cloud: writes of the run so far, and what is left of them."""

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
"""Further arguments of `tests.chaos.kept_cloud`."""
SECONDS = 300
RECORDS = {"CreateModelPackage": "packages", "CreateEndpoint": "endpoints", "DeleteEndpoint": "endpoints"}
"""SageMaker calls that change records, with the table."""


@dataclass(frozen=True)
class Kill:
    """Result of a kill: at which of how many disk writes, how many writes were answered before, and the lost keys."""

    at: int
    of: int
    answered: int
    lost: list[list[str]]


def kill(stage: Stage, chance: int) -> Kill:
    """Repeat the stage's writes on a kept cloud, kill it at one of them, and restart it."""
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
    """Yield in order the writes that a laptop cloud keeps: ledger items, objects, SageMaker's records."""
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
    """Return the keys of the ledger items that a call writes."""
    members = [next(iter(one.values())) for one in call.params.get("TransactItems", ())] or [call.params]
    if call.operation not in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"):
        return []
    keys = [member.get("Item") or member["Key"] for member in members if member["TableName"] == TABLE]
    return [(key["pk"]["S"], key["sk"]["S"]) for key in keys]


def _body(stage: Stage, bucket: str, key: str) -> bytes | None:
    """Return the current content of an object; None when it was deleted."""
    try:
        body: bytes = stage.world.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError:
        return None
    return body
