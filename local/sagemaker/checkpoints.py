"""Checkpoints of a training job: a folder that is copied from S3 before the job and to S3 after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local import faults
from local.sagemaker.channels import ChannelError, inside, split
from local.sagemaker.errors import invalid
from local.sagemaker.state import Record

if TYPE_CHECKING:
    from pathlib import Path

LOCAL_PATH = "/opt/ml/checkpoints"


def refuse_what_is_not_here(request: Record) -> None:
    """Refuse a checkpoint folder other than ``/opt/ml/checkpoints``, the only one that the laptop cloud provides.

    Raises
    ------
    ApiError
        ``ValidationException``.
    """
    path = request.get("CheckpointConfig", {}).get("LocalPath", LOCAL_PATH).rstrip("/")
    if path != LOCAL_PATH:
        raise invalid(f"CheckpointConfig.LocalPath is {path}; allowed on the laptop cloud: {LOCAL_PATH}")


def fetch(s3: Any, job: Record, root: Path) -> dict[Path, int]:
    """Download earlier checkpoints; do nothing for a job without a CheckpointConfig.

    Returns
    -------
    dict
        Modification time of each file in nanoseconds, for `store`.

    Raises
    ------
    ChannelError
        When the job's role may not read them.
    """
    if (config := job.get("CheckpointConfig")) is None:
        return {}
    folder = root / "checkpoints"
    folder.mkdir()
    fetched = {}
    bucket, prefix = _place(config)
    try:
        for listed in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in listed.get("Contents", []):
                if item["Key"].endswith("/"):  # an object that a console made to show a folder
                    continue
                target = inside(folder, item["Key"].removeprefix(prefix))
                target.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, item["Key"], str(target))
                fetched[target] = target.stat().st_mtime_ns
    except ClientError as error:
        raise ChannelError(f"Checkpoint download failed for {config['S3Uri']}: {error}") from error
    return fetched


def store(s3: Any, job: Record, root: Path, fetched: dict[Path, int]) -> None:
    """Upload checkpoints that the job wrote, however it ended; files that it removed stay in S3.

    Parameters
    ----------
    s3 : S3 client
        Client with the credentials of the job's role.
    job : dict
        Record of the job.
    root : Path
        The folder that stands for ``/opt/ml``.
    fetched : dict
        Result of `fetch`; unchanged files are not uploaded.

    Raises
    ------
    ChannelError
        When the job's role may not write them.
    """
    if (config := job.get("CheckpointConfig")) is None:
        return
    bucket, prefix = _place(config)
    folder = root / "checkpoints"
    for path in sorted(folder.rglob("*")):
        if path.is_file() and fetched.get(path) != path.stat().st_mtime_ns:
            try:
                s3.upload_file(str(path), bucket, prefix + path.relative_to(folder).as_posix())
            except Exception as error:
                raise ChannelError(
                    f"Checkpoint upload failed for {config['S3Uri']}: {faults.told(error)}"
                ) from error


def _place(config: Record) -> tuple[str, str]:
    bucket, prefix = split(config["S3Uri"])
    return bucket, prefix.rstrip("/") + "/"
