"""Reads artifacts of versions without an SDK, within a deadline, and checks them against the ledger's digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from urllib.parse import quote

from lambdas.aws.fast.client import RefusedError, Service
from relearn.errors import ArtifactError
from relearn.lifecycle.runs import Version

_SCHEME = "s3://"


class ArtifactStore:
    """Reads artifacts from S3.

    Parameters
    ----------
    s3
        Returns the client of S3; called only when there is something to read.
    limit
        Largest ``model.tar.gz``, in bytes.
    """

    def __init__(self, s3: Callable[[], Service], limit: int) -> None:
        self._s3 = s3
        self._limit = limit

    def fetch(self, version: Version, seconds: float) -> bytes:
        """Return the ``model.tar.gz`` of a version.

        Parameters
        ----------
        version
            Version with the URI and SHA-256 of its artifact.
        seconds
            Time limit in seconds, a retry included.

        Raises
        ------
        ArtifactError
            The artifact cannot be read, is too large, or is not the one that was judged.
        UnreachableError, TimeoutError
            S3 cannot be reached, or does not answer in time.
        """
        path = quote("/" + version.artifact.removeprefix(_SCHEME))
        # Requests one byte more than allowed: an object over the limit shows, and is never read whole.
        headers = {"content-type": "application/octet-stream", "range": f"bytes=0-{self._limit}"}
        try:
            content = self._s3().send("GET", path, headers, b"", seconds)
        except RefusedError as error:
            raise ArtifactError(f"{version.artifact} cannot be read: S3 answers {error.status}") from error
        if len(content) > self._limit:
            raise ArtifactError(
                f"{version.artifact} has more than {self._limit} bytes, the most allowed here"
            )
        if (given := hashlib.sha256(content).hexdigest()) != version.artifact_sha256:
            raise ArtifactError(
                f"{version.artifact} has SHA-256 {given}; the ledger says {version.artifact_sha256 or 'nothing'}"
            )
        return content
