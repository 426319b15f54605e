"""Registers a winning candidate in the Model Registry, with its metrics and lineage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.sagemaker.registry import Entry, Registry
from lambdas.runs import job_report
from lambdas.runtime.catalog import Catalog
from relearn.data import snapshots
from relearn.errors import NotFoundError
from relearn.lifecycle import approval, references
from relearn.lifecycle.run_context import Registered
from relearn.lifecycle.runs import Run, Version
from relearn.naming import s3_keys
from relearn.spec import codec, hosting


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """Registers candidates in the Model Registry.

    Parameters
    ----------
    ledger, registry
        Adapters.
    catalog
        Specs of all models.
    lake
        Name of the bucket with the reports.
    image
        URI of the container image.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    registry: Registry
    catalog: Catalog
    lake: str
    image: str
    clock: Callable[[], datetime]

    def register(self, model: str, run_id: str, artifact: str) -> Registered:
        """Register a run's candidate as a version; idempotent.

        Parameters
        ----------
        model, run_id
            The run.
        artifact
            S3 URI of its ``model.tar.gz``.

        Returns
        -------
        Registered
            ``version`` and ``package_arn``; ``approval``: ``"auto"``, or ``"manual"`` when a person must
            decide first; ``wait_seconds``: how long the decision may take, 0 for ``"auto"``.
        """
        run = self.ledger.run(model, run_id)
        version = self._known(run) if run.version else self._new(run, artifact)
        asked = version.approval
        return {
            "version": version.version,
            "package_arn": version.package_arn,
            "approval": "auto" if asked is None else "manual",
            "wait_seconds": 0 if asked is None else asked.hours * 3600,
        }

    def _known(self, run: Run) -> Version:
        version = self.ledger.version(run.model, run.version)
        if version is None:
            raise NotFoundError(f"version {run.version} of {run.model} is not in the ledger")
        return version

    def _new(self, run: Run, artifact: str) -> Version:
        policy, now = self.catalog.spec(run.model).retrain, self.clock()
        asks = policy.approval == "manual" or run.contradicts
        asked = approval.begin(now, policy.approval_hours) if asks else None
        number, arn = self.registry.register(self._entry(run, artifact, approved=asked is None))
        version = Version(
            model=run.model,
            version=number,
            run_id=run.run_id,
            package_arn=arn,
            artifact=artifact,
            artifact_sha256=run.artifact_sha256,
            onnx_sha256=run.onnx_sha256,
            contents_sha256=run.contents_sha256,
            answers_sha256=run.answers_sha256,
            hosting=hosting.to_dict(self.catalog.spec(run.model).hosting),
            metrics=run.metrics,
            reference_version=references.after(run, number),
            approval=asked,
            created_at=now.isoformat(timespec="milliseconds"),
        )
        self.ledger.register(run, version)
        return version

    def _entry(self, run: Run, artifact: str, *, approved: bool) -> Entry:
        lineage = {
            "snapshot": snapshots.digest(run.snapshot),
            "spec_digest": codec.digest(self.catalog.spec(run.model)),
            "champion_version": str(run.champion_version),
            "data_report": s3_keys.uri(self.lake, s3_keys.data_report_key(run.model, run.run_id)),
            **{f"metric.{name}": repr(value) for name, value in run.metrics.items()},
        }
        return Entry(
            model=run.model,
            title=self.catalog.spec(run.model).title,
            run_id=run.run_id,
            image=self.image,
            artifact=artifact,
            report=s3_keys.uri(self.lake, s3_keys.report_key(run.model, run.run_id, job_report.JSON)),
            reason=run.reason,
            approved=approved,
            lineage=lineage,
        )
