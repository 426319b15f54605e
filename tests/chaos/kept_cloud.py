"""Repeats a run's writes on a kept laptop cloud that is killed at one of them; run as a script.

``python -m tests.chaos.kept_cloud WRITES FOLDER AT [lazy]`` runs the real code of a kept cloud (MiniStack's
tables and objects, `local.kept`, SageMaker's records) in its own process, because MiniStack reads its
settings at import. ``AT`` selects the disk write at which it dies. A ``lazy`` cloud, a deliberate error,
answers before it has written its tables. Prints JSON: the number of answered writes, and those that are
missing after the restart.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from local import kept
from local.sagemaker.state import State
from tests.local.killed_writes import (  # sets MiniStack's environment before it imports it
    FOLDER,
    Durable,
    app,
    ask,
    counted,
    dynamodb,
    forked,
    killed,
    persistence,
    s3,
)

Said = Callable[[Any], None]
LEDGER, RECORDS = "ledger", "sagemaker.json"
KILLED = 9


def table(action: str, request: Any) -> Any:
    headers = {"x-amz-target": f"DynamoDB_20120810.{action}"}
    status, _, body = ask("dynamodb", "POST", "/", headers, json.dumps(request).encode(), {})
    assert status == 200, (action, body[:500])
    return json.loads(body)


def prepare(buckets: set[str], *, lazy: bool) -> None:
    """Set up a cloud after its first deployment."""
    (FOLDER / "lock").touch()
    app._loaded_modules |= {"dynamodb": dynamodb}
    names = ("pk", "sk")
    keys = [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=True)
    ]
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in names]
    made = {"KeySchema": keys, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST"}
    table("CreateTable", {"TableName": LEDGER, **made})
    for bucket in buckets:
        ask("s3", "PUT", f"/{bucket}", {}, b"", {})
        s3._bucket_versioning[bucket] = "Enabled"
    durable = Durable(FOLDER / kept.GENERATIONS)
    if not lazy:
        durable.answer_after_writing_tables()
    asyncio.run(durable.write_everything())


def write(writes: list[dict[str, Any]], said: Said) -> None:
    """Repeat the run's writes; report each beginning, and each result when it is answered."""
    records = State(FOLDER / RECORDS)
    for one in writes:
        said({"begun": one["keys"]})
        request, keys = one["request"], one["keys"]
        match keys[0]:
            case ["dynamodb", *_]:
                table(one["operation"], request)
            case ["s3", bucket, key]:
                status, headers, _ = ask("s3", "PUT", f"/{bucket}/{key}", {}, base64.b64decode(request), {})
                assert status == 200, (bucket, key)
                keys = [["s3", bucket, key, headers["x-amz-version-id"]]]
            case [_, kind, name]:
                records.add(kind, name, request) if request else records.remove(kind, name)
        said({"answered": [[key, read(key, records)] for key in keys]})


def read(key: list[str], records: State) -> Any:
    """Return an item of the ledger, an object version or a record of SageMaker.

    None when it does not exist.
    """
    match key:
        case ["dynamodb", pk, sk]:
            wanted = {"pk": {"S": pk}, "sk": {"S": sk}}
            return table("GetItem", {"TableName": LEDGER, "Key": wanted, "ConsistentRead": True}).get("Item")
        case ["s3", bucket, name, version]:
            status, _, body = ask("s3", "GET", f"/{bucket}/{name}", {}, b"", {"versionId": [version]})
            return base64.b64encode(body).decode() if status == 200 else None
        case [_, kind, name]:
            return records.get(kind, name)
    raise ValueError(f"nothing has the key {key}")


def look(keys: list[list[str]], result: Path) -> None:
    """Restart from the folder, as a cloud does, and read what was answered."""
    kept.KeptFolder(FOLDER)
    state = persistence.load_state("dynamodb")
    assert state is not None
    dynamodb.load_persisted_state(state)
    for store in (s3._buckets, s3._object_versions, s3._object_tags):
        store._data.clear()
    s3._load_persisted_data()
    records = State(FOLDER / RECORDS)
    result.write_text(json.dumps([read(key, records) for key in keys]))


def main() -> None:
    """Count the disk writes, repeat them with a kill at one, restart, and print what is lost."""
    writes = json.loads(Path(sys.argv[1]).read_text())
    FOLDER.mkdir(parents=True, exist_ok=True)
    prepare({one["keys"][0][1] for one in writes if one["keys"][0][0] == "s3"}, lazy="lazy" in sys.argv)
    fresh, said, result = (FOLDER.with_name(name) for name in ("fresh", "said", "found"))
    shutil.copytree(FOLDER, fresh, symlinks=True)
    said.write_text("")
    assert forked(partial(counted, partial(write, writes), said)) == 0
    total = json.loads(said.read_text())
    shutil.rmtree(FOLDER)
    shutil.copytree(fresh, FOLDER, symlinks=True)
    said.write_text("")
    at = 1 + int(sys.argv[3]) % total
    assert forked(partial(killed, partial(write, writes), at, said)) == KILLED
    told = [json.loads(line) for line in said.read_text().splitlines()]
    under_way = told[-1].get("begun", []) if told else []
    last = {tuple(key): value for one in told for key, value in one.get("answered", ())}
    keys = [[*key] for key in last if [*key[:3]] not in under_way]
    assert forked(partial(look, keys, result)) == 0
    found = json.loads(result.read_text())
    lost = [key for key, there in zip(keys, found, strict=True) if there != last[tuple(key)]]
    sys.stdout.write(json.dumps({"at": at, "of": total, "answered": len(keys), "lost": lost}))


if __name__ == "__main__":
    main()
