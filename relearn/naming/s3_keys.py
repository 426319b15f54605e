"""Every folder and key of a stage's buckets, in one place; predictions have theirs in `relearn.records.predictions`."""

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
MODELS = "models"
EXPERIMENTS = "experiments"
BATCHES = "batches"
BATCH_INPUT = "input.jsonl"


@dataclass(frozen=True, slots=True)
class IncomingKey:
    """What the key of an upload says.

    Parameters
    ----------
    model
        Whose data it is.
    name
        The rest of the key: any name, after its table's when the model declares tables.
    """

    model: str
    name: str

    def table(self, tables: Sequence[str]) -> str | None:
        """Say which of a model's raw tables it is data of; None when it names none of them.

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
    """Where the uploads of a model's table go."""
    return f"{INCOMING}/{model}/" if table == MAIN else f"{INCOMING}/{model}/{table}/"


def form_key(model: str, form: str, filename: str, table: str = MAIN) -> str:
    """Key of the one object that a form takes."""
    return f"{incoming_prefix(model, table)}{form}/{filename}"


def parse_incoming(key: str) -> IncomingKey | None:
    """Read the key of an upload; None when it is not one: another prefix, no name, or no data (`filenames.no_data`)."""
    parts = key.split("/", 2)
    if parts[0] != INCOMING or len(parts) < 3 or not parts[1] or filenames.no_data(parts[2]):  # noqa: PLR2004
        return None
    return IncomingKey(model=parts[1], name=parts[2])


def shards_prefix(model: str) -> str:
    """Where the shards of all tables of a model are."""
    return f"{DATASETS}/{model}/"


def shard_name(upload: str, table: str = MAIN) -> str:
    """Name of the shard of an accepted upload, below `shards_prefix`."""
    return f"{table}/{upload}.parquet"


def shard_key(model: str, upload: str, table: str = MAIN) -> str:
    """Key of the shard of an accepted upload."""
    return shards_prefix(model) + shard_name(upload, table)


def profiles_prefix(model: str) -> str:
    """Where the profiles of all shards of a model are."""
    return f"{PROFILES}/{model}/"


def profile_key(model: str, upload: str, table: str = MAIN) -> str:
    """Key of the profile of an accepted upload's shard."""
    return f"{profiles_prefix(model)}{table}/{upload}.json"


def keys_key(model: str, upload: str, table: str = MAIN) -> str:
    """Key of the distinct values of a shard's key and reference columns, where its table has such."""
    return f"{profiles_prefix(model)}{table}/{upload}.keys.parquet"


def quarantine_prefix(model: str, upload: str) -> str:
    """Where the record of a quarantined (or partly rejected) upload is."""
    return f"{QUARANTINE}/{model}/{upload}/"


def rejected_key(model: str, upload: str) -> str:
    """Key of the rejected rows of an upload, one JSON object a row."""
    return f"{quarantine_prefix(model, upload)}rows.jsonl"


def snapshot_key(model: str, run: str) -> str:
    """Key of the SageMaker manifest that lists the shards a run trains on."""
    return f"{SNAPSHOTS}/{model}/{run}.manifest"


def features_prefix(model: str) -> str:
    """Where the features that runs of a model made are kept, in the lake."""
    return f"{FEATURES}/{model}/"


def online_name(run: str) -> str:
    """Name of the file with every entity's features as a run knows them last, below `features_prefix`."""
    return f"online/{run}.jsonl"


def online_key(model: str, run: str) -> str:
    """Key of the file with every entity's features as a run knows them last: JSON Lines, by entity."""
    return features_prefix(model) + online_name(run)


def spark_prefix(model: str, run: str) -> str:
    """Where the Glue job puts a run's features, in the lake: apart from `features_prefix`, which jobs copy."""
    return f"{SPARK}/{model}/{run}/"


def report_key(model: str, run: str, file: str) -> str:
    """Key of one file of a run's report."""
    return f"{REPORTS}/{model}/{run}/{file}"


def data_report_key(model: str, run: str, kind: str = "html") -> str:
    """Key of what a run's data looked like and what was found wrong; ``kind`` is html or json."""
    return report_key(model, run, f"data.{kind}")


def artifact_prefix(model: str) -> str:
    """Where SageMaker puts ``<job name>/output/model.tar.gz``."""
    return f"{MODELS}/{model}"


def experiment_prefix(model: str) -> str:
    """Where the artifacts of ad-hoc jobs go, apart from those the loop may serve."""
    return f"{EXPERIMENTS}/{model}"


def batch_prefix(model: str, batch: str) -> str:
    """Where the files of a batch are: what a caller sends in the uploads bucket, the rest in the lake."""
    return f"{BATCHES}/{model}/{batch}/"


def batch_input_key(model: str, batch: str) -> str:
    """Key of a batch's file, as sent (uploads bucket) and as scored (lake bucket)."""
    return f"{batch_prefix(model, batch)}{BATCH_INPUT}"


def batch_output_prefix(model: str, batch: str) -> str:
    """Where the transform job puts its result; not under a key that starts like the input's."""
    return f"{batch_prefix(model, batch)}result"


def batch_output_key(model: str, batch: str) -> str:
    """Key of a batch's result, as SageMaker names it."""
    return f"{batch_output_prefix(model, batch)}/{BATCH_INPUT}.out"


def batch_answers_key(model: str, batch: str) -> str:
    """Key of what a caller gets: the result, with ids and what is wrong with lines."""
    return f"{batch_prefix(model, batch)}answers.jsonl"


def parse_batch_input(key: str) -> tuple[str, str] | None:
    """Read the key of a batch's file: model and batch; None when it is not one."""
    match key.split("/"):
        case [folder, model, batch, name] if folder == BATCHES and name == BATCH_INPUT:
            return model, batch
    return None


def uri(bucket: str, key: str) -> str:
    """An S3 URI as SageMaker takes it."""
    return f"s3://{bucket}/{key}"


def parse_uri(text: str) -> tuple[str, str]:
    """Split an S3 URI into bucket and key."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    return bucket, key
