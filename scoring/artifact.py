"""Read, check and write the artifact of a version: model.onnx, model.json, learnt.json and perhaps twin.onnx.

model.json holds the digest of model.onnx; one digest covers all files (`relearn.data.contents`). learnt.json is
for later training jobs alone (`training.data.learnt`); artifacts of earlier releases have none. So is twin.onnx, the
twin of a model that was fitted again on all rows: it was fitted on the training side alone, and judged. Reading an
artifact runs no code from it: both files are checked before anything is loaded, from a folder (a server) or
from a model.tar.gz (the champion, in a training job).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, NamedTuple

import numpy as np

from relearn.api import strict_json
from relearn.data import archives, contents
from relearn.data.archives import Limits
from relearn.errors import ArchiveError, ArtifactError, RelearnError
from relearn.spec import codec
from relearn.spec.model import ModelSpec
from scoring import graph_files
from scoring.scorer import Input, Scorer, ServedThreshold

FORMAT = 1
ONNX, META, LEARNT, TWIN = "model.onnx", "model.json", "learnt.json", "twin.onnx"
TWIN_META = "twin"
"""Key in model.json of the twin's ``onnx_sha256``, ``inputs``, ``classes`` and ``reach``; absent or null without."""
REACH = "reach"
"""Key in model.json of the artifact's ``reach`` (see `Artifact`); null: no limit."""
THRESHOLD = "threshold"
"""Key in model.json of the artifact's ``threshold``: ``label`` and ``probability``; absent or null without."""
MAX_BYTES = 2 * 1024**3  # limit of an ONNX file, and of a tar once unpacked
MAX_META = 8 * 1024**2


@dataclass(frozen=True, slots=True)
class Artifact:
    """Checked artifact of a version.

    Parameters
    ----------
    onnx
        Serialised ONNX graph.
    spec
        Spec that the model was trained for.
    classes
        Labels in the order of the graph's probabilities; empty for a regression.
    inputs
        Mapping of columns to the graph's inputs.
    meta
        All content of model.json.
    contents_sha256
        Digest (hex) of all files of the artifact (`relearn.data.contents`).
    reach
        Largest absolute value that the version answers for, in number columns without a bound in the spec; None: any
        float32.
    learnt
        Content of learnt.json; None where it was not read, or the artifact has none.
    twin
        Content of twin.onnx; None where it was not read, or the artifact has none.
    threshold
        Threshold that is served; None: the more probable class is answered.
    """

    onnx: bytes
    spec: ModelSpec
    classes: tuple[str, ...]
    inputs: tuple[Input, ...]
    meta: Mapping[str, Any]
    contents_sha256: str
    reach: float | None = None
    learnt: bytes | None = None
    twin: bytes | None = None
    threshold: ServedThreshold | None = None

    def judged(self) -> Artifact:
        """Return the artifact with the model that was judged, and that has learnt no row held out: the twin, if any.

        Raises
        ------
        ArtifactError
            The artifact has a twin that was not read.
        """
        told = self.meta.get(TWIN_META)
        if told is None:
            return self
        if self.twin is None:
            raise ArtifactError(f"{TWIN} was not read")
        layout = _layout(TWIN, told, {TWIN: sha256(self.twin)}, self.spec)
        return replace(self, onnx=self.twin, **layout._asdict())

    def scorer(self) -> Scorer:
        """Load the graph into onnxruntime.

        Raises
        ------
        ArtifactError
            onnxruntime cannot load the graph, or its inputs do not fit the spec.
        """
        column = 0 if self.threshold is None else self.classes.index(self.threshold.label)
        return Scorer(self.onnx, self.spec, self.inputs, self.threshold, column)


def sha256(data: bytes) -> str:
    """Return the SHA-256 (hex) of ``data``."""
    return hashlib.sha256(data).hexdigest()


