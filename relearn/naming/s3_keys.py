"""Folders and keys in a stage's buckets; prediction records have theirs in `relearn.records.predictions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relearn.naming import filenames
from relearn.spec.tables import MAIN

INCOMING = "incoming"
DATASETS = "datasets"
QUARANTINE = "quarantine"
REPORTS = "reports"
SNAPSHOTS = "snapshots"
PROFILES = "profiles"
FEATURES = "features"
SPARK = "spark"
ONLINE = "online"
"""Folder below `features_prefix` of a model."""
MODELS = "models"
EXPERIMENTS = "experiments"
BATCHES = "batches"
BATCH_INPUT = "input.jsonl"


@dataclass(frozen=True, slots=True)
class IncomingKey:
    """Parsed key of an upload.

    Parameters
    ----------
    model
        Model that the data is for.
    name
        Rest of the key: any name; after the table's name when the model declares tables.
    """

    model: str
    name: str

    def table(self, tables: Sequence[str]) -> str | None:
        """Return the raw table that the data belongs to; None when the key names none.

        Parameters
        ----------
        tables
            `relearn.spec.model.ModelSpec.table_names`.
        """
        if tuple(tables) == (MAIN,):
            return MAIN
        first, slash, rest = self.name.partition("/")
        return first if slash and rest and first in tables else None


def incoming_prefix(model: str, table: str = MAIN) -> str:
    """Return the prefix of uploads to a model's table."""
    return f"{INCOMING}/{model}/" if table == MAIN else f"{INCOMING}/{model}/{table}/"


def form_key(model: str, form: str, filename: str, table: str = MAIN) -> str:
    """Return the key of the one object that a form accepts."""
    return f"{incoming_prefix(model, table)}{form}/{filename}"


def parse_incoming(key: str) -> IncomingKey | None:
    """Parse the key of an upload.

    None when it is not one: another prefix, no name, or not data (`filenames.no_data`).
    """
    parts = key.split("/", 2)
    if parts[0] != INCOMING or len(parts) < 3 or not parts[1] or filenames.no_data(parts[2]):  # noqa: PLR2004
        return None
    return IncomingKey(model=parts[1], name=parts[2])


def shards_prefix(model: str) -> str:
    """Return the prefix of the shards of all tables of a model."""
    return f"{DATASETS}/{model}/"


def shard_name(upload: str, table: str = MAIN) -> str:
    """Return the name of the shard of an accepted upload, relative to `shards_prefix`."""
    return f"{table}/{upload}.parquet"


def shard_key(model: str, upload: str, table: str = MAIN) -> str:
    """Return the key of the shard of an accepted upload."""
    return shards_prefix(model) + shard_name(upload, table)


def profiles_prefix(model: str) -> str:
    """Return the prefix of the profiles of all shards of a model."""
    return f"{PROFILES}/{model}/"


def profile_key(model: str, upload: str, table: str = MAIN) -> str:
    """Return the key of the profile of a shard."""
    return f"{profiles_prefix(model)}{table}/{upload}.json"


def keys_key(model: str, upload: str, table: str = MAIN) -> str:
    """Return the key of the file of distinct values in a shard's key and reference columns."""
    return f"{profiles_prefix(model)}{table}/{upload}.keys.parquet"


def quarantine_prefix(model: str, upload: str) -> str:
    """Return the prefix of the record of a quarantined (or partly rejected) upload."""
    return f"{QUARANTINE}/{model}/{upload}/"


def rejected_key(model: str, upload: str) -> str:
    """Return the key of the rejected rows of an upload, one JSON object per row."""
    return f"{quarantine_prefix(model, upload)}rows.jsonl"


def snapshot_key(model: str, run: str) -> str:
    """Return the key of the SageMaker manifest of the shards that a run trains on."""
    return f"{SNAPSHOTS}/{model}/{run}.manifest"


def features_prefix(model: str) -> str:
    """Return the prefix of the features that a model's runs computed, in the lake."""
    return f"{FEATURES}/{model}/"


def online_name(run: str) -> str:
    """Return the name of the file with the latest features of every entity, relative to `features_prefix`."""
    return f"{ONLINE}/{run}.jsonl"


def online_prefix(model: str) -> str:
    """Return the prefix of the files of `online_key` of all runs of a model."""
    return f"{features_prefix(model)}{ONLINE}/"


def online_key(model: str, run: str) -> str:
    """Return the key of the file with every entity's latest features in a run: JSON Lines, one per entity."""
    return features_prefix(model) + online_name(run)


def spark_prefix(model: str, run: str) -> str:
    """Return the prefix of the features that a run's Glue job writes, in the lake.

    It is outside `features_prefix`, which jobs copy.
    """
    return f"{SPARK}/{model}/{run}/"


def report_key(model: str, run: str, file: str) -> str:
    """Return the key of one file of a run's report."""
    return f"{REPORTS}/{model}/{run}/{file}"


def data_report_key(model: str, run: str, kind: str = "html") -> str:
    """Return the key of the report of a run's data; ``kind`` is html or json."""
    return report_key(model, run, f"data.{kind}")


def artifact_prefix(model: str) -> str:
    """Return the prefix of ``<job name>/output/model.tar.gz``."""
    return f"{MODELS}/{model}"


def experiment_prefix(model: str) -> str:
    """Return the prefix of the artifacts of ad-hoc jobs, apart from those that may serve."""
    return f"{EXPERIMENTS}/{model}"


def batch_prefix(model: str, batch: str) -> str:
    """Return the prefix of a batch's files: the caller's in the uploads bucket, the others in the lake."""
    return f"{BATCHES}/{model}/{batch}/"


def batch_input_key(model: str, batch: str) -> str:
    """Return the key of a batch's file, as sent (uploads bucket) and as scored (lake bucket)."""
    return f"{batch_prefix(model, batch)}{BATCH_INPUT}"


def batch_output_prefix(model: str, batch: str) -> str:
    """Return the prefix of the transform job's result, which does not begin with the key of its input."""
    return f"{batch_prefix(model, batch)}result"


def batch_output_key(model: str, batch: str) -> str:
    """Return the key of a batch's result, as SageMaker names it."""
    return f"{batch_output_prefix(model, batch)}/{BATCH_INPUT}.out"


def batch_answers_key(model: str, batch: str) -> str:
    """Return the key of the file for the caller: the result, with ids and the errors of lines."""
    return f"{batch_prefix(model, batch)}answers.jsonl"


def parse_batch_input(key: str) -> tuple[str, str] | None:
    """Return model and batch of a batch file's key; None for any other key."""
    match key.split("/"):
        case [folder, model, batch, name] if folder == BATCHES and name == BATCH_INPUT:
            return model, batch
    return None


def uri(bucket: str, key: str) -> str:
    """Return an S3 URI."""
    return f"s3://{bucket}/{key}"


def parse_uri(text: str) -> tuple[str, str]:
    """Split an S3 URI into bucket and key."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    return bucket, key
