"""The doors, as callers and uploaders use them: the verdict of each on a row, a body or a file.

A stage over moto runs every handler. Its endpoint, and the container of its batches, is the real application
with a real graph; the values that reach the graph are those that a door has accepted.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import numpy as np
import pytest
from onnx import TensorProto, helper

from lambdas.handlers import batch_event, batches, predict
from relearn.api import operations
from relearn.api.jsonlines import MEDIA_TYPE as JSON_LINES
from relearn.lifecycle.uploads import UploadState
from relearn.naming import ids, ledger_keys, resources, s3_keys
from relearn.spec import codec
from relearn.spec.model import Column, DateTime, Number
from scoring import artifact
from scoring.app import App
from scoring.scorer import Scorer, Scores
from tests.hostile.inputs import SPEC, Body, File, Input, Row
from tests.hostile.verdicts import Reason, Verdict
from tests.support import gateway
from tests.support import world as worlds
from tests.support.fake_sagemaker import REGION
from tests.support.stage import reach_without_sdk, stage_of, written_catalog
from tests.support.world import LAKE, STAGE, TABLE, UPLOADS, LambdaContext, World

MODEL = SPEC.name
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TARGET = '"kind": "a"'
_TAKEN = (UploadState.ACCEPTED, UploadState.TRAINED)


class Tap:
    """A scorer that records the rows that it is asked to score."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.rows_asked: list[Sequence[Any]] = []

    def rows(self, rows: Sequence[Sequence[Any]]) -> Scores:
        self.rows_asked += rows
        return self._scorer.rows(rows)


