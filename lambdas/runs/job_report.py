"""The report of a training job: unpacked with care, and believed only when it is this run's."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from relearn.api import strict_json
from relearn.data import archives
from relearn.data.archives import Limits
from relearn.errors import ArchiveError, DataError
from relearn.lifecycle.promotion import Naive
from relearn.spec.model import ModelSpec

LARGEST_ARCHIVE = 64 * 1024**2
"""Of output.tar.gz, in bytes."""
LARGEST_FILE = 32 * 1024**2
"""Of one file in it, in bytes."""
LARGEST_TOTAL = 256 * 1024**2
"""Of all its files together, in bytes."""
JSON, HTML = "report.json", "report.html"
FEATURES = "features.html"
"""What the features of a model with several tables look like; other models have none."""
PROBES = "probes.jsonl"
"""Instances of the holdout, one a line, for a candidate that too few others ask."""
ANSWERS = "answers.jsonl"
"""Some of them with the answers that the judged model gave, for whoever deploys it."""
LARGEST_PROBES = 2_000_000
"""In bytes, as far as they are read."""
FILES = {
    JSON: "application/json",
    HTML: "text/html; charset=utf-8",
    FEATURES: "text/html; charset=utf-8",
    PROBES: "application/jsonlines",
    ANSWERS: "application/jsonlines",
}
"""What a job's output may hold, and the media type of each."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the judge needs to know.

    Parameters
    ----------
    candidate
        Metric name to value on the holdout.
    champion
        The same for the champion, None when there is nothing to compare with.
    incompatible
        Why the champion could not be measured; empty when it could, or there is none.
    online
        The features the job left to be looked up: ``rows``, ``sha256`` and ``as_of``; empty when it left none.
    naive
        What it says of the simplest method; None when it was not measured.
    waiting
        Raw table to its rows that were dated later than the run's clock, where there are any.
    onnx_sha256, contents_sha256
        Digests (hex) of the graph that was measured, and of all files of its artifact; empty when it does not say.
    """

    candidate: dict[str, float]
    champion: dict[str, float] | None
    incompatible: str
    online: dict[str, Any] = field(default_factory=dict)
    naive: dict[str, Any] | None = None
    waiting: dict[str, int] = field(default_factory=dict)
    onnx_sha256: str = ""
    contents_sha256: str = ""


def unpack(archive: bytes) -> dict[str, bytes]:
    """Read the `FILES` that are there out of a job's output.tar.gz.

    Nothing is written to disk, and sizes are capped before reading.

    Raises
    ------
    DataError
        Code ``report``: not a gzipped tar, too large, odd, or without a report.json.
    """
    limits = Limits(file=LARGEST_FILE, total=LARGEST_TOTAL)
    try:
        members = archives.files(io.BytesIO(archive), "the job's output", limits)
        found = {one.name: one.read() for one in members if one.name in FILES}
    except ArchiveError as error:
        raise DataError("report", str(error)) from error
    if JSON not in found:
        raise DataError("report", f"the job's output has no {JSON}")
    return found


def parse_report(text: bytes, expected: Mapping[str, Any], champion_version: int) -> Report:
    """Read a report, and check that it is about this run.

    Parameters
    ----------
    text
        report.json.
    expected
        What it must say: ``model``, ``run_id``, ``snapshot``, ``spec_digest``.
    champion_version
        The version it must have compared with, 0 for none.

    Raises
    ------
    DataError
        Code ``report``: it is not JSON, not about this run, or has a metric that is no number.
    """
    try:
        data = strict_json.loads(text, JSON, LARGEST_FILE, finite=False)  # a figure that is none never wins
        for key, value in expected.items():
            if data[key] != value:
                raise DataError("report", f"{key} in the report is {data[key]!r}; this run's is {value!r}")
        candidate = _metrics(data["candidate"])
        champion, incompatible = data["champion"], data.get("champion_incompatible")
        about = (champion or incompatible or {"version": 0})["version"]
        measured = None if champion is None else _metrics(champion)
        why = "" if incompatible is None else str(incompatible["reason"])
        online = _online(data.get("features") or {})
        waiting = _waiting(data.get("tables") or {})
    except ArchiveError as error:
        raise DataError("report", str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise DataError("report", f"the report is not as agreed: {error!r}") from error
    if about != champion_version:
        raise DataError("report", f"the report compares with version {about}, not with {champion_version}")
    digests = (str(data.get(name, "")) for name in ("onnx_sha256", "contents_sha256"))
    return Report(candidate, measured, why, online, data.get("naive"), waiting, *digests)


def naive(told: Mapping[str, Any] | None, spec: ModelSpec) -> Naive | None:
    """Read how a candidate does against the simplest method.

    Raises
    ------
    DataError
        Code ``report``: not as agreed, or missing though a ranking is held against it.
    """
    try:
        found = Naive.from_report(told, spec.metric.name)
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(
            "report", f"what the report says of the simplest method is not as agreed: {error!r}"
        ) from error
    if found is None and spec.kind == "ranking":
        raise DataError("report", "the report does not compare the candidate with what is popular")
    return found


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Keep the metrics that are finite numbers: the ledger holds no others."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _online(features: Mapping[str, Any]) -> dict[str, Any]:
    if (told := features.get("online")) is None:
        return {}
    return {"rows": int(told["rows"]), "sha256": str(told["sha256"]), "as_of": str(told["as_of"])}


def _waiting(tables: Mapping[str, Any]) -> dict[str, int]:
    counts = {str(table): int(told.get("waiting", 0)) for table, told in tables.items()}
    return {table: count for table, count in counts.items() if count > 0}


def _metrics(measured: Mapping[str, Any]) -> dict[str, float]:
    metrics: dict[str, Any] = measured["metrics"]
    for name, value in metrics.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError("report", f"metric {name} is {value!r}, not a number")
    return {name: float(value) for name, value in metrics.items()}
