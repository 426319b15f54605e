"""The artifact of a version: model.onnx and model.json, bound by their digests, together by one (`relearn.data.contents`).

Reading one never runs code and never trusts it: both files are checked before anything is
loaded, from a folder (a server) or from a model.tar.gz (the champion, in a training job).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from relearn.api import strict_json
from relearn.data import archives, contents
from relearn.data.archives import Limits
from relearn.errors import ArchiveError, ArtifactError, RelearnError
from relearn.spec import codec
from relearn.spec.model import ModelSpec
from scoring import graph_files
from scoring.scorer import Input, Scorer

FORMAT = 1
ONNX, META = "model.onnx", "model.json"
REACH = "reach"
"""Where a description says how far from zero the version answers where the spec sets a number no bound; null: everywhere."""
MAX_BYTES = 2 * 1024**3  # an ONNX file cannot be larger; nor may a tar be that unpacks to more
MAX_META = 8 * 1024**2


@dataclass(frozen=True, slots=True)
class Artifact:
    """A checked artifact.

    Parameters
    ----------
    onnx
        The serialised graph.
    spec
        The spec it was trained for.
    classes
        Labels in the order of the graph's probabilities; empty for a regression.
    inputs
        How columns become the graph's inputs.
    meta
        All of model.json.
    contents_sha256
        Digest (hex) of all its files: `relearn.data.contents`.
    reach
        How far from zero it answers where the spec sets a number no bound; None: as far as float32 goes.
    """

    onnx: bytes
    spec: ModelSpec
    classes: tuple[str, ...]
    inputs: tuple[Input, ...]
    meta: Mapping[str, Any]
    contents_sha256: str
    reach: float | None = None

    def scorer(self) -> Scorer:
        """Load the graph.

        Raises
        ------
        ArtifactError
            onnxruntime refuses it.
        """
        return Scorer(self.onnx, self.spec, self.inputs)


def sha256(data: bytes) -> str:
    """SHA-256 (hex) of ``data``."""
    return hashlib.sha256(data).hexdigest()


def require(found: Artifact, contents_sha256: str) -> None:
    """Refuse an artifact that is not the one that was measured and judged.

    Parameters
    ----------
    contents_sha256
        Digest (hex) of all its files; empty when nobody knows it.

    Raises
    ------
    ArtifactError
        It is another one: its graph, what its description says of it, or a file beside them.
    """
    if contents_sha256 and found.contents_sha256 != contents_sha256:
        raise ArtifactError(
            f"the artifact has the digest {found.contents_sha256}; what was judged has {contents_sha256}: "
            f"{ONNX} or {META} was changed since. Roll back, then retrain"
        )


def make(onnx: bytes, meta: Mapping[str, Any]) -> Artifact:
    """Give the artifact of a graph and its description, as whoever reads it will.

    Raises
    ------
    ArtifactError
        They do not belong together, or no reader would take them.
    """
    return _checked({ONNX: onnx, META: _described(meta)})


def write(folder: Path, onnx: bytes, meta: Mapping[str, Any]) -> None:
    """Write both files; ``meta`` holds the digest of ``onnx``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ONNX).write_bytes(onnx)
    (folder / META).write_bytes(_described(meta))


def _described(meta: Mapping[str, Any]) -> bytes:
    return json.dumps(meta, indent=1, allow_nan=False).encode()


def load(folder: Path) -> Artifact:
    """Read and check the artifact in a folder.

    Raises
    ------
    ArtifactError
        A file is missing, damaged, or does not belong to the other.
    """
    try:
        return _checked(
            {name: _read(folder / name, most) for name, most in ((ONNX, MAX_BYTES), (META, MAX_META))}
        )
    except OSError as error:
        raise ArtifactError(f"the artifact in {folder} cannot be read: {error}") from error


def _read(path: Path, most: int) -> bytes:
    """Read a file of the artifact: no link, which a server would follow and an archive's reader would not."""
    if path.is_symlink():
        raise ArtifactError(f"{path.name} is a link; allowed: a file")
    if (size := path.stat().st_size) > most:
        raise ArtifactError(f"{path.name} has {size} bytes; allowed: {most}")
    return path.read_bytes()


def read_tar(path: Path, max_bytes: int = MAX_BYTES) -> Artifact:
    """Read and check the artifact in a model.tar.gz, without unpacking it to disk.

    Only the two files are looked at: links, devices and paths elsewhere have no effect.

    Raises
    ------
    ArtifactError
        As `load`; also when it holds more than ``max_bytes`` unpacked.
    """
    try:
        with path.open("rb") as file:
            return read_stream(file, path.name, max_bytes)
    except OSError as error:
        raise ArtifactError(f"{path.name} cannot be read: {error}") from error


def read_stream(stream: IO[bytes], name: str, max_bytes: int = MAX_BYTES) -> Artifact:
    """Read and check the artifact in a stream of a model.tar.gz, as `read_tar`; ``name`` is for messages."""
    limits = Limits(file=max_bytes, total=max_bytes)
    files: dict[str, bytes] = {}
    others: dict[str, str] = {}
    try:
        for member in archives.files(stream, name, limits):
            if member.name in (ONNX, META):
                files[member.name] = member.read()
            else:
                others[member.name] = contents.of_blocks(member.blocks())
    except ArchiveError as error:
        raise ArtifactError(str(error)) from error
    return _checked(files, others)


def _checked(files: Mapping[str, bytes], others: Mapping[str, str] | None = None) -> Artifact:
    if lacking := [name for name in (ONNX, META) if name not in files]:
        raise ArtifactError(f"the artifact has no {' and no '.join(lacking)}")
    try:
        meta = strict_json.loads(files[META], META, MAX_META)
        if meta["format"] != FORMAT:
            raise ArtifactError(f"{META} has format {meta['format']!r}; allowed: {FORMAT}")
        if (given := sha256(files[ONNX])) != meta["onnx_sha256"]:
            raise ArtifactError(f"{ONNX} has SHA-256 {given}, but {META} says {meta['onnx_sha256']}")
        spec = codec.from_dict(meta["spec"])
        if codec.digest(spec) != meta["spec_digest"]:
            raise ArtifactError(f"the spec in {META} does not have the digest {meta['spec_digest']}")
        inputs = tuple(
            Input(_text(i["name"]), _text(i["type"]), _texts(i["columns"])) for i in meta["inputs"]
        )
        classes = _texts(meta["classes"])
        reach = None if meta.get(REACH) is None else float(meta[REACH])  # older artifacts have none
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ArtifactError(f"{META} is not a model's description: {error!r}") from error
    except RelearnError as error:
        raise error if isinstance(error, ArtifactError) else ArtifactError(str(error)) from error
    if sorted(classes) != sorted(spec.classes):
        raise ArtifactError(f"{META} lists classes {list(classes)}; its spec has {list(spec.classes)}")
    if reach is not None and not 0 < reach < math.inf:
        raise ArtifactError(f"{META} has {REACH} {reach}; allowed: a finite number above 0, or null")
    graph_files.refuse(files[ONNX], ONNX)
    digests = {name: sha256(content) for name, content in files.items()}
    judged = contents.digest({**digests, **(others or {})})
    return Artifact(files[ONNX], spec, classes, inputs, meta, judged, reach)


def _texts(given: list[Any]) -> tuple[str, ...]:
    return tuple(_text(one) for one in given)


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{given!r} is no text")
    return given