def require(found: Artifact, contents_sha256: str) -> None:
    """Refuse an artifact that is not the one that was evaluated.

    Parameters
    ----------
    contents_sha256
        Digest (hex) of all files of the evaluated artifact; empty: unknown, so nothing is checked.

    Raises
    ------
    ArtifactError
        The digests differ: the graph, its description or a file beside them has changed.
    """
    if contents_sha256 and found.contents_sha256 != contents_sha256:
        raise ArtifactError(
            f"the artifact has the digest {found.contents_sha256}; what was judged has {contents_sha256}: "
            f"{ONNX} or {META} was changed since. Roll back, then retrain"
        )


def make(
    onnx: bytes, meta: Mapping[str, Any], learnt: bytes | None = None, twin: bytes | None = None
) -> Artifact:
    """Return the checked artifact of a graph, its description, the record of what it learnt and its twin.

    Raises
    ------
    ArtifactError
        The two do not fit each other, or break a rule that `load` enforces.
    """
    more = {LEARNT: learnt, TWIN: twin}
    given = {name: content for name, content in more.items() if content is not None}
    return _checked({ONNX: onnx, META: _described(meta), **given})


def write(
    folder: Path,
    onnx: bytes,
    meta: Mapping[str, Any],
    learnt: bytes | None = None,
    twin: bytes | None = None,
) -> None:
    """Write the files to ``folder``, which is created when missing; ``meta`` holds the digests of the graphs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((LEARNT, learnt), (TWIN, twin)):
        if content is not None:
            (folder / name).write_bytes(content)
    (folder / ONNX).write_bytes(onnx)
    (folder / META).write_bytes(_described(meta))


def _described(meta: Mapping[str, Any]) -> bytes:
    return json.dumps(meta, indent=1, allow_nan=False).encode()


def load(folder: Path) -> Artifact:
    """Read and check the artifact in a folder.

    Raises
    ------
    ArtifactError
        A file is missing, damaged, too large or a link, or the two files do not fit each other.
    """
    try:
        files = {name: _read(folder / name, most) for name, most in ((ONNX, MAX_BYTES), (META, MAX_META))}
        return _checked(files, _others(folder / LEARNT) | _others(folder / TWIN))
    except OSError as error:
        raise ArtifactError(f"the artifact in {folder} cannot be read: {error}") from error


def _others(path: Path) -> dict[str, str]:
    """Return the digest (hex) of a file that a server does not read, by its name; nothing if it does not exist."""
    _refuse_link(path)
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return {path.name: hashlib.file_digest(file, "sha256").hexdigest()}


def _refuse_link(path: Path) -> None:
    """Refuse a link, which a server would follow but `read_tar` would not."""
    if path.is_symlink():
        raise ArtifactError(f"{path.name} is a link; allowed: a file")


def _read(path: Path, most: int) -> bytes:
    _refuse_link(path)
    if (size := path.stat().st_size) > most:
        raise ArtifactError(f"{path.name} has {size} bytes; allowed: {most}")
    return path.read_bytes()


def read_tar(path: Path, max_bytes: int = MAX_BYTES) -> Artifact:
    """Read and check the artifact in a model.tar.gz with its learnt.json and twin, without unpacking it to disk.

    Only these files are used; links, devices and paths outside of the archive have no effect.

    Raises
    ------
    ArtifactError
        As `load`; also when the archive unpacks to more than ``max_bytes`` bytes.
    """
    try:
        with path.open("rb") as file:
            return read_stream(file, path.name, max_bytes, learnt=True)
    except OSError as error:
        raise ArtifactError(f"{path.name} cannot be read: {error}") from error


def read_stream(
    stream: IO[bytes], name: str, max_bytes: int = MAX_BYTES, *, learnt: bool = False
) -> Artifact:
    """Read and check the artifact in a stream of a model.tar.gz, as `read_tar` does.

    Parameters
    ----------
    stream, name
        The archive, and its name for messages.
    max_bytes
        Largest size of all its files, in bytes.
    learnt
        Whether to keep the content of learnt.json and of twin.onnx, which no server needs.
    """
    limits = Limits(file=max_bytes, total=max_bytes)
    kept = (ONNX, META, LEARNT, TWIN) if learnt else (ONNX, META)
    files: dict[str, bytes] = {}
    others: dict[str, str] = {}
    try:
        for member in archives.files(stream, name, limits):
            if member.name in kept:
                files[member.name] = member.read()
            else:
                others[member.name] = contents.of_blocks(member.blocks())
    except ArchiveError as error:
        raise ArtifactError(str(error)) from error
    return _checked(files, others)


def _checked(files: Mapping[str, bytes], others: Mapping[str, str] = MappingProxyType({})) -> Artifact:
    if lacking := [name for name in (ONNX, META) if name not in files]:
        raise ArtifactError(f"the artifact has no {' and no '.join(lacking)}")
    digests = {**others, **{name: sha256(content) for name, content in files.items()}}
    try:
        meta = strict_json.loads(files[META], META, MAX_META)
        if meta["format"] != FORMAT:
            raise ArtifactError(f"{META} has format {meta['format']!r}; allowed: {FORMAT}")
        spec = codec.from_dict(meta["spec"])
        if codec.digest(spec) != meta["spec_digest"]:
            raise ArtifactError(f"the spec in {META} does not have the digest {meta['spec_digest']}")
        layout = _layout(ONNX, meta, digests, spec)
        if (twin := meta.get(TWIN_META)) is not None:
            _layout(TWIN, twin, digests, spec)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ArtifactError(f"{META} is not a model's description: {error!r}") from error
    except RelearnError as error:
        raise error if isinstance(error, ArtifactError) else ArtifactError(str(error)) from error
    for name in files.keys() & {ONNX, TWIN}:
        graph_files.refuse(files[name], name)
    more = (files.get(LEARNT), files.get(TWIN))
    return Artifact(
        files[ONNX],
        spec,
        layout.classes,
        layout.inputs,
        meta,
        contents.digest(digests),
        layout.reach,
        *more,
        threshold=layout.threshold,
    )


class _Layout(NamedTuple):
    inputs: tuple[Input, ...]
    classes: tuple[str, ...]
    reach: float | None
    threshold: ServedThreshold | None


def _layout(name: str, told: Mapping[str, Any], digests: Mapping[str, str], spec: ModelSpec) -> _Layout:
    """Return what model.json says of a graph, which must have the digest that it says."""
    if (given := digests.get(name, "none")) != told["onnx_sha256"]:
        raise ArtifactError(f"{name} has SHA-256 {given}, but {META} says {told['onnx_sha256']}")
    inputs = tuple(Input(_text(i["name"]), _text(i["type"]), _texts(i["columns"])) for i in told["inputs"])
    classes = _texts(told["classes"])
    reach = None if told.get(REACH) is None else float(told[REACH])  # older artifacts have none
    if sorted(classes) != sorted(spec.classes):
        raise ArtifactError(f"{META} lists classes {list(classes)}; its spec has {list(spec.classes)}")
    if reach is not None and not 0 < reach < math.inf:
        raise ArtifactError(f"{META} has {REACH} {reach}; allowed: a finite number above 0, or null")
    return _Layout(inputs, classes, reach, _threshold(told.get(THRESHOLD), classes))


def _threshold(told: Mapping[str, Any] | None, classes: tuple[str, ...]) -> ServedThreshold | None:
    """Return the threshold that model.json says; older artifacts have none."""
    if told is None:
        return None
    label, probability = _text(told["label"]), told["probability"]
    right = isinstance(probability, float) and 0 < probability <= 1
    if not right or float(np.float32(probability)) != probability:
        raise ArtifactError(
            f"{META} has the {THRESHOLD} {probability!r}; allowed: a float32 above 0, at most 1"
        )
    others = [name for name in classes if name != label]
    if len(classes) != 2 or len(others) != 1:  # noqa: PLR2004
        raise ArtifactError(f"{META} has a {THRESHOLD} of {label}; allowed: one of two classes")
    return ServedThreshold(label, others[0], probability)


def _texts(given: list[Any]) -> tuple[str, ...]:
    return tuple(_text(one) for one in given)


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{given!r} is no text")
    return given
