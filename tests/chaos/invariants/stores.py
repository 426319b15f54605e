"""Invariants of the buckets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from relearn.lifecycle.uploads import UploadState
from relearn.naming import s3_keys
from tests.chaos.invariants.evidence import Evidence
from tests.support.world import ARTIFACTS, LAKE, UPLOADS

USABLE = frozenset({UploadState.ACCEPTED, UploadState.TRAINED, UploadState.SUPERSEDED, UploadState.FAILED})


def quarantine(evidence: Evidence) -> Iterator[str]:
    """No quarantined byte reaches a training manifest, and what is quarantined is kept with its reason.

    No manifest of any run lists a shard of a quarantined or unknown upload. A quarantined upload has no
    shard; its folder has the object, byte for byte, and ``reason.json``.
    """
    shards = {key for key, _ in evidence.keys(LAKE, f"{s3_keys.DATASETS}/")}
    there = {key for key, _ in evidence.keys(LAKE, f"{s3_keys.QUARANTINE}/")}
    contents = {stored.upload_id: stored.content for stored in evidence.acts.stored if not stored.gone}
    for name, (_, *listed) in evidence.manifests.items():
        for shard in listed:
            upload = evidence.uploads.get(shard.rpartition("/")[2].removesuffix(".parquet"))
            if upload is None or upload.state not in USABLE:
                yield f"{name} lists {shard}, which is {upload and upload.state}"
    for upload in evidence.uploads.values():
        if upload.state is not UploadState.QUARANTINED:
            continue
        if s3_keys.shard_key(upload.model, upload.upload_id) in shards:
            yield f"{upload.key} is quarantined and has a shard"
        prefix = s3_keys.quarantine_prefix(upload.model, upload.upload_id)
        if f"{prefix}reason.json" not in there:
            yield f"{upload.key} is quarantined without its reason"
        if (
            upload.upload_id in contents
            and _read(evidence, f"{prefix}object", there) != contents[upload.upload_id]
        ):
            yield f"{upload.key} is quarantined without its bytes"


def _read(evidence: Evidence, key: str, there: set[str]) -> bytes | None:
    if key not in there:
        return None
    body: bytes = evidence.stage.world.s3.get_object(Bucket=LAKE, Key=key)["Body"].read()
    return body


def kept(evidence: Evidence) -> Iterator[str]:
    """A kill takes nothing from a kept laptop cloud, at whatever moment.

    Every item of the ledger (uploads, runs, versions, routes), every object and every record of SageMaker
    whose write was answered before the kill is there, unchanged, when the cloud restarts from its folder.
    """
    for kill in evidence.acts.kills:
        where = f"killed at write {kill.at} of {kill.of}, after {kill.answered} answers"
        yield from (f"{where}: {' '.join(lost)} is lost, or not as it was" for lost in kill.lost)


def immutability(evidence: Evidence) -> Iterator[str]:
    """Shards and artifacts never change or vanish, and no function of ours deletes data or touches an artifact.

    Every shard has one object version; what a run trained on still exists; uploads stay as they were
    received.
    """
    shards = Counter(key for key, _ in evidence.keys(LAKE, f"{s3_keys.DATASETS}/"))
    yield from (f"{key} was written {count} times" for key, count in shards.items() if count > 1)
    for base, *listed in evidence.manifests.values():
        prefix = s3_keys.parse_uri(base["prefix"])[1]
        yield from (f"{prefix}{shard} is gone" for shard in listed if prefix + shard not in shards)
    artifacts = {key for key, _ in evidence.keys(ARTIFACTS)}
    for version in evidence.versions.values():
        if version.artifact and s3_keys.parse_uri(version.artifact)[1] not in artifacts:
            yield f"the artifact of version {version.version} of {version.model} is gone"
    for call in evidence.history.successes("s3", "PutObject", "CopyObject", "DeleteObject", "DeleteObjects"):
        bucket = call.params["Bucket"]
        made_again = str(call.params.get("Key", "")).startswith(f"{s3_keys.FEATURES}/")
        deleted = call.operation.startswith("Delete") and not made_again
        if call.worker and (deleted or bucket in (ARTIFACTS, UPLOADS)):
            yield f"{call.worker} did {call.operation} of {call.params.get('Key')} in {bucket}"
