"""Write the report of a training job: report.json for the judge function, report.html for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relearn.lifecycle.blame import Blame
from relearn.lifecycle.power import Power
from relearn.spec.model import ModelSpec
from scoring import artifact
from training.fitting.tasks import Answers
from training.job import report_html
from training.job.champion import Rival

if TYPE_CHECKING:
    from training.fitting.labels import Labels

CONTENTS = "contents_sha256"
"""Key of the digest of the whole artifact."""
LINEAGE = ("format", "model", "run_id", "kind", "spec_digest", "onnx_sha256", "libraries", "created_at")
"""Keys that report.json copies from model.json."""


def document(
    meta: Mapping[str, Any],
    spec: ModelSpec,
    candidate: Mapping[str, Any],
    rival: Rival,
    agreed: Mapping[str, Any],
    *,
    contents_sha256: str,
    reference: Rival,
    detail: Mapping[str, Any],
    naive: Mapping[str, Any] | None = None,
    blame: Blame | None = None,
    twin: Mapping[str, Any] | None = None,
    labels: Labels | None = None,
    power: Power | None = None,
    time: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of report.json.

    Parameters
    ----------
    meta
        Content of the artifact's model.json.
    spec
        Spec of the model.
    candidate
        Metrics of the candidate, and its ``importance``.
    rival
        Result of evaluating the champion on the same evaluation set.
    agreed
        Agreement of the ONNX model with the estimator.
    contents_sha256
        Digest (hex) of the whole artifact.
    reference
        Result of evaluating the reference on the same evaluation set.
    naive
        Metrics of the naive baseline on the same evaluation set, and the candidate's lead over it; None where
        the kind of model has no baseline.
    blame
        Uploads that are to blame for a loss; None where nobody looked.
    twin
        Statistics of the answers of the model that was judged, where another one serves
        (`training.job.recorded.statistics`); else None.
    labels
        Rows whose label contradicts the rest of the data; None where nobody looked.
    power
        Smallest difference that the evaluation set shows; None where the metric is undefined on it.
    detail
        Flips, slices and curves (`training.job.detail.look`).
    time
        How time counted, from `training.job.in_time.look`; None where rows have none.

    Returns
    -------
    dict
        The report. ``champion`` is null when no version serves, and when the champion cannot answer the
        evaluation set; then ``champion_incompatible`` has its version and the reason. ``reference`` and
        ``reference_incompatible`` are the same of the reference; both are null where that is the champion itself.
    """
    return {
        **{key: meta[key] for key in LINEAGE},
        CONTENTS: contents_sha256,
        "metric": spec.metric.name,
        "snapshot": meta["dataset"]["snapshot"],
        "fingerprint": meta["dataset"]["fingerprint"],
        "rows": meta["dataset"]["rows"],
        "repeats": meta["dataset"]["repeats"],
        "evaluation_set": meta["dataset"]["evaluation_set"],
        "left_out": meta["dataset"]["left_out"],
        "tables": meta["dataset"]["tables"],
        "features": meta["dataset"]["features"],
        "hyperparameters": meta["hyperparameters"],
        "baseline": meta["baseline"][spec.target.name],
        "candidate": dict(candidate),
        "champion": rival.measured,
        "champion_incompatible": rival.incompatible,
        "reference": reference.measured,
        "reference_incompatible": reference.incompatible,
        "naive": naive and dict(naive),
        "blame": blame and blame.as_dict(),
        "twin": twin and {"onnx_sha256": meta[artifact.TWIN_META]["onnx_sha256"], **twin},
        "labels": labels and labels.as_dict(),
        "power": power and power.as_dict(),
        **detail,
        "time": time and dict(time),
        "agreement": dict(agreed),
    }


def write(
    folder: Path, spec: ModelSpec, report: Mapping[str, Any], meta: Mapping[str, Any], answers: Answers
) -> None:
    """Write report.json and report.html.

    Parameters
    ----------
    folder
        Folder of the job's output data; created when missing.
    spec
        Spec of the model.
    report
        Report from `document`.
    meta
        Content of the artifact's model.json.
    answers
        Answers of the candidate on its evaluation set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False), encoding="utf-8")
    page = report_html.page(spec, report, meta["baseline"], answers)
    (folder / "report.html").write_text(page, encoding="utf-8")