class Doors:
    """All doors of one stage.

    Parameters
    ----------
    world
        The stage, whose model serves.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._app = App(made(), 1)
        self._tap = Tap(self._app._scorer)
        self._app._scorer = self._tap  # type: ignore[assignment]
        self._count = 0
        world.sagemaker.brain = lambda _endpoint, body: self._app.invocation(json.dumps(body).encode())

    def ask(self, door: str, given: Input) -> Verdict:
        """Send an input to a door; every exception is a crash."""
        self._tap.rows_asked.clear()
        self._count += 1
        doors: dict[str, Callable[[Any], Verdict]] = {
            "ingest": self._ingest,
            "api": self._api,
            "batch": self._batch,
            "container": self._container,
            "lines": self._lines,
        }
        try:
            return doors[door](given)
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            return Verdict(None, crash=f"{type(error).__name__}: {error}")

    # ingest

    def _ingest(self, given: Row | File) -> Verdict:
        """Upload a file, or a file of one line in which the target precedes the row's fields."""
        if isinstance(given, File):
            filename, content = given.filename, given.content
        else:
            filename, content = "a.jsonl", _labelled(given.line).encode("utf-8", "surrogatepass")
        key = f"incoming/{MODEL}/{self._count}/{filename}"
        event = self._world.put(key, content, same=True)
        if failed := self._world.ingest(event):
            return Verdict(None, crash=f"not taken from the queue: {failed}")
        version = event["detail"]["object"]["version-id"]
        upload_id = ids.upload_id(UPLOADS, key, version)
        upload = self._world.ledger.upload(MODEL, upload_id)
        assert upload is not None
        self._forget(upload_id)
        if upload.state in _TAKEN:
            return Verdict(True, self._of_shard(upload_id))
        if upload.state is not UploadState.QUARANTINED:
            return Verdict(None, reasons=(Reason(f"{upload.state}: {upload.reason}"),))
        told = [Reason(upload.reason.partition(": ")[2])]
        told += self._of_rows(upload_id) if upload.rows_rejected else []
        return Verdict(False, reasons=tuple(told))

    def _forget(self, upload_id: str) -> None:
        """Delete a decided upload from the ledger, because each new upload is compared with all others."""
        key = {"pk": {"S": ledger_keys.partition(MODEL)}, "sk": {"S": ledger_keys.upload(upload_id)}}
        self._world.dynamodb.delete_item(TableName=TABLE, Key=key)

    def _of_shard(self, upload_id: str) -> tuple[Any, ...]:
        shard = self._read(s3_keys.shard_key(MODEL, upload_id))
        selected = ", ".join(_selected(column) for column in SPEC.columns)
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as connection:
            file.write(shard)
            file.flush()
            rows = connection.execute(f"SELECT {selected} FROM read_parquet(?)", [file.name]).fetchall()  # noqa: S608
        return tuple(map(_comparable, rows))

    def _of_rows(self, upload_id: str) -> list[Reason]:
        """Return the reasons against rows, as the API reports them."""
        found = []
        for line in self._read(s3_keys.rejected_key(MODEL, upload_id)).decode().splitlines():
            row = json.loads(line)
            for one in row["errors"]:
                place = f"line {row['line']}" + (f", column {one['column']}" if one["column"] else "")
                found.append(
                    Reason(one["reason"], place, None if one["column"] is None else str(one["value"]))
                )
        return found

    def _read(self, key: str) -> bytes:
        content: bytes = self._world.s3.get_object(Bucket=LAKE, Key=key)["Body"].read()
        return content

    # the API

    def _api(self, given: Row | Body) -> Verdict:
        body = given if isinstance(given, Body) else Body(given.name, _request(given.line).encode())
        event = {
            "routeKey": operations.PREDICT.key,
            "rawPath": operations.PREDICT.path.format(model=MODEL),
            "headers": {"Content-Type": body.media},
            "requestContext": {"requestId": f"r{self._count}", "http": {"method": "POST"}},
            "pathParameters": {"model": MODEL},
            "body": body.content.decode(
                "utf-8", "replace"
            ),  # as API Gateway passes bodies of textual media types
        }
        answer = predict.handler(event, LambdaContext())
        told = json.loads(answer["body"])
        if answer["statusCode"] == 200:
            return self._scored(len(told["predictions"]))
        if answer["statusCode"] >= 500:
            return Verdict(None, crash=answer["body"])
        return _refused(told.get("errors"), told["detail"])

    # the container

    def _container(self, given: Row | Body) -> Verdict:
        body = given if isinstance(given, Body) else Body(given.name, _request(given.line).encode())
        return self._of_container(*self._invoke(body.content, body.media))

    def _lines(self, given: Row) -> Verdict:
        status, told = self._invoke(given.line.encode("utf-8", "surrogatepass"), JSON_LINES)
        lines = [json.loads(line) for line in told.splitlines()] if status == 200 else []
        if len(lines) == 1 and "errors" in lines[0]:
            return _refused(lines[0]["errors"], "", "line 1")
        return self._of_container(status, json.dumps({"predictions": lines}).encode() if lines else told)

    def _of_container(self, status: int, told: bytes) -> Verdict:
        answer = json.loads(told)
        if status == 200:
            return self._scored(len(answer["predictions"]))
        if status >= 500:
            return Verdict(None, crash=told.decode())
        return _refused(answer.get("errors"), answer["error"])

    def _invoke(self, body: bytes, media: str) -> tuple[int, bytes]:
        """Send a request to the application as an ASGI server does."""
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"content-type", media.encode())]
        scope = {"type": "http", "method": "POST", "path": "/invocations", "headers": headers}
        asyncio.run(self._app(scope, receive, send))
        start, end = sent
        return start["status"], end["body"]

    def _scored(self, answers: int) -> Verdict:
        """Return the rows that the graph was asked to score, of which each must have an answer."""
        rows = tuple(map(_comparable, self._tap.rows_asked))
        if len(rows) != answers:
            return Verdict(None, crash=f"{answers} answers to {len(rows)} rows")
        return Verdict(True, rows)

    # a batch

    def _batch(self, given: Row | File) -> Verdict:
        content = (
            given.content if isinstance(given, File) else given.line.encode("utf-8", "surrogatepass") + b"\n"
        )
        batch = self._call(operations.CREATE_BATCH, "")["batch"]
        batch_event.handler(self._world.put(s3_keys.batch_input_key(MODEL, batch), content), LambdaContext())
        self._transform(batch)
        found = self._call(operations.GET_BATCH, batch)
        if found["state"] == "FAILED" and found["errors"]:
            return _refused_lines(found["errors"])
        if found["state"] == "FAILED":
            return Verdict(False, reasons=(Reason(found["reason"]),))
        if found["state"] != "SUCCEEDED":
            return Verdict(None, reasons=(Reason(f"{found['state']}: {found['reason']}"),))
        answers = self._read(s3_keys.batch_answers_key(MODEL, batch)).decode().split("\n")[:-1]
        lines = [json.loads(line) for line in answers]
        wrong = [error | {"line": line["line"]} for line in lines for error in line.get("errors", ())]
        if len(lines) == found["failed"]:
            return _refused_lines(wrong)
        return self._scored(len(lines) - found["failed"])

    def _call(self, operation: operations.Operation, batch: str) -> Any:
        asked = gateway.event(operation, model=MODEL, batch=batch)
        return gateway.answered(batches.handler(asked, LambdaContext()))[2]

    def _transform(self, batch: str) -> None:
        """Execute the transform job of a batch, if there is one, and send its state change event."""
        name = resources.transform_job(STAGE, MODEL, batch)
        if (job := self._world.sagemaker.transforms.get(name)) is None:
            return
        status, answers = self._invoke(self._read(s3_keys.batch_input_key(MODEL, batch)), JSON_LINES)
        if status == 200:
            key = s3_keys.batch_output_key(MODEL, batch)
            self._world.s3.put_object(Bucket=LAKE, Key=key, Body=answers)
        told = {"TransformJobStatus": "Completed" if status == 200 else "Failed"}
        job.update(told)
        detail = {"TransformJobName": name, **told}
        event = {"detail-type": "SageMaker Transform Job State Change", "detail": detail}
        batch_event.handler(event, LambdaContext())


