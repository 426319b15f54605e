"""Kills a process at every one of its writes and tells what it had answered and what is found; run as a script.

``python -m tests.local.killed_writes objects|tables|generations|deployment FOLDER``: MiniStack reads its settings when it is
imported, so this is a process of its own; each try is a fork of it. Prints a JSON list, one item a try.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from local import kept

__all__ = ["FOLDER", "Durable", "app", "ask", "counted", "dynamodb", "forked", "killed", "persistence", "s3"]

FOLDER = Path(sys.argv[2])
os.environ |= {
    "PERSIST_STATE": "1",
    "STATE_DIR": str(FOLDER / kept.MINISTACK),
    "S3_PERSIST": "1",
    "S3_DATA_DIR": str(FOLDER / "s3"),
    "DOCKER_HOST": f"unix://{FOLDER}/none.sock",
}

from ministack import app  # noqa: E402 - after the environment is set
from ministack.core import persistence  # noqa: E402
from ministack.services import dynamodb, s3, sqs  # noqa: E402

from local.hooks.durable import Durable  # noqa: E402

WRITES = {"open", "os.rename", "os.remove", "os.mkdir", "os.symlink", "os.rmdir", "shutil.rmtree"}
"""Audit events of what changes files (docs.python.org, "Audit events table"); os.replace raises os.rename's."""
MOST = 200
DURABLE: list[Durable] = []
"""What writes the cloud's state, where a way of working asks it for more."""
Answer = tuple[int, dict[str, str], bytes]


def ask(service: str, *request: Any) -> Answer:
    answer: Answer = asyncio.run(app.SERVICE_HANDLERS[service](*request))
    return answer


def put(key: str, body: bytes) -> str:
    status, headers, _ = ask("s3", "PUT", f"/box/{key}", {}, body, {})
    assert status == 200
    return headers["x-amz-version-id"]


def write_objects(said: Callable[[Any], None]) -> None:
    for number in range(3):
        body = f"content {number}"
        said({"key": "same", "version": put("same", body.encode()), "body": body})
        said({"key": f"own{number}", "version": put(f"own{number}", body.encode()), "body": body})


def found_objects() -> Any:
    for store in (s3._buckets, s3._object_versions, s3._object_tags):
        store._data.clear()
    s3._load_persisted_data()
    s3._bucket_versioning["box"] = "Enabled"
    found = []
    for vkey, versions in s3._object_versions.items():
        for one in versions:
            key, version = vkey[1], one["version_id"]
            _, _, body = ask("s3", "GET", f"/box/{key}", {}, b"", {"versionId": [version]})
            found.append({"key": key, "version": version, "body": body.decode()})
            if one["is_latest"]:
                _, headers, now = ask("s3", "GET", f"/box/{key}", {}, b"", {})
                assert (headers["x-amz-version-id"], now) == (version, body), (key, headers, now)
    listed = {one["key"] for one in found}
    assert set(s3._buckets.get("box", {"objects": ()})["objects"]) <= listed
    return found


def table(action: str, **request: Any) -> Answer:
    headers = {"x-amz-target": f"DynamoDB_20120810.{action}"}
    return ask("dynamodb", "POST", "/", headers, json.dumps({"TableName": "ledger", **request}).encode(), {})


def make_table(name: str = "ledger") -> None:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "pk", "AttributeType": "S"}]
    table(
        "CreateTable",
        TableName=name,
        KeySchema=keys,
        AttributeDefinitions=attributes,
        BillingMode="PAY_PER_REQUEST",
    )


def write_tables(said: Callable[[Any], None]) -> None:
    for number in range(4):
        assert table("PutItem", Item={"pk": {"S": f"route{number}"}})[0] == 200
        said(f"route{number}")


def found_tables() -> Any:
    state = persistence.load_state("dynamodb")
    assert state is not None
    return [pk for (_, _, _), made in state["tables"].all_items() for pk in made["items"]]


def write_generations(said: Callable[[Any], None]) -> None:
    durable = Durable(FOLDER / kept.GENERATIONS)
    for number in range(3):
        for service in (dynamodb, sqs):
            service.get_state = lambda number=number: {"generation": number}
        asyncio.run(durable.write_everything())
        said(number)


