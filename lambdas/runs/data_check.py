"""Checks a run's data before training costs anything: compares profiles of its shards with the spec's quality rules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.storage import Storage
from lambdas.runs import shard_profiles
from lambdas.runs.shard_profiles import Evidence
from lambdas.runtime.catalog import Catalog
from pages import data_report
from pages.data_report import DataReport, TableReport
from relearn.data import checks, profiles, snapshots
from relearn.data.checks import Finding
from relearn.data.profiles import Profile
from relearn.errors import DataError
from relearn.lifecycle.run_context import DataVerdict
from relearn.lifecycle.runs import Run
from relearn.lifecycle.uploads import Upload
from relearn.naming import s3_keys
from relearn.spec import codec
from relearn.spec.model import ModelSpec

LARGEST_REPORT = 64 * 1024**2
"""Largest data.json, in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataCheck:
    """Checks the data of a run against the quality rules of its spec.

    Parameters
    ----------
    ledger, storage
        Adapters.
    catalog
        Specs of all models.
    lake
        Name of the bucket with shards, profiles and reports.
    """

    ledger: Ledger
    storage: Storage
    catalog: Catalog
    lake: str

    def check(self, model: str, run_id: str) -> DataVerdict:
        """Check the snapshot of a run, and write the data report for people and for the next run's comparison.

        Returns
        -------
        DataVerdict
            ``verdict`` (train or reject); ``reason``, empty to train; and ``tables``, whose new uploads
            caused the rejection.

        Raises
        ------
        DataError
            Code ``data_quality``: the data fails its rules, and no new upload is to blame. Also when a shard
            or a profile cannot be read.
        """
        run, spec = self.ledger.run(model, run_id), self.catalog.spec(model)
        chosen, new = set(run.snapshot), set(run.uploads)
        uploads = [upload for upload in self.ledger.uploads(model) if upload.upload_id in chosen]
        found = shard_profiles.gather(self.storage, self.lake, spec, uploads, new)
        before = self._champions(run)
        findings = _findings(spec, run, found, before)
        reason = checks.reason(findings)
        fresh = [upload for upload in uploads if upload.upload_id in new]
        tables = _given_up(findings, fresh)
        self._write(spec, run, _report(spec, run, found, before, findings), fresh)
        if reason and not tables:
            raise DataError("data_quality", reason)
        return {"verdict": "reject" if reason else "train", "reason": reason, "tables": tables}

    def _champions(self, run: Run) -> dict[str, Profile]:
        """Return profiles of the champion's training data by table; empty without a champion or its data report."""
        version = self.ledger.version(run.model, run.champion_version) if run.champion_version else None
        if version is None:
            return {}
        key = s3_keys.data_report_key(run.model, version.run_id, "json")
        if not self.storage.has_any(self.lake, key):
            return {}
        tables = json.loads(self.storage.read(self.lake, key, LARGEST_REPORT))["tables"]
        read = {name: profiles.from_dict(table["profile"]) for name, table in tables.items()}
        return {name: profile for name, profile in read.items() if profile is not None}

    def _write(self, spec: ModelSpec, run: Run, report: DataReport, fresh: list[Upload]) -> None:
        data = {
            "format": 1,
            "model": run.model,
            "run_id": run.run_id,
            "snapshot": snapshots.digest(run.snapshot),
            "champion_version": run.champion_version,
            "new_uploads": [upload.upload_id for upload in fresh],
            **data_report.document(report),
        }
        pages = {
            "json": (codec.canonical_json(data), "application/json"),
            "html": (data_report.page(spec, report), "text/html; charset=utf-8"),
        }
        for kind, (content, media) in pages.items():
            key = s3_keys.data_report_key(run.model, run.run_id, kind)
            self.storage.write(self.lake, key, content.encode(), media)


def _findings(spec: ModelSpec, run: Run, found: Evidence, before: dict[str, Profile]) -> list[Finding]:
    at = datetime.fromisoformat(run.started_at)
    return [
        finding
        for table in spec.table_names
        for finding in checks.table_findings(
            spec, table, found.profiles[table], found.keys[table], before=before.get(table), at=at
        )
    ]


def _given_up(findings: list[Finding], fresh: list[Upload]) -> list[str]:
    there = {upload.table for upload in fresh}
    return [table for table in checks.blamed(findings) if table in there]


def _report(
    spec: ModelSpec, run: Run, found: Evidence, before: dict[str, Profile], findings: list[Finding]
) -> DataReport:
    return DataReport(
        run_id=run.run_id,
        at=run.started_at,
        compared_with=f"version {run.champion_version}" if before else "",
        tables=tuple(
            TableReport(
                name=table,
                columns=spec.raw_columns(table),
                profile=found.profiles[table],
                before=before.get(table),
                shards=found.shards[table],
            )
            for table in spec.table_names
        ),
        findings=tuple(findings),
    )