@contextmanager
def opened() -> Iterator[Doors]:
    """Open the doors of a new stage."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        models = written_catalog(Path(folder), {MODEL: SPEC}, {}, {})
        patch.setitem(worlds.SPECS, MODEL, SPEC)
        with stage_of(models, boto3.Session("test", "test", region_name=REGION), patch) as world:
            reach_without_sdk(world, patch)
            world.serve(MODEL)
            world.sagemaker.models[resources.endpoint(STAGE, MODEL, 1)] = {}
            yield Doors(world)


@contextmanager
def asking() -> Iterator[Callable[[tuple[str, Input]], Verdict]]:
    """Open the doors and yield a function that sends an input to a named one."""
    with opened() as doors:
        yield lambda asked: doors.ask(*asked)


def made() -> artifact.Artifact:
    """Return an artifact whose graph uses every column.

    Its answer depends on how many numbers are missing.
    """
    rows: list[str | int | None] = ["rows"]
    numbers, words = ["amount", "free", "flag", "at"], ["colour", "note"]
    onnx = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("IsNaN", ["X"], ["missing"]),
                helper.make_node("Cast", ["missing"], ["ones"], to=TensorProto.FLOAT),
                helper.make_node("ReduceMean", ["ones"], ["share"], axes=[1], keepdims=1),
                helper.make_node("Constant", [], ["one"], value_float=1.0),
                helper.make_node("Sub", ["one", "share"], ["rest"]),
                helper.make_node("Concat", ["rest", "share"], ["probabilities"], axis=1),
                helper.make_node("Constant", [], ["half"], value_float=0.5),
                helper.make_node("Greater", ["share", "half"], ["many"]),
                helper.make_node("Constant", [], ["flat"], value_ints=[-1]),
                helper.make_node("Reshape", ["many", "flat"], ["most"]),
                helper.make_node("Constant", [], ["a"], value_string=b"a"),
                helper.make_node("Constant", [], ["b"], value_string=b"b"),
                helper.make_node("Where", ["most", "b", "a"], ["label"]),
            ],
            "odd",
            [
                helper.make_tensor_value_info("X", TensorProto.FLOAT, [*rows, len(numbers)]),
                helper.make_tensor_value_info("S", TensorProto.STRING, [*rows, len(words)]),
            ],
            [
                helper.make_tensor_value_info("label", TensorProto.STRING, rows),
                helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [*rows, 2]),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    ).SerializeToString()
    meta = {
        "format": artifact.FORMAT,
        "model": MODEL,
        "spec": codec.to_dict(SPEC),
        "spec_digest": codec.digest(SPEC),
        "onnx_sha256": hashlib.sha256(onnx).hexdigest(),
        "inputs": [
            {"name": "X", "type": "float32", "columns": numbers},
            {"name": "S", "type": "string", "columns": words},
        ],
        "classes": ["a", "b"],
    }
    return artifact.make(onnx, meta)


def _refused(errors: Sequence[Mapping[str, str]] | None, detail: str, where: str = "") -> Verdict:
    """Return the verdict of a problem document or of a container's error."""
    if not errors:
        return Verdict(False, reasons=(Reason(detail),))
    told = (Reason(one["detail"], f"{where}{one['pointer']}" or "the body") for one in errors)
    return Verdict(False, reasons=tuple(told))


def _refused_lines(errors: Sequence[Mapping[str, Any]]) -> Verdict:
    told = (Reason(one["detail"], f"line {one['line']}{one['pointer']}") for one in errors)
    return Verdict(False, reasons=tuple(told))


def _labelled(line: str) -> str:
    head, brace, rest = line.partition("{")
    if not brace:
        return line
    return f"{head}{{{_TARGET}{'' if rest.strip().startswith('}') else ', '}{rest}"


def _request(line: str) -> str:
    """Return a request with one row; a byte order mark of the row moves to the beginning of the body."""
    row = line.removeprefix("\ufeff")
    return f'{line[: len(line) - len(row)]}{{"instances": [{row}]}}'


def _selected(column: Column) -> str:
    """Return the SQL of a column; a time as microseconds since 1970, which needs no time zone library."""
    return f'epoch_us("{column.name}")' if isinstance(column, DateTime) else f'"{column.name}"'


def _comparable(values: Any) -> tuple[Any, ...]:
    """Return values as the estimator sees them: numbers as float32, times as datetime."""
    return tuple(_seen(column, value) for column, value in zip(SPEC.columns, values, strict=True))


def _seen(column: object, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column, Number):
        return repr(np.float32(value))
    if isinstance(column, DateTime):
        if isinstance(value, int):
            return EPOCH + timedelta(microseconds=value)
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return value
