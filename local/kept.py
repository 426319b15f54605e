"""The folder of a kept cloud: used by one cloud at a time, and consistent whenever that cloud dies.

::

    lock                 held by the cloud that uses the folder
    ports.json           its loopback ports
    s3/                  objects, written by MiniStack before it answers a request
    sagemaker.json       SageMaker's records, written before an action is answered
    generations/current  link to the current generation, one file for each service: DynamoDB tables are
    written
                         before a request is answered, queues and executions every few seconds, all services
                         together after a deployment and when the cloud stops; resources of an unfinished
                         deployment are not written
    ministack/           read by MiniStack at start: a copy of the current generation, and functions' code
    images/              container images

A cloud that dies before its first deployment is complete leaves nothing to resume: the next one starts empty.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from local.locks import HeldError, Lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

GENERATIONS, MINISTACK, CURRENT = "generations", "ministack", "current"
_LOCK, _PORTS = "lock", "ports.json"
_META, _DRAFT = ".meta.json", ".tmp"
_VERSIONS = ".versions"


class KeptError(OSError):
    """The folder cannot be used; the message gives the reason and the remedy."""


class KeptFolder:
    """The folder of a kept cloud, locked until `release`.

    Parameters
    ----------
    folder : Path
        The folder; created when it does not exist.

    Raises
    ------
    KeptError
        When another cloud uses the folder, or it holds other files.
    OSError
        When it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        found = {entry.name for entry in folder.iterdir()}
        if found and not found & {_LOCK, _PORTS}:
            raise KeptError(
                f"{folder} is no folder of a laptop cloud and not empty: give an empty one, or one that does not exist"
            )
        self._lock = Lock(folder / _LOCK)
        try:
            self._lock.take()
        except HeldError as error:
            raise KeptError(
                f"{folder} is in use by another laptop cloud, process {error.pid}: stop that one (kill {error.pid}), or "
                "give another folder with --keep"
            ) from error
        self._mend()

    def stopped(self) -> None:
        """Publish the state that MiniStack wrote at its stop as the current generation."""
        files = {file.stem: file.read_text() for file in (self._folder / MINISTACK).glob("*.json")}
        if files:
            publish(self._folder / GENERATIONS, files)

    def release(self) -> None:
        """Unlock the folder."""
        self._lock.release()

    def _mend(self) -> None:
        """Restore the folder to the current generation, at whatever moment the last cloud died."""
        services, ministack = self._folder / GENERATIONS, self._folder / MINISTACK
        if ministack.is_dir() and not services.exists():
            self.stopped()  # a folder of the layout without generations
        current = services / CURRENT
        if not current.exists():
            for name in ("s3", MINISTACK, GENERATIONS):
                shutil.rmtree(self._folder / name, ignore_errors=True)
            (self._folder / "sagemaker.json").unlink(missing_ok=True)
            return
        _forget_others(services)
        ministack.mkdir(exist_ok=True)
        for file in ministack.glob("*.json"):
            file.unlink()
        for file in current.glob("*.json"):
            shutil.copyfile(file, ministack / file.name)
        mend_objects(self._folder / "s3")


def publish(services: Path, files: Mapping[str, str]) -> None:
    """Make a new generation current in one atomic step, and remove the others.

    Parameters
    ----------
    services : Path
        The folder of the generations.
    files : mapping
        State of each service by its name, as text.
    """
    services.mkdir(exist_ok=True)
    numbers = [int(found.name) for found in services.iterdir() if found.name.isdigit()]
    generation = services / str(max(numbers, default=0) + 1)
    generation.mkdir()
    for service, text in files.items():
        (generation / f"{service}.json").write_text(text)
    draft = services / "new"
    draft.unlink(missing_ok=True)
    draft.symlink_to(generation.name)
    draft.replace(services / CURRENT)
    _forget_others(services)


def rewrite(services: Path, service: str, text: str) -> None:
    """Replace one service's state in the current generation; do nothing when there is none."""
    current = services / CURRENT
    if current.exists():
        draft = current / f"{service}.draft"
        draft.write_text(text)
        draft.replace(current / f"{service}.json")


def tables(services: Path) -> set[str]:
    """Return the keys of the DynamoDB tables in the current generation; empty when there is none."""
    file = services / CURRENT / "dynamodb.json"
    return set(_tables(json.loads(file.read_text()))) if file.exists() else set()


def without_tables(text: str, but: set[str]) -> str:
    """Return a DynamoDB state, in MiniStack's format, without the tables that are not in `but`."""
    state = json.loads(text)
    found = _tables(state)
    for key in found.keys() - but:
        del found[key]
    return json.dumps(state)


def _tables(state: dict[str, Any]) -> dict[str, Any]:
    """Return the tables in a DynamoDB state by MiniStack's key."""
    found: dict[str, Any] = state["payload"]["tables"]["data"]
    return found


def _forget_others(services: Path) -> None:
    counts = (services / CURRENT).resolve()
    for entry in services.iterdir():
        if entry.is_dir() and not entry.is_symlink() and entry.resolve() != counts:
            shutil.rmtree(entry)


def mend_objects(folder: Path) -> None:
    """Undo object writes that a kill interrupted; no caller had received a success for them.

    MiniStack writes an object's content, then its metadata (``.meta.json``), each atomically. Content that is
    newer than its metadata belongs to a request that was never answered. It is replaced by the previous
    version, of which a versioned bucket has a copy. Without a copy the new content stays and its metadata is
    recomputed.
    """
    for file in list(_files(folder)):
        if file.name.endswith(_DRAFT):
            file.unlink()
    for content in list(_files(folder)):
        if content.name.endswith(_META) or _VERSIONS in content.relative_to(folder).parts:
            continue
        about = content.with_name(content.name + _META)
        if not about.exists():
            content.unlink()
        elif content.stat().st_mtime_ns >= about.stat().st_mtime_ns:
            _put_back(folder, content, about)


def _put_back(folder: Path, content: Path, about: Path) -> None:
    known = json.loads(about.read_text())
    if known.get("is_delete_marker") or not _differs(content, known):
        return
    account, bucket, *place = content.relative_to(folder).parts
    copy = folder.joinpath(_VERSIONS, account, bucket, str(known.get("version_id")), *place)
    if known.get("version_id") and copy.is_file():
        draft = content.with_name(content.name + _DRAFT)
        shutil.copyfile(copy, draft)
        os.utime(draft, ns=(0, about.stat().st_mtime_ns))
        draft.replace(content)
    else:
        about.write_text(json.dumps({**known, "size": None, "etag": None}))


def _differs(content: Path, known: Mapping[str, Any]) -> bool:
    """Whether content does not match its metadata; multipart objects are compared by size only."""
    if content.stat().st_size != known.get("size"):
        return known.get("size") is not None
    etag = str(known.get("etag") or "").strip('"')
    if "-" in etag or not etag:
        return False
    with content.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() != etag


def _files(folder: Path) -> Iterator[Path]:
    return (found for found in folder.rglob("*") if found.is_file())