def found_generations() -> Any:
    states = [persistence.load_state(name) for name in ("dynamodb", "sqs")]
    return [None if state is None else state["generation"] for state in states]


def write_deployment(said: Callable[[Any], None]) -> None:
    """Deploy something else, with a table and a queue more, while what was there goes on."""
    durable = DURABLE[0]
    durable.begin_deployment()
    make_table("later")
    ask("sqs", "POST", "/", {"x-amz-target": "AmazonSQS.CreateQueue"}, b'{"QueueName": "later"}', {})
    for number in range(2):
        assert table("PutItem", Item={"pk": {"S": f"route{number}"}})[0] == 200
        said(f"route{number}")
        durable.write_moved()
    asyncio.run(durable.write_everything())
    said("deployed")


def found_deployment() -> Any:
    state = persistence.load_state("dynamodb")
    assert state is not None
    made = {str(key[-1]): one for key, one in state["tables"].all_items()}
    queues = Path(os.environ["STATE_DIR"], "sqs.json").read_text()
    return {"tables": sorted(made), "queue": "later" in queues, "items": list(made["ledger"]["items"])}


def prepare(what: str) -> None:
    (FOLDER / "lock").touch()
    if what == "objects":
        kept.publish(FOLDER / kept.GENERATIONS, {})
        ask("s3", "PUT", "/box", {}, b"", {})
        s3._bucket_versioning["box"] = "Enabled"
        return
    app._loaded_modules |= {"dynamodb": dynamodb, "sqs": sqs}
    if what in ("tables", "deployment"):
        durable = Durable(FOLDER / kept.GENERATIONS)
        durable.answer_after_writing_tables()
        make_table()
        asyncio.run(durable.write_everything())
        DURABLE.append(durable)


def tries(what: str) -> Iterator[dict[str, Any]]:
    work, look = {
        "objects": (write_objects, found_objects),
        "tables": (write_tables, found_tables),
        "generations": (write_generations, found_generations),
        "deployment": (write_deployment, found_deployment),
    }[what]
    prepare(what)
    fresh = FOLDER.with_name("fresh")
    shutil.copytree(FOLDER, fresh, symlinks=True)
    for at in range(1, MOST):
        shutil.rmtree(FOLDER)
        shutil.copytree(fresh, FOLDER, symlinks=True)
        said = FOLDER.with_name("said")
        said.write_text("")
        ended = forked(partial(killed, work, at, said))
        answered = [json.loads(line) for line in said.read_text().splitlines()]
        result = FOLDER.with_name("found")
        assert forked(partial(found, look, result)) == 0
        yield {"at": at, "answered": answered, "found": json.loads(result.read_text())}
        if ended == 0:
            return
    raise AssertionError("it was always killed")


def found(look: Callable[[], Any], result: Path) -> None:
    """Look as a cloud does that is started with the folder again."""
    kept.KeptFolder(FOLDER)
    result.write_text(json.dumps(look()))


def killed(work: Callable[[Callable[[Any], None]], None], at: int, said: Path) -> None:
    """Work until the write number ``at``, which is not done any more."""
    left = at

    def count() -> None:
        nonlocal left
        left -= 1
        if not left:
            os._exit(9)

    on_writes(count)
    work(partial(tell, said))


def counted(work: Callable[[Callable[[Any], None]], None], said: Path) -> None:
    """Work to the end, and tell how many writes that are."""
    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    on_writes(count)
    work(lambda _: None)
    tell(said, done)


def tell(said: Path, answer: Any) -> None:
    """Add a line to what was said, which is outside of the folder that is watched."""
    line = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.write(line, json.dumps(answer).encode() + b"\n")
    os.close(line)


def on_writes(count: Callable[[], None]) -> None:
    """Have a function called before every write to the folder."""

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in WRITES or not str(arguments[0]).startswith(str(FOLDER)):
            return
        if event == "open" and not (
            isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        ):
            return
        count()

    sys.addaudithook(audit)


def forked(work: Callable[[], Any]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - this process ends here
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(json.dumps(list(tries(sys.argv[1]))))
