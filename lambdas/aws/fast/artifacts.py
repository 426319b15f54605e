"""Reads the artifacts of versions, without an SDK, within a deadline; believes only what the ledger vouches for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from urllib.parse import quote

from lambdas.aws.fast.client import RefusedError, Service
from relearn.errors import ArtifactError
from relearn.lifecycle.runs import Version

_SCHEME = "s3://"


class ArtifactStore:
    """The bucket of artifacts.

    Parameters
    ----------
    s3
        Makes the service; called when there is something to read.
    limit
        How many bytes a ``model.tar.gz`` may have.
    """

    def __init__(self, s3: Callable[[], Service], limit: int) -> None:
        self._s3 = s3
        self._limit = limit

    def fetch(self, version: Version, seconds: float) -> bytes:
        """Read the ``model.tar.gz`` of a version.

        Parameters
        ----------
        version
            Says where it is, and what its SHA-256 is.
        seconds
            How long it may take, a retry included.

        Raises
        ------
        ArtifactError
            It cannot be read, is too large, or is not what was judged.
        UnreachableError, TimeoutError
            S3 is not there, or does not answer in time.
        """
        path = quote("/" + version.artifact.removeprefix(_SCHEME))
        # One byte more than allowed shows that there is more, however much there is.
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
