"""Versions of one model in the memory of this process, served by the same code as in the container.

Only `lambdas.handlers.host` may import this module: numpy and onnxruntime come from that function's layer.
"""

from __future__ import annotations

import io
import logging
from collections import OrderedDict
from threading import Lock

from lambdas.aws.fast import model_errors
from lambdas.aws.fast.artifacts import ArtifactStore
from lambdas.aws.fast.connections import UnreachableError
from lambdas.serving.ledger_cache import VersionCache
from relearn.errors import ArtifactError, ModelFailedError
from relearn.lifecycle.runs import Version
from relearn.traffic.timing import ModelReply
from scoring import artifact
from scoring.app import App

KEPT = 3
"""Versions in memory at a time: champion, previous and candidate."""
LARGEST_TAR = 64 * 1024**2
"""Largest ``model.tar.gz``, in bytes.

A larger model belongs on an endpoint, where it is loaded once and not at each cold start.
"""
LARGEST_UNPACKED = 256 * 1024**2
"""Largest unpacked artifact, in bytes."""
_OK = 200
_log = logging.getLogger(__name__)


class InProcessModels:
    """Loads versions of one model and invokes them; thread-safe.

    Parameters
    ----------
    versions
        Reads where the artifacts of a version are.
    store
        Reads artifacts.
    """

    def __init__(self, versions: VersionCache, store: ArtifactStore) -> None:
        self._versions = versions
        self._store = store
        self._apps: OrderedDict[int, App] = OrderedDict()
        self._lock = Lock()

    def ask(self, model: str, version: int, body: bytes, seconds: float) -> ModelReply:
        """Invoke a version and return its answer, byte for byte what its container would return, and its time.

        Parameters
        ----------
        model, version
            The version to invoke.
        body
            Request body, JSON.
        seconds
            Time limit, in seconds, for loading the version if it is not in memory.

        Raises
        ------
        UnanswerableError
            The version has no answer to at least one instance.
        ModelFailedError
            The version cannot be loaded, or its answer is an error; the message names the version and the
            reason.
        TimeoutError
            The version cannot be loaded in time.
        """
        status, answer, took = self._app(model, version, seconds).timed_invocation(body)
        if status != _OK:
            raise model_errors.refused(f"version {version} of {model}", "an error", status, answer.decode())
        return ModelReply(answer, took)

    def _app(self, model: str, number: int, seconds: float) -> App:
        with self._lock:  # held while loading, so each version is loaded once
            if number not in self._apps:
                while len(self._apps) >= KEPT:  # first, to make room in memory
                    self._apps.popitem(last=False)
                self._apps[number] = self._load(model, number, seconds)
            self._apps.move_to_end(number)
            return self._apps[number]

    def _load(self, model: str, number: int, seconds: float) -> App:
        try:
            version = self._known(model, number)
            content = io.BytesIO(self._store.fetch(version, seconds))
            found = artifact.read_stream(content, "model.tar.gz", LARGEST_UNPACKED)
            artifact.require(found, version.contents_sha256)
            app = App(found, number)
        except TimeoutError as error:
            raise TimeoutError(f"version {number} of {model} could not be loaded in time") from error
        except (ArtifactError, UnreachableError) as error:
            raise ModelFailedError(f"version {number} of {model} cannot be loaded: {error}") from error
        _log.info("version %d of %s is loaded", number, model, extra={"model": model, "version": number})
        return app

    def _known(self, model: str, number: int) -> Version:
        if (version := self._versions.version(model, number)) is None:
            raise ArtifactError("the ledger does not know it")
        return version
