"""Files of training and transform jobs: downloads inputs from S3 and uploads artifacts."""

from __future__ import annotations

import json
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local import faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ChannelError(Exception):
    """A channel's data cannot be read, or an artifact cannot be written."""


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI, or of the https URL that CDK writes.

    Raises
    ------
    ChannelError
        For any other form.
    """
    if uri.startswith("s3://"):
        bucket, _, key = uri[5:].partition("/")
        return bucket, key
    if uri.startswith("https://s3"):
        bucket, _, key = uri.split("/", 3)[3].partition("/")
        return bucket, key
    raise ChannelError(f"{uri} is not an S3 URI: s3://<bucket>/<key>")


def fetch(s3: Any, channel: dict[str, Any], folder: Path) -> None:
    """Download a channel's data into its folder.

    Parameters
    ----------
    s3 : S3 client
        Client with the credentials of the job's role.
    channel : dict
        An element of the job's InputDataConfig.
    folder : Path
        ``<root>/input/data/<channel name>``; must not exist yet.

    Raises
    ------
    ChannelError
        When the role may not read the data, or there is none.
    """
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise ChannelError(f"channel {channel['ChannelName']}: only S3 data sources exist here")
    folder.mkdir(parents=True)
    fetch_source(s3, source, folder)


def fetch_source(s3: Any, source: dict[str, Any], folder: Path) -> list[str]:
    """Download the objects of an S3DataSource; return their file names in the source's order.

    Raises
    ------
    ChannelError
        When the role may not read the data, there is none, or the S3DataType is not supported.
    """
    uri, names = source["S3Uri"], []
    listing = {"S3Prefix": _prefix, "ManifestFile": listed}.get(source["S3DataType"])
    if listing is None:
        raise ChannelError(
            f"S3DataType {source['S3DataType']} is not supported; S3Prefix and ManifestFile are"
        )
    try:
        for bucket, key, name in listing(s3, uri):
            target = inside(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, key, str(target))
            names.append(name)
    except ClientError as error:
        raise ChannelError(f"Data download failed for {uri}: {error}") from error
    return names


def store(s3: Any, folder: Path, uri: str) -> None:
    """Upload a folder's content as a ``.tar.gz``; do nothing when the folder is empty.

    Raises
    ------
    ChannelError
        When the role may not write it.
    """
    if not any(folder.rglob("*")):
        return
    archive = folder.with_suffix(".tar.gz")
    with tarfile.open(archive, "w:gz") as tar:
        for item in sorted(folder.iterdir()):
            tar.add(item, arcname=item.name)
    bucket, key = split(uri)
    try:
        s3.upload_file(str(archive), bucket, key)
    except Exception as error:
        raise ChannelError(f"Artifact upload failed for {uri}: {faults.told(error)}") from error
    finally:
        archive.unlink()


def _prefix(s3: Any, uri: str) -> Iterator[tuple[str, str, str]]:
    """Yield (bucket, key, file name) of every object under a prefix.

    File names start after the prefix's last slash.
    """
    bucket, prefix = split(uri)
    parent = len(prefix.rpartition("/")[0])
    found = False
    for listed in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in listed.get("Contents", []):
            if not item["Key"].endswith("/"):
                found = True
                yield bucket, item["Key"], item["Key"][parent:].lstrip("/")
    if not found:
        raise ChannelError(f"No S3 objects found under S3 URL {uri!r} given in input data source")


def listed(s3: Any, uri: str) -> Iterator[tuple[str, str, str]]:
    """Yield (bucket, key, file name) of every object in a manifest.

    Raises
    ------
    ChannelError
        When the manifest names no object.
    """
    bucket, key = split(uri)
    head, *names = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    source, prefix = split(head["prefix"])
    if not names:
        raise ChannelError(f"the manifest {uri} names no object")
    for name in names:
        yield source, prefix + name, name


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file name in a folder.

    Raises
    ------
    ChannelError
        When the name has a ``..`` part.
    """
    if ".." in PurePosixPath(name).parts:
        raise ChannelError(f"the object name {name!r} leaves its folder")
    return folder / name
