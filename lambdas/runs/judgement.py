"""Judges a candidate: reads the training job's report, stores it, and decides whether the candidate may serve."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.storage import Storage
from lambdas.runs import job_report
from lambdas.runtime.catalog import Catalog
from relearn.data import contents, snapshots
from relearn.data.archives import Limits
from relearn.errors import ArchiveError, DataError
from relearn.lifecycle import promotion
from relearn.lifecycle.blame import Blame, settled, uploads_stay
from relearn.lifecycle.promotion import Decision
from relearn.lifecycle.run_context import Judgement
from relearn.lifecycle.runs import Run, RunState
from relearn.naming import resources, s3_keys
from relearn.spec import codec
from relearn.spec.model import ModelSpec

LARGEST_MODEL = 2 * 1024**3
"""Largest file of an unpacked artifact, in bytes: an ONNX file cannot be larger."""


_GRAPH = "model.onnx"


def decide(said: job_report.Report, spec: ModelSpec) -> Decision:
    """Return the decision that follows from the figures of a report.

    Raises
    ------
    DataError
        Code ``report``: what it says of the naive baseline or the reference is malformed.
    """
    return promotion.decide(
        said.candidate,
        said.champion,
        spec.metric,
        job_report.naive(said.naive, spec),
        said.comparison,
        job_report.reference(said.reference, spec),
        changed=said.changed,
        incomparable=said.incompatible,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """Judges candidates by the reports of their training jobs.

    Parameters
    ----------
    ledger, storage
        Adapters.
    catalog
        Specs of all models.
    stage
        Name of the stage.
    lake, artifacts
        Names of the buckets with reports and with models.
    """

    ledger: Ledger
    storage: Storage
    catalog: Catalog
    stage: str
    lake: str
    artifacts: str

    def judge(self, model: str, run_id: str, artifact: str) -> Judgement:
        """Decide on a candidate, and record its metrics, digests and the reason.

        Parameters
        ----------
        model, run_id
            The run.
        artifact
            S3 URI of the job's ``model.tar.gz``, as SageMaker reports it.

        Returns
        -------
        Judgement
            ``verdict`` (promote or reject) and ``reason``.

        Raises
        ------
        DataError
            The report is missing, damaged or of another run, or the artifact is not the one that it measured.
        """
        run = self.ledger.run(model, run_id)
        folder = self._folder(run, artifact)
        files = job_report.unpack(
            self.storage.read(self.artifacts, f"{folder}output.tar.gz", job_report.LARGEST_ARCHIVE)
        )
        spec = self.catalog.spec(model)
        expected = {
            "model": model,
            "run_id": run_id,
            "snapshot": snapshots.digest(run.snapshot),
            "spec_digest": codec.digest(spec),
        }
        said = job_report.parse_report(
            files[job_report.JSON], expected, run.champion_version, run.reference_version, run.uploads
        )
        artifact_sha256, contents_sha256 = self._weigh(f"{folder}model.tar.gz", said)
        for name, body in files.items():
            key = s3_keys.report_key(model, run_id, name)
            self.storage.write(self.lake, key, body, job_report.FILES[name])
        naive = job_report.naive(said.naive, spec)
        reference = job_report.reference(said.reference, spec)
        decision = decide(said, spec)
        blame = said.blame or Blame()
        found = blame.by_upload(spec.metric.name)
        named = (self.ledger.upload(model, upload_id) for upload_id in found)
        blamed, brought_back = settled(found, [upload for upload in named if upload is not None])
        if brought_back and promotion.decide(said.candidate, None, spec.metric, naive).verdict == "promote":
            told = f"{decision.reason}; a person decides, who brought back what is to blame"
            decision = Decision("promote", told, asks=True, becomes_reference=True)
        reason = decision.reason
        if said.blame is not None:
            reason += f"; {blame.words(spec.metric.name)}"
        keeps = uploads_stay(decision, said.blame, fits=spec.training.blame_fits)
        if keeps:
            unknown = decision.loss and not blame.clears
            reason += "; which upload is to blame is not known" if unknown else ""
            reason += "; its new uploads stay and join the next run"
            reason += ", unless a person excludes them" if unknown else ""
        for version, changed in (
            (run.champion_version, said.changed),
            (run.reference_version, None if reference is None else reference.changed),
        ):
            if changed is not None:
                reason += f"; {changed.words(version)}"
        if said.reference_incompatible:
            reason += f"; {said.reference_incompatible}"
        self.ledger.move_run(
            run,
            RunState.JUDGING,
            reason,
            metrics=job_report.finite(said.candidate),
            champion_metrics=job_report.finite(said.champion or {}),
            reference_metrics={} if reference is None else {spec.metric.name: reference.value},
            becomes_reference=decision.becomes_reference,
            power={} if said.power is None else said.power.as_dict(),
            comparison={} if said.comparison is None else said.comparison.as_dict(),
            duel=said.duel,
            online=said.online,
            contradicts=decision.asks,
            keeps_uploads=keeps,
            blamed=blamed,
            rows_waiting=said.waiting,
            onnx_sha256=said.onnx_sha256,
            contents_sha256=contents_sha256,
            answers_sha256=hashlib.sha256(answers).hexdigest()
            if (answers := files.get(job_report.ANSWERS))
            else "",
            artifact_sha256=artifact_sha256,
        )
        return {"verdict": decision.verdict, "reason": reason}

    def _weigh(self, key: str, said: job_report.Report) -> tuple[str, str]:
        """Return the digests of the packed artifact and of its files.

        Raises
        ------
        DataError
            Code ``artifact``: it cannot be read, or its digest is not the report's.
        """
        stored = self.storage.stream(self.artifacts, key)
        limits = Limits(file=LARGEST_MODEL, total=LARGEST_MODEL + LARGEST_MODEL // 8)
        try:
            files = contents.of_archive(stored, key, limits)
        except ArchiveError as error:
            raise DataError("artifact", str(error)) from error
        found = contents.digest(files)
        # A job that started on older code reports the digest of the graph alone.
        told, given = (
            (said.contents_sha256, found)
            if said.contents_sha256
            else (said.onnx_sha256, files.get(_GRAPH, ""))
        )
        if told != given:
            raise DataError(
                "artifact",
                f"{key} is not what the job measured: its digest is {given}, and the report says {told}",
            )
        return stored.sha256(), found

    def _folder(self, run: Run, artifact: str) -> str:
        """Return the folder of the run's job output.

        Raises
        ------
        DataError
            Code ``report``: the artifact is another job's.
        """
        job = resources.job(self.stage, run.model, run.run_id)
        folder = f"{s3_keys.artifact_prefix(run.model)}/{job}/output/"
        expected = s3_keys.uri(self.artifacts, f"{folder}model.tar.gz")
        if artifact != expected:
            raise DataError("report", f"the job left {artifact}; expected {expected}")
        return folder
