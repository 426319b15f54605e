"""Check the feature set of a model with several tables against its spec, before the model is fitted.

The raw tables were checked before the job started; the features computed from them can only be checked here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pages import data_report
from pages.data_report import DataReport, TableReport
from relearn.data import checks, profiles
from relearn.data.profiles import ColumnProfile, Profile
from relearn.errors import DataError
from relearn.spec.model import Column, ModelSpec
from scoring import artifact
from scoring.container import Container, Job
from scoring.encode import Array
from training.data.column_types import LEARNT_TYPES, is_missing
from training.data.dataset import Dataset, learnt

PAGE = "features.html"
PROFILE = "profile"
"""Key of the features' profile in model.json."""


def check(spec: ModelSpec, dataset: Dataset, box: Container, job: Job) -> Profile:
    """Profile the features, write the page about them, and check them.

    Parameters
    ----------
    dataset
        Data set of the features.
    box, job
        Container with the champion's artifact and the output folder, and the settings of the job.

    Raises
    ------
    DataError
        The features break a rule of the spec (code ``data_quality``).
    ArtifactError
        The artifact of the champion is damaged.
    """
    profile = describe(spec, dataset)
    before = of_champion(box.champion)
    findings = checks.feature_findings(spec, profile, before)
    report = DataReport(
        run_id=job.run_id,
        at="",
        compared_with=f"version {job.champion_version}" if before else "",
        tables=(
            TableReport(
                name="features",
                columns=(*learnt(spec), spec.target),
                profile=profile,
                before=before,
                shards=0,
            ),
        ),
        findings=tuple(findings),
    )
    box.output.mkdir(parents=True, exist_ok=True)
    (box.output / PAGE).write_text(data_report.page(spec, report), encoding="utf-8")
    if reason := checks.reason(findings):
        raise DataError("data_quality", reason)
    return profile


def of_champion(path: Path) -> Profile | None:
    """Return the profile of the champion's features; None without a champion or without such a profile."""
    if not path.is_file():
        return None
    kept = artifact.read_tar(path).meta.get(PROFILE)
    return profiles.from_dict(kept) if isinstance(kept, dict) else None


def describe(spec: ModelSpec, dataset: Dataset) -> Profile:
    """Return the profile of all rows, learnt or not."""
    rows = dataset.whole().train
    columns = {column.name: _describe(column, rows.columns[column.name]) for column in learnt(spec)}
    columns[spec.target.name] = _describe(spec.target, rows.target)
    return Profile(rows=len(rows), columns=columns)


def _describe(column: Column, values: Array) -> ColumnProfile:
    lacking, about = is_missing(column, values), LEARNT_TYPES[type(column)]
    profile = ColumnProfile(type=column.type, missing=int(lacking.sum()))
    if not about.disclosed:
        return profile
    measured = about.measured(values[~lacking])
    if column.type not in profiles.SKETCHED:
        return replace(profile, counts=_count(measured))
    numbers = measured.astype(np.float64)
    return replace(
        profile,
        low=float(numbers.min()) if len(numbers) else None,
        high=float(numbers.max()) if len(numbers) else None,
        total=float(numbers.sum()),
        counts=_count(_bins(numbers)),
    )


def _bins(values: Array) -> Array:
    """Return the bins of numbers, as `relearn.data.profiles.bin_of` does for one number."""
    size = np.abs(values)
    exponents = np.ceil(np.log(np.maximum(size, profiles.SMALLEST)) / profiles.LOG_GAMMA) + profiles.SHIFTED
    return np.where(size < profiles.SMALLEST, 0, np.sign(values) * exponents).astype(np.int64)


def _count(values: Array) -> dict[str, int]:
    found, counts = np.unique(values.astype(str) if values.dtype == object else values, return_counts=True)
    return {str(value): int(count) for value, count in zip(found, counts, strict=True)}
