"""The report of a training job: report.json for the judge, report.html for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from relearn.spec.model import ModelSpec
from training.fitting.tasks import Answers
from training.job import report_html
from training.job.champion import Champion

CONTENTS = "contents_sha256"
LINEAGE = ("format", "model", "run_id", "kind", "spec_digest", "onnx_sha256", "libraries", "created_at")


def document(
    meta: Mapping[str, Any],
    spec: ModelSpec,
    candidate: Mapping[str, Any],
    rival: Champion,
    agreed: Mapping[str, Any],
    *,
    contents_sha256: str,
    naive: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Put report.json together.

    Parameters
    ----------
    meta
        The artifact's model.json.
    spec
        The model's spec.
    candidate
        What was measured, and ``importance``.
    rival
        The champion, measured on the same evaluation set.
    agreed
        How the ONNX model agrees with the estimator.
    contents_sha256
        Digest of the whole artifact.
    naive
        What needs no model, measured on the same evaluation set, and the candidate's lead over it; None where the kind of
        model has no such thing.

    Returns
    -------
    dict
        ``champion`` is null when none serves, and also when the one that serves cannot answer
        the holdout; then ``champion_incompatible`` says which version and why.
    """
    return {
        **{key: meta[key] for key in LINEAGE},
        CONTENTS: contents_sha256,
        "metric": spec.metric.name,
        "snapshot": meta["dataset"]["snapshot"],
        "fingerprint": meta["dataset"]["fingerprint"],
        "rows": meta["dataset"]["rows"],
        "tables": meta["dataset"]["tables"],
        "features": meta["dataset"]["features"],
        "hyperparameters": meta["hyperparameters"],
        "baseline": meta["baseline"][spec.target.name],
        "candidate": dict(candidate),
        "champion": rival.measured,
        "champion_incompatible": rival.incompatible,
        "naive": naive and dict(naive),
        "agreement": dict(agreed),
    }


def write(
    folder: Path, spec: ModelSpec, report: Mapping[str, Any], meta: Mapping[str, Any], answers: Answers
) -> None:
    """Write report.json and report.html.

    Parameters
    ----------
    folder
        Where SageMaker looks for a job's output data.
    spec
        The model's spec.
    report
        What `document` gave.
    meta
        The artifact's model.json.
    answers
        What the candidate answered on the holdout.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False), encoding="utf-8")
    page = report_html.page(spec, report, meta["baseline"], answers)
    (folder / "report.html").write_text(page, encoding="utf-8")
