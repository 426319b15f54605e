"""The script of the features job on AWS Glue.

AWS Glue fetches this one file; it fetches the rest, the same folders that the training image has, and hands over to
`training.features.spark_job`. It knows no AWS: Spark reads S3 with the job's own role. ``RELEARN_S3_DIR`` says where
buckets are folders instead, which is all that a laptop needs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence

from pyspark.sql import SparkSession


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the features that the arguments ask for; an error's message is the run's reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="whose features")
    parser.add_argument("--snapshot", required=True, help="URI of the manifest that lists its shards")
    parser.add_argument("--output", required=True, help="URI of the folder to write to")
    parser.add_argument("--now", required=True, help="the run's clock, ISO 8601")
    parser.add_argument("--code", required=True, help="URI of a zip file of relearn/ and training/")
    given, _ = parser.parse_known_args(arguments)  # AWS Glue adds arguments of its own
    session = SparkSession.builder.getOrCreate()
    manifest = json.loads(read_file(session, place(given.snapshot)))
    with tempfile.TemporaryDirectory(prefix="relearn-") as root:
        with zipfile.ZipFile(io.BytesIO(read_file(session, place(given.code)))) as code:
            code.extractall(root)  # our own, from the bucket that the CDK deploys from
        sys.path.insert(0, root)
        from scoring.container import clock  # noqa: PLC0415 - it has just come
        from training.features import spark_job  # noqa: PLC0415 - this too

        spark_job.run(
            session,
            model=given.model,
            shards=shards(manifest),
            output=place(given.output),
            now=clock({"now": given.now}),
        )


def shards(manifest: Sequence[object]) -> dict[str, list[str]]:
    """Read a manifest as SageMaker does: raw table to the places of its shards."""
    head, *names = manifest
    prefix = head["prefix"] if isinstance(head, dict) else ""
    found: dict[str, list[str]] = {}
    for name in map(str, names):
        found.setdefault(name.partition("/")[0], []).append(place(prefix + name))
    return found


def place(uri: str) -> str:
    """Say where Spark finds what has this S3 URI."""
    folder = os.environ.get("RELEARN_S3_DIR")
    return f"file://{folder}/{uri.removeprefix('s3://')}" if folder else uri


def read_file(session: SparkSession, uri: str) -> bytes:
    """Read one file."""
    (row,) = session.read.format("binaryFile").load(uri).select("content").collect()
    return bytes(row["content"])


if __name__ == "__main__":
    main()
