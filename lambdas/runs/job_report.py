"""Reads the report of a training job: unpacks the output within limits, and checks that it belongs to the run."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from relearn.api import strict_json
from relearn.data import archives
from relearn.data.archives import Limits
from relearn.errors import ArchiveError, DataError
from relearn.lifecycle.blame import Blame
from relearn.lifecycle.changed_spec import ChangedSpec
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.power import Power
from relearn.lifecycle.promotion import Naive, Reference, not_compared
from relearn.spec.model import ModelSpec

LARGEST_ARCHIVE = 64 * 1024**2
"""Largest output.tar.gz, in bytes."""
LARGEST_FILE = 32 * 1024**2
"""Largest file in it, in bytes."""
LARGEST_TOTAL = 256 * 1024**2
"""Largest total of its files, in bytes."""
JSON, HTML = "report.json", "report.html"
"""Names of the report, for programs and for people."""
FEATURES = "features.html"
"""Report on the features; only models with several tables have one."""
PROBES = "probes.jsonl"
"""Instances of the holdout, one a line; they are sent to a candidate that gets too few requests."""
ANSWERS = "answers.jsonl"
"""Some of the probes with the answers of the judged model; deployment compares them with the deployed version's."""
LARGEST_PROBES = 2_000_000
"""Bytes of the probes that are read at most; the rest is ignored."""
FILES = {
    JSON: "application/json",
    HTML: "text/html; charset=utf-8",
    FEATURES: "text/html; charset=utf-8",
    PROBES: "application/jsonlines",
    ANSWERS: "application/jsonlines",
}
"""Files that are read from a job's output, with their media types."""


@dataclass(frozen=True, slots=True)
class Report:
    """Contents of a training job's report that decide whether the candidate may serve.

    Parameters
    ----------
    candidate
        Metric name to value on the holdout.
    champion
        The same for the champion; None when it was not measured.
    incompatible
        That the champion cannot be compared with, and why; empty when it was, or there is none.
    online
        Online features that the job wrote: ``rows``, ``sha256`` and ``as_of``; empty when it wrote none.
    naive
        Comparison with the naive baseline; None when it was not measured.
    waiting
        Raw table to the number of its rows dated after the run's clock; tables without such rows are left
        out.
    onnx_sha256, contents_sha256
        Digests (hex) of the measured graph, and of all files of its artifact; empty when the report has none.
    comparison
        Interval of the difference between candidate and champion; None when the report has none.
    reference
        Figures of the reference, as `relearn.lifecycle.promotion.Reference.from_report` reads them; None when it
        was not measured.
    reference_incompatible
        That the reference cannot be compared with, and why; empty when it was, or there is none.
    blame
        Uploads that are to blame for a loss; None when nobody looked.
    power
        Smallest difference that the evaluation set shows; None when the report has none.
    changed
        What the comparison with the champion is about; None where its spec is the candidate's.
    duel
        Rows on which the candidate is ``better`` than the champion, and ``worse``; empty when the report has none.
    """

    candidate: dict[str, float]
    champion: dict[str, float] | None
    incompatible: str
    online: dict[str, Any] = field(default_factory=dict)
    naive: dict[str, Any] | None = None
    waiting: dict[str, int] = field(default_factory=dict)
    onnx_sha256: str = ""
    contents_sha256: str = ""
    comparison: Comparison | None = None
    reference: dict[str, Any] | None = None
    reference_incompatible: str = ""
    blame: Blame | None = None
    power: Power | None = None
    changed: ChangedSpec | None = None
    duel: dict[str, int] = field(default_factory=dict)


