"""Opens a run: fixes the snapshot that it trains on, and returns the context of its execution."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.storage import Storage
from lambdas.runtime.catalog import Catalog
from relearn.data import snapshots
from relearn.errors import ConflictError
from relearn.lifecycle import references, runs, uploads
from relearn.lifecycle.run_context import RunContext, SparkRequest
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import resources, s3_keys
from relearn.spec.engines import Engine
from relearn.spec.model import ModelSpec, on_spark

ON_TRIAL, FEWEST_CHARACTERS = 16, 8
"""Most and fewest characters of the id of a new upload that the training job is told."""
LONGEST_VALUE = 2_500
"""Characters that SageMaker takes of a hyperparameter (API Reference, CreateTrainingJob)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOpening:
    """Opens runs: fixes the snapshot of each.

    Parameters
    ----------
    ledger, storage
        Adapters.
    catalog
        Specs of all models.
    stage
        Name of the stage.
    lake, artifacts
        Names of the buckets with shards and with models.
    engine
        Engine that computes features, in place of the specs'; None: the specs'.
    """

    ledger: Ledger
    storage: Storage
    catalog: Catalog
    stage: str
    lake: str
    artifacts: str
    engine: str | None = None

    def open(self, model: str, run_id: str) -> RunContext:
        """Choose the snapshot of a run, once, and return the parameters of its training job.

        Returns
        -------
        RunContext
            The execution's context. ``proceed`` is False when there is nothing left to train on.

        Raises
        ------
        ConflictError
            The run no longer holds the model's lock, or the champion is not in the ledger.
        """
        lock = self.ledger.lock(model)
        if lock is None or lock.run_id != run_id:
            holder = "nobody" if lock is None else lock.run_id
            raise ConflictError(f"run {run_id} does not hold the lock of {model}; {holder} does")
        run = self.ledger.run(model, run_id)
        if run.state is RunState.DEBOUNCING:
            run = self._choose(run)
        if run.state in {RunState.DEBOUNCING, *runs.FINAL}:
            return {"model": model, "run_id": run_id, "proceed": False}
        # Written from the record, so that a repeated call writes the same bytes.
        every = self.ledger.uploads(model)
        shards = s3_keys.uri(self.lake, s3_keys.shards_prefix(model))
        self._drop_online_files(run)
        listing = snapshots.manifest(shards, run.snapshot, every)
        body = json.dumps(listing).encode()
        self.storage.write(self.lake, s3_keys.snapshot_key(model, run_id), body, "application/json")
        return self._context(run)

    def _choose(self, run: Run) -> Run:
        spec = self.catalog.spec(run.model)
        found = self._trained_meanwhile(self._without_other_targets(run.model, spec))
        started = datetime.fromisoformat(run.started_at)
        selection = snapshots.select(found, spec.table_names, started, spec.kept_days)
        known = {upload.upload_id: upload for upload in found}
        for upload in found:
            by = known.get(selection.superseded.get(upload.upload_id, ""))
            # A new upload supersedes nothing before its run has trained on it: it may be rejected.
            if upload.state is UploadState.ACCEPTED and by is not None and by.state is UploadState.TRAINED:
                self.ledger.move_upload(upload, UploadState.SUPERSEDED, f"by {by.upload_id}")
            # It would wait for ever; `relearn retry` brings it back when the spec keeps uploads for longer.
            if upload.state is UploadState.ACCEPTED and upload.upload_id in selection.too_old:
                self.ledger.move_upload(upload, UploadState.EXCLUDED, selection.too_old[upload.upload_id])
        if selection.lacking:
            return run
        champion = self.ledger.route(run.model).champion
        serving = self.ledger.version(run.model, champion) if champion else None
        # Without a champion, old data is worth a run too: it rebuilds a stage that was deleted.
        if not selection.new and (champion or not selection.snapshot):
            return run
        return self.ledger.move_run(
            run,
            RunState.TRAINING,
            uploads=selection.new,
            snapshot=selection.snapshot,
            left_out=tuple(
                upload.upload_id
                for upload in found
                if upload.upload_id in selection.too_old and upload.state is UploadState.TRAINED
            ),
            champion_version=champion,
            reference_version=0 if serving is None else references.beside(serving),
        )

    def _without_other_targets(self, model: str, spec: ModelSpec) -> list[Upload]:
        """Return the uploads that may be trained on; mark those accepted for another target EXCLUDED."""
        found = self.ledger.uploads(model, UploadState.ACCEPTED, UploadState.TRAINED)
        others = snapshots.of_other_targets(found, spec.predicts)
        for upload in found:
            if upload.upload_id in others:
                self.ledger.move_upload(upload, UploadState.EXCLUDED, others[upload.upload_id])
        return [upload for upload in found if upload.upload_id not in others]

    def _trained_meanwhile(self, found: list[Upload]) -> list[Upload]:
        """Mark an accepted upload TRAINED if one with the same content has been trained on since both were accepted.

        A run of it would train on the same data again.
        """
        trained: defaultdict[object, list[Upload]] = defaultdict(list)
        for upload in found:
            if upload.state is UploadState.TRAINED:
                trained[uploads.content(upload)].append(upload)
        return [
            self.ledger.move_upload(
                upload,
                UploadState.TRAINED,
                uploads.repeating(same),
                run_id=same.run_id,
                same_as=same.upload_id,
            )
            if upload.state is UploadState.ACCEPTED
            and (same := uploads.same_content(upload, trained.get(uploads.content(upload), ())))
            else upload
            for upload in found
        ]

    def _drop_online_files(self, run: Run) -> None:
        """Delete the online features that earlier runs left beside the features which the job downloads.

        SageMaker copies everything under a checkpoint's URI to the instance before the job starts. A run has
        published its own file, or has ended without, before the next one gets the model's lock.
        """
        own = s3_keys.online_key(run.model, run.run_id)
        for key in self.storage.keys(self.lake, s3_keys.online_prefix(run.model)):
            if key != own:
                self.storage.delete(self.lake, key)

    def _context(self, run: Run) -> RunContext:
        spec = self.catalog.spec(run.model)
        told = {parameter.name: str(parameter.default) for parameter in spec.hyperparameters}
        told |= {"model": run.model, "run_id": run.run_id, "snapshot": snapshots.digest(run.snapshot)}
        told["now"] = run.started_at
        if run.left_out:
            told["left_out"] = str(len(run.left_out))
        if run.champion_version and (on_trial := _on_trial(run.uploads)):
            told["on_trial"] = on_trial
        manifest = s3_keys.uri(self.lake, s3_keys.snapshot_key(run.model, run.run_id))
        made = s3_keys.uri(self.lake, s3_keys.spark_prefix(run.model, run.run_id))
        spark = on_spark(spec, self.engine)
        # The raw shards go to Spark alone: they may not fit on the training instance.
        channels = [
            _channel("features", "S3Prefix", made) if spark else _channel("train", "ManifestFile", manifest)
        ]
        if run.champion_version:
            champion = self.ledger.version(run.model, run.champion_version)
            if champion is None:
                raise ConflictError(f"version {run.champion_version} of {run.model} is not in the ledger")
            told["champion_version"] = str(champion.version)
            if champion.artifact_sha256:  # unknown for a version older than this record
                told["champion_sha256"] = champion.artifact_sha256
            channels.append(_channel("champion", "S3Prefix", champion.artifact))
        if run.reference_version:
            told["reference_version"] = str(run.reference_version)
            reference = self.ledger.version(run.model, run.reference_version)
            # SageMaker refuses a job with an empty channel. Without the channel the job reports that it is gone.
            if reference is not None and self.storage.has_any(*s3_keys.parse_uri(reference.artifact)):
                told["reference_sha256"] = reference.artifact_sha256
                channels.append(_channel("reference", "S3Prefix", reference.artifact))
        context: RunContext = {
            "model": run.model,
            "run_id": run.run_id,
            "proceed": True,
            "champion_version": run.champion_version,
            "job_name": resources.job(self.stage, run.model, run.run_id),
            "hyperparameters": told,
            "input_data_config": channels,
            "output_path": s3_keys.uri(self.artifacts, s3_keys.artifact_prefix(run.model)),
            "checkpoint_uri": s3_keys.uri(self.lake, s3_keys.features_prefix(run.model)),
            "resource_config": {
                "InstanceType": spec.training.instance,
                "InstanceCount": 1,
                "VolumeSizeInGB": spec.training.volume_gb,
            },
            "stopping_condition": {"MaxRuntimeInSeconds": spec.training.max_runtime_seconds},
        }
        if spark:
            context["spark"] = _spark(spec.engine, manifest, made, run.started_at)
        return context


def _spark(engine: Engine, snapshot: str, output: str, now: str) -> SparkRequest:
    """Return the parameters of the Glue job."""
    return {
        "snapshot": snapshot,
        "output": output,
        "now": now,
        "worker_type": engine.worker_type,
        "workers": engine.workers,
        "minutes": engine.max_runtime_minutes,
    }


def _on_trial(uploads: Sequence[str]) -> str:
    """Return the first characters of the ids of new uploads, fewer of many; empty where there are too many to tell, or none."""
    characters = min(ON_TRIAL, LONGEST_VALUE // max(1, len(uploads)) - 1)
    return "" if characters < FEWEST_CHARACTERS else " ".join(upload[:characters] for upload in uploads)


def _channel(name: str, kind: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": kind, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "InputMode": "File", "DataSource": {"S3DataSource": source}}
