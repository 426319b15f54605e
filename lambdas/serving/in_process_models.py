"""Versions of one model in this process's memory, answered by the container's own code.

Only `lambdas.handlers.host` may import this: numpy and onnxruntime come from its layer.
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
from scoring import artifact
from scoring.app import App

KEPT = 3
"""So many versions are in memory at once: champion, previous and candidate."""
LARGEST_TAR = 64 * 1024**2
"""Bytes of a ``model.tar.gz``: a larger model wants an endpoint, where it is loaded once and not at every cold start."""
LARGEST_UNPACKED = 256 * 1024**2
_OK = 200
_log = logging.getLogger(__name__)


class InProcessModels:
    """Versions loaded into this process; any number of threads may share one.

    Parameters
    ----------
    versions
        Knows where the artifacts of versions are.
    store
        Reads artifacts.
    """

    def __init__(self, versions: VersionCache, store: ArtifactStore) -> None:
        self._versions = versions
        self._store = store
        self._apps: OrderedDict[int, App] = OrderedDict()
        self._lock = Lock()

    def ask(self, model: str, version: int, body: bytes, seconds: float) -> bytes:
        """Give a version's answer, byte for byte as its container would.

        Parameters
        ----------
        model, version
            The version that is invoked.
        body
            JSON.
        seconds
            How long loading it may take, if that is needed.

        Raises
        ------
        UnanswerableError
            It has no answer to an instance.
        ModelFailedError
            It cannot be loaded, or does not answer; says which version and why.
        TimeoutError
            It could not be loaded in time.
        """
        status, answer = self._app(model, version, seconds).invocation(body)
        if status != _OK:
            raise model_errors.refused(f"version {version} of {model}", "an error", status, answer.decode())
        return answer

    def _app(self, model: str, number: int, seconds: float) -> App:
        with self._lock:  # who asks for one that is being loaded waits for it
            if number not in self._apps:
                while len(self._apps) >= KEPT:  # before, so that there is room
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
