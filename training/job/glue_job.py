"""The script of the features job on AWS Glue.

AWS Glue downloads this one file. It downloads the rest of the code, the same folders that the training image
has, and calls `training.features.spark_job`. It makes no AWS calls: Spark reads S3 with the job's own role.
On a laptop, ``RELEARN_S3_DIR`` names a folder whose subfolders stand for buckets.
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
    """Compute the features that the arguments describe; the message of an error becomes the run's reason."""
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
            code.extractall(root)  # trusted: from the CDK's asset bucket
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
    """Return the places of the shards by raw table, from a manifest in SageMaker's format."""
    head, *names = manifest
    prefix = head["prefix"] if isinstance(head, dict) else ""
    found: dict[str, list[str]] = {}
    for name in map(str, names):
        found.setdefault(name.partition("/")[0], []).append(place(prefix + name))
    return found


def place(uri: str) -> str:
    """Return where Spark finds the object of an S3 URI: the URI, or a file when ``RELEARN_S3_DIR`` is set."""
    folder = os.environ.get("RELEARN_S3_DIR")
    return f"file://{folder}/{uri.removeprefix('s3://')}" if folder else uri


def read_file(session: SparkSession, uri: str) -> bytes:
    """Return the content of one file.

    It opens the file, for which S3A needs ``s3:GetObject`` alone. What Spark reads as a table it lists first, and the
    job's role may not list the bucket of the CDK's assets.
    """
    java = session._jvm  # noqa: SLF001 - PySpark has no other way to open a file by its name
    assert java is not None  # noqa: S101 - the session is a classic one, with a JVM of its own
    path = java.org.apache.hadoop.fs.Path(uri)
    stream = path.getFileSystem(session._jsc.hadoopConfiguration()).open(path)  # noqa: SLF001
    try:
        return bytes(java.org.apache.commons.io.IOUtils.toByteArray(stream))
    finally:
        stream.close()


if __name__ == "__main__":
    main()
