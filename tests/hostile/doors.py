"""The doors: what each makes of a row."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from lambdas import http
from relearn.errors import InvalidInstancesError, InvalidLinesError
from relearn.jsonlines import check_lines
from relearn.schema import check_request
from relearn.spec import Column, DateTime, Number
from tests.hostile.inputs import SPEC, Row
from training.prepare import Prepared, prepare
from training.reading import Reader

READER = Reader(SPEC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TARGET = '"kind": "a"'
_TELLS = re.compile(
    r"allowed|at most|not |no |missing|unknown|above|below|longer|empty|twice|holds a NUL|corrupt|but its"
)
"""Words by which a reason says what is wrong with what was given, or what is allowed."""


@dataclass(frozen=True)
class Verdict:
    """What a door made of an input.

    Parameters
    ----------
    taken
        Whether it was; None: not decided.
    row
        The values taken, in a form that can be compared.
    reasons
        Why it was refused.
    crash
        The error that is nobody's answer; empty when there is none.
    """

    taken: bool | None
    row: tuple[Any, ...] = ()
    reasons: tuple[str, ...] = ()
    crash: str = ""


@dataclass(frozen=True)
class Tried:
    """An input, and what each door made of it."""

    name: str
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def undecided(self) -> bool:
        """Whether a door decided nothing."""
        return any(one.taken is None and not one.crash for one in self.verdicts.values())

    @property
    def crashed(self) -> bool:
        """Whether a door failed."""
        return any(one.crash for one in self.verdicts.values())

    @property
    def unclear(self) -> bool:
        """Whether a refusal does not say where and what: a reason, of the length of a sentence, with a word of `_TELLS`."""
        return any(
            one.taken is False and not (one.reasons and all(map(is_clear, one.reasons)))
            for one in self.verdicts.values()
        )

    @property
    def disputed(self) -> bool:
        """Whether doors differ: some take it and others do not, or they take other values."""
        decided = [(one.taken, one.row) for one in self.verdicts.values() if one.taken is not None]
        return len(set(decided)) > 1

    def said(self) -> str:
        """Say in a few lines what each door made of it."""
        lines = []
        for door, one in self.verdicts.items():
            told = one.crash or "; ".join(one.reasons) or str(one.row)
            lines.append(f"    {door:<10} {'taken' if one.taken else 'refused'}: {told[:200]!r}")
        return "\n".join(lines)


def is_clear(reason: str) -> bool:
    """Tell whether a reason can be understood: it says what is wrong or allowed, in words."""
    return (bool(_TELLS.search(reason)) and len(reason.split()) > 1) or reason == "missing"


def row(one: Row) -> Tried:
    """Bring a row to all doors."""
    doors: dict[str, Callable[[str], Verdict]] = {
        "ingest": _ingest,
        "api": _api,
        "batch": _batch,
        "container": _container,
        "lines": _container_lines,
    }
    return Tried(one.name, {name: _asked(door, one.line) for name, door in doors.items()})


def file(name: str, filename: str, content: bytes) -> Tried:
    """Bring a file to ingest."""
    with tempfile.TemporaryDirectory() as folder:
        return Tried(
            name, {"ingest": _asked(lambda _: _of_file(_prepared(Path(folder), filename, content)), "")}
        )


def _asked(door: Callable[[str], Verdict], line: str) -> Verdict:
    try:
        return door(line)
    except Exception as error:  # noqa: BLE001 - every error that is no verdict is what is looked for
        return Verdict(None, crash=f"{type(error).__name__}: {error}")


def _ingest(line: str) -> Verdict:
    """A file of one line; the target is put before what the row has."""
    head, brace, rest = line.partition("{")
    labelled = line if not brace else f"{head}{{{_TARGET}{'' if rest.strip().startswith('}') else ', '}{rest}"
    with tempfile.TemporaryDirectory() as folder:
        return _of_file(_prepared(Path(folder), "a.jsonl", labelled.encode("utf-8", "surrogatepass")))


def _prepared(folder: Path, name: str, content: bytes) -> Prepared:
    (folder / "object").write_bytes(content)
    (folder / "work").mkdir()
    return prepare(SPEC, folder / "object", name, folder / "work")


def _of_file(found: Prepared) -> Verdict:
    if found.shard is not None:
        names = ", ".join(_selected(column) for column in SPEC.columns)
        with duckdb.connect() as connection:
            rows = connection.execute(f"SELECT {names} FROM read_parquet(?)", [str(found.shard)]).fetchall()  # noqa: S608
        return Verdict(True, _comparable(rows[0]))
    reasons: list[str] = []
    if found.rejected is not None:
        told = [json.loads(one) for one in found.rejected.read_text().splitlines()]
        reasons = [error["reason"] for one in told for error in one["errors"]]
    if not reasons and found.refusal is not None:
        reasons = [found.refusal.detail]
    return Verdict(False if found.refusal else None, reasons=tuple(reasons))


def _selected(column: Column) -> str:
    """Select a column; of a moment its microseconds since 1970, which need no library of time zones."""
    return f'epoch_us("{column.name}")' if isinstance(column, DateTime) else f'"{column.name}"'


def _request(line: str) -> str:
    """Make a request of a row; a byte order mark stands before a whole text."""
    row = line.removeprefix("\ufeff")
    return f'{line[: len(line) - len(row)]}{{"instances": [{row}]}}'


def _api(line: str) -> Verdict:
    event = {
        "routeKey": "POST /v1/models/{model}/predict",
        "rawPath": "/v1/models/odd/predict",
        "headers": {"content-type": "application/json"},
        "requestContext": {"requestId": "r", "http": {"method": "POST"}},
        "pathParameters": {"model": "odd"},
        "body": _request(line),
    }
    taken: list[Any] = []
    answer = http.serve(event, lambda request: taken.extend(check_request(SPEC, request.json())))
    if answer["statusCode"] == 200:
        return Verdict(True, _of_instance(taken[0])) if len(taken) == 1 else Verdict(None, crash=f"{taken}")
    problem = json.loads(answer["body"])
    if answer["statusCode"] >= 500:
        return Verdict(None, crash=answer["body"])
    reasons = [error["detail"] for error in problem.get("errors", ())] or [problem["detail"]]
    return Verdict(False, reasons=tuple(reasons))


def _batch(line: str) -> Verdict:
    try:
        (instance,) = check_lines(SPEC, [line.encode("utf-8", "surrogatepass")])
    except InvalidLinesError as error:
        return Verdict(False, reasons=tuple(one.detail for one in error.errors))
    return Verdict(True, _of_instance(instance))


def _container(line: str) -> Verdict:
    body = _request(line).encode("utf-8", "surrogatepass")
    try:
        rows = READER.read(body)
    except InvalidInstancesError as error:
        return Verdict(False, reasons=tuple(one.detail for one in error.errors))
    return Verdict(True, _comparable(rows[0]))


def _container_lines(line: str) -> Verdict:
    try:
        rows = READER.read_lines(line.encode("utf-8", "surrogatepass"))
    except InvalidLinesError as error:
        return Verdict(False, reasons=tuple(one.detail for one in error.errors))
    return Verdict(True, _comparable(rows[0]))


def _of_instance(instance: Mapping[str, Any]) -> tuple[Any, ...]:
    return _comparable([instance.get(column.name) for column in SPEC.columns])


def _comparable(values: Any) -> tuple[Any, ...]:
    """Give values as the estimator sees them: numbers as float32, moments as moments."""
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
