"""Everything that a stage stores about one model: prefixes of its objects, and keys of its ledger items."""

from __future__ import annotations

from relearn.naming import ledger_keys, s3_keys
from relearn.records import predictions

_UPLOADS = (s3_keys.INCOMING, s3_keys.BATCHES)
_LAKE = (
    s3_keys.DATASETS,
    s3_keys.QUARANTINE,
    s3_keys.REPORTS,
    s3_keys.SNAPSHOTS,
    s3_keys.PROFILES,
    s3_keys.FEATURES,
    s3_keys.SPARK,
    s3_keys.BATCHES,
    predictions.PREDICTIONS,
    predictions.TRUTH,
)
_ARTIFACTS = (s3_keys.MODELS, s3_keys.EXPERIMENTS)


def prefixes(model: str) -> dict[str, tuple[str, ...]]:
    """Return the key prefixes of a model's objects by bucket: ``uploads``, ``lake`` and ``artifacts``."""
    folders = {"uploads": _UPLOADS, "lake": _LAKE, "artifacts": _ARTIFACTS}
    return {bucket: tuple(f"{one}/{model}/" for one in of) for bucket, of in folders.items()}


def partitions(model: str) -> tuple[str, ...]:
    """Return the partition keys of the ledger items about a model, but for those of its predictions."""
    whole = (ledger_keys.MODEL, ledger_keys.IDEMPOTENCY, ledger_keys.LIVE, ledger_keys.FORMS)
    return tuple(f"{kind}{model}" for kind in whole)


def is_of(model: str, pk: str) -> bool:
    """Return whether a ledger item is about a model, by its partition key."""
    return pk in partitions(model) or pk.startswith(f"{predictions.PARTITION}{model}#")


def lock(model: str) -> tuple[str, str]:
    """Return the key, ``pk`` and ``sk``, of the item that names who may change a model."""
    return ledger_keys.partition(model), ledger_keys.LOCK
