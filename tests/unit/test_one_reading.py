"""Ingest, the API, a batch and the container take the same values, of every type of column, however oddly they are written."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lambdas import http_request, infer
from lambdas.http_request import MalformedBodyError, MediaTypeError
from relearn.errors import RelearnError
from relearn.jsonlines import check_lines
from relearn.schema import check_request
from relearn.spec import Boolean, Category, Column, DateTime, Id, Metric, ModelSpec, Number, Text
from training.app import content_type
from training.encode import from_values
from training.prepare import prepare
from training.reading import Reader

COLUMNS: dict[str, Column] = {
    "number": Number("x"),
    "datetime": DateTime("x"),
    "text": Text("x", max_length=20),
    "category": Category("x", values=("a", "b")),
    "boolean": Boolean("x"),
    "id": Id("x", max_length=20),
}
TAKEN = {
    "number": ["1", "-0", "1.5", "1E5", "1e-400", "3e38", "0.1", "16777217"],
    "datetime": [
        '"2026-05-04"', '"2026-05-04T10:00:00Z"', '"2026-05-04 10:00"', '"2026-05-04T10:00:00.123456789+09:00"',
        '"2026-05-04T10:00+0900"', '"2026-05-04T10:00+09"', '"9999-12-31T23:59:59Z"', '"0001-01-01"', '"2024-02-29"',
    ],
    "text": ['""', '"a"', '"\\u00e9"', '"\\ud83d\\ude00"', '"a,}b"', '"1"', '" a "', '"null"'],
    "category": ['"a"', '"\\u0061"'],
    "boolean": ["true", "false"],
    "id": ['"a"', '"\\u00e9"'],
}  # fmt: skip
REFUSED = {
    "number": [
        '"1"', '" 1 "', "+1", "1_000", ".5", "1.", "01", "0x10", "1e400", "-1e400", "4e38", "NaN", "Infinity", "-Infinity",
        "true", "null", "[1]", '{"a":1}', '"\uff11\uff12"', "\uff11\uff12", "1,", "1 2", "9" * 5000,
    ],
    "datetime": [
        '"2026-W01-1"', '"2026-001"', '"20260504"', '"2026-05-04T24:00"', '"2026-05-04T24:00:00Z"', '"10000-01-01"',
        '"2026-12-31T23:59:60Z"', '"0000-01-01"', '"9999-12-31T23:59:59-05:00"', '"0001-01-01T00:00+05:00"', '"2026-02-30"',
        '"2026-05-04T10"', '"2026-05-04t10:00z"', '"2026-05-04_10:00"', '" 2026-05-04"', '"\uff12\uff10\uff12\uff16-05-04"', '"infinity"',
        '"2026-05-04T10:00:00,5"', '"2026-05-04T10:00+09:00:30"', '"-2026-05-04"', "1", "null", '""',
    ],
    "text": ['"\\u0000"', '"\\ud800"', '"\\udc00x"', '"' + "a" * 21 + '"', '"a\tb"', "1", "null", "'a'", '"\\x"', '"a",'],
    "category": ['"c"', '"A"', '" a"', '"a\\u0000"', '"\\ud800"', "1", "null"],
    "boolean": ['"true"', "1", "0", "TRUE", "null", '"1"'],
    "id": ['""', '"\\u0000"', '"\\ud800"', '"' + "a" * 21 + '"', "1", "null"],
}  # fmt: skip
BODIES = {
    "a key twice": b'{"x": 1, "x": 2}',
    "a key twice, once escaped": b'{"x": 1, "\\u0078": 2}',
    "a trailing comma": b'{"x": 1,}',
    "a comment": b'{"x": 1} // one',
    "a second mark of the byte order": b"\xef\xbb\xbf\xef\xbb\xbf" + b'{"x": 1}',
    "bytes that are not UTF-8": b'{"x": 1, "\x93": 1}',
    "two objects": b'{"x": 1} {"x": 2}',
    "no object": b"[1]",
    "single quotes": b"{'x': 1}",
    "nothing": b"{}",
    "an unknown column": b'{"x": 1, "y": 2}',
}


def spec_of(column: Column) -> ModelSpec:
    columns = (column, Number("other", optional=True))
    return ModelSpec(
        name="m", title="One column", columns=columns, target=Number("t"), metric=Metric("r2", minimum=0.0)
    )


def _read(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (RelearnError, MalformedBodyError):
        return None


def readers(spec: ModelSpec, row: bytes, folder: Path) -> dict[str, Any]:
    """Give the value that each reader takes of a row, in a list; None of one that refuses it."""
    body = b'{"instances": [' + row + b"]}"

    def api() -> Any:
        given = http_request.Request(id="", path="", model="m", content_type="application/json", body=body)
        return check_request(spec, given.json())[0]["x"]

    found = {
        "API": _read(lambda: [api()]),
        "batch": _read(lambda: [next(iter(list(check_lines(spec, [row]))))["x"]]),
        "container": _read(lambda: [Reader(spec).read(body)[0][0]]),
        "container, lines": _read(lambda: [Reader(spec).read_lines(row + b"\n")[0][0]]),
        "ingest": ingest(spec, row, folder),
    }
    assert len({_shown(spec.columns[0], one) for name, one in found.items() if name != "ingest"}) == 1, found
    return found


def _shown(column: Column, found: Any) -> str:
    """Write what a model sees of a value."""
    return "refused" if found is None else repr(from_values([column])([found]).tolist())


def ingest(spec: ModelSpec, row: bytes, folder: Path) -> Any:
    file = folder / "x.jsonl"
    lines = [row[:-1] + b', "t": 1}' if row.endswith(b"}") and row != b"{}" else row]
    file.write_bytes(b"\n".join(lines) + b"\n")
    made = prepare(spec, file, file.name, folder / "work", threads=1)
    if made.shard is None:
        return None
    value = "epoch_us(x)" if isinstance(spec.columns[0], DateTime) else "x"
    return list(duckdb.execute(f"SELECT {value} FROM '{made.shard}'").fetchone() or ())  # noqa: S608


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in TAKEN.items() for text in texts])
def test_a_value_that_one_takes_all_take(kind: str, text: str, tmp_path: Path) -> None:
    found = readers(spec_of(COLUMNS[kind]), b'{"x": ' + text.encode() + b"}", tmp_path)
    assert [name for name, one in found.items() if one is None] == []
    stored, given = found["ingest"][0], from_values([COLUMNS[kind]])([found["API"]])[0][0]
    if kind == "datetime":
        assert math.isclose(stored / 86_400e6 - 10957, given, rel_tol=1e-6)
    else:
        assert stored == given


@pytest.mark.parametrize(
    ("kind", "text"),
    [(kind, text) for kind, texts in REFUSED.items() for text in texts],
    ids=lambda text: text[:30],
)
def test_a_value_that_one_refuses_all_refuse(kind: str, text: str, tmp_path: Path) -> None:
    found = readers(spec_of(COLUMNS[kind]), b'{"x": ' + text.encode() + b"}", tmp_path)
    assert {name: one for name, one in found.items() if one is not None} == {}


@pytest.mark.parametrize("name", BODIES)
def test_a_row_that_one_refuses_all_refuse(name: str, tmp_path: Path) -> None:
    found = readers(spec_of(Number("x")), BODIES[name], tmp_path)
    assert {name: one for name, one in found.items() if one is not None} == {}


CHARSETS = [
    "application/json; charset=Shift_JIS",
    'application/json;charset="utf-16"',
    "application/json; Charset=iso-8859-1",
]


@pytest.mark.parametrize("media", CHARSETS)
def test_json_in_another_encoding_is_refused(media: str) -> None:
    given = http_request.Request(id="", path="", model="m", content_type=media, body=b"{}")
    with pytest.raises(MediaTypeError, match="charset"):
        given.json()
    with pytest.raises(MediaTypeError, match="charset"):
        infer._unpacked(given)
    assert content_type([(b"content-type", media.encode())]) == media


@pytest.mark.parametrize(
    "media", ["application/json", "application/json; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_utf8_may_be_said(media: str) -> None:
    given = http_request.Request(id="", path="", model="m", content_type=media, body=b"{}")
    assert given.json() == {}
    assert content_type([(b"content-type", media.encode())]) == "application/json"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "shift_jis"])
def test_bytes_that_are_not_utf8_are_refused_however_the_gateway_hands_them_over(encoding: str) -> None:
    raw = json.dumps({"x": "配達"}, ensure_ascii=False).encode(encoding)
    context = {"requestId": "1", "http": {"method": "POST"}}
    event = {
        "requestContext": context,
        "rawPath": "/",
        "routeKey": "",
        "headers": {"content-type": "application/json"},
    }
    whole = {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    with pytest.raises(MalformedBodyError):
        http_request.read({**event, **whole}).json()
    with pytest.raises(MalformedBodyError):
        http_request.read({**event, "body": raw.decode(errors="replace")}).json()


def test_the_character_of_lost_bytes_can_be_meant() -> None:
    context = {"requestId": "1", "http": {"method": "POST"}}
    event = {
        "requestContext": context,
        "rawPath": "/",
        "routeKey": "",
        "headers": {"content-type": "application/json"},
    }
    assert http_request.read({**event, "body": '{"x": "\\ufffd"}'}).json() == {"x": "\ufffd"}