def unpack(archive: bytes) -> dict[str, bytes]:
    """Return the `FILES` that a job's output.tar.gz holds, by name.

    Nothing is written to disk, and sizes are capped before reading.

    Raises
    ------
    DataError
        Code ``report``: not a gzipped tar, too large, with irregular members, or without a report.json.
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


def parse_report(
    text: bytes,
    expected: Mapping[str, Any],
    champion_version: int,
    reference_version: int = 0,
    on_trial: Collection[str] = (),
) -> Report:
    """Parse a report, and check that it belongs to this run.

    Parameters
    ----------
    text
        report.json.
    expected
        Required values of ``model``, ``run_id``, ``snapshot`` and ``spec_digest``.
    champion_version
        The version that the report must compare with; 0 for none.
    reference_version
        The reference that it must compare with too; 0 for none.
    on_trial
        Ids of the run's new uploads: no other can be to blame.

    Raises
    ------
    DataError
        Code ``report``: not JSON, malformed, of another run, or with a metric that is not a number.
    """
    try:
        data = strict_json.loads(text, JSON, LARGEST_FILE, finite=False)  # NaN never wins a comparison
        for key, value in expected.items():
            if data[key] != value:
                raise DataError("report", f"{key} in the report is {data[key]!r}; this run's is {value!r}")
        candidate = _metrics(data["candidate"])
        champion, reference = data["champion"], data.get("reference")
        found = [
            _compared(data, name, version)
            for name, version in (("champion", champion_version), ("reference", reference_version))
        ]
        measured = None if champion is None else _metrics(champion)
        comparison, changed = Comparison.from_report(champion), ChangedSpec.from_report(champion)
        blame = Blame.from_report(data.get("blame"), on_trial)
        power = Power.from_dict(data.get("power"))
        duel = _duel((champion or {}).get("duel"))
        online = _online(data.get("features") or {})
        waiting = _waiting(data.get("tables") or {})
    except ArchiveError as error:
        raise DataError("report", str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise DataError("report", f"the report is not as agreed: {error!r}") from error
    onnx, everything = (str(data.get(name, "")) for name in ("onnx_sha256", "contents_sha256"))
    return Report(
        candidate,
        measured,
        found[0],
        online,
        data.get("naive"),
        waiting,
        onnx,
        everything,
        comparison,
        reference,
        found[1],
        blame,
        power,
        changed,
        duel,
    )


def _compared(data: Mapping[str, Any], name: str, version: int) -> str:
    """Return that champion or reference cannot be compared with, and why; empty when it was, or there is none.

    Raises
    ------
    DataError
        The report is about another version.
    """
    incompatible = data.get(f"{name}_incompatible")
    about = (data.get(name) or incompatible or {"version": 0})["version"]
    if about != version:
        raise DataError("report", f"the report compares with version {about}, not with {version}")
    return not_compared(incompatible)


def naive(told: Mapping[str, Any] | None, spec: ModelSpec) -> Naive | None:
    """Return the comparison of a candidate with the naive baseline; None when the report has none.

    Raises
    ------
    DataError
        Code ``report``: malformed, or missing for a ranking, which must beat the baseline.
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


def reference(told: Mapping[str, Any] | None, spec: ModelSpec) -> Reference | None:
    """Return the comparison of a candidate with the reference; None when the report has none.

    Raises
    ------
    DataError
        Code ``report``: malformed.
    """
    try:
        return Reference.from_report(told, spec.metric.name)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            "report", f"what the report says of the reference is not as agreed: {error!r}"
        ) from error


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that are finite numbers; the ledger cannot store others."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _online(features: Mapping[str, Any]) -> dict[str, Any]:
    if (told := features.get("online")) is None:
        return {}
    return {"rows": int(told["rows"]), "sha256": str(told["sha256"]), "as_of": str(told["as_of"])}


def _duel(told: Mapping[str, Any] | None) -> dict[str, int]:
    return {name: int(told[name]) for name in ("better", "worse")} if told else {}


def _waiting(tables: Mapping[str, Any]) -> dict[str, int]:
    counts = {str(table): int(told.get("waiting", 0)) for table, told in tables.items()}
    return {table: count for table, count in counts.items() if count > 0}


def _metrics(measured: Mapping[str, Any]) -> dict[str, float]:
    metrics: dict[str, Any] = measured["metrics"]
    for name, value in metrics.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError("report", f"metric {name} is {value!r}, not a number")
    return {name: float(value) for name, value in metrics.items()}
