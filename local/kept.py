"""The folder of a kept cloud: used by one cloud at a time, and whole whenever that one dies.

::

    lock                 held by the cloud that uses the folder
    ports.json           where it answered
    s3/                  objects: each written before its request is answered (MiniStack does so)
    sagemaker.json       SageMaker's records: written before an action is answered
    generations/current  a link to the generation that counts, one file a service: the tables of DynamoDB are written before
                         a request is answered, queues and executions every few seconds, all together after a deployment
                         and when the cloud is stopped
                         while a later deployment is under way nothing of what it makes is written
    ministack/           what MiniStack reads when it starts: a copy of the generation that counts, and functions' code
    images/              container images

A cloud that dies before its first deployment is done leaves nothing that can be gone on with: it begins anew.
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
    """The folder cannot be used; the message says why, and what to do."""


class KeptFolder:
    """One such folder, held until `release`.

    Parameters
    ----------
    folder : Path
        Where; made when it is missing.

    Raises
    ------
    KeptError
        When another cloud uses it, or it is something else.
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
        """Let what MiniStack wrote when it was stopped be what counts."""
        files = {file.stem: file.read_text() for file in (self._folder / MINISTACK).glob("*.json")}
        if files:
            publish(self._folder / GENERATIONS, files)

    def release(self) -> None:
        """Let another cloud use the folder."""
        self._lock.release()

    def _mend(self) -> None:
        """Bring the folder to what counts, whatever moment the last cloud died at."""
        services, ministack = self._folder / GENERATIONS, self._folder / MINISTACK
        if ministack.is_dir() and not services.exists():
            self.stopped()  # it was kept before there were generations
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
    """Let a new generation be the one that counts, in one step, and remove the one before.

    Parameters
    ----------
    services : Path
        The folder of the generations.
    files : mapping
        Name of each service to its state.
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
    """Replace one service's state in the generation that counts; nothing before there is one."""
    current = services / CURRENT
    if current.exists():
        draft = current / f"{service}.draft"
        draft.write_text(text)
        draft.replace(current / f"{service}.json")


def tables(services: Path) -> set[str]:
    """Give the keys of the tables of DynamoDB in the generation that counts; none before there is one."""
    file = services / CURRENT / "dynamodb.json"
    return set(_tables(json.loads(file.read_text()))) if file.exists() else set()


def without_tables(text: str, but: set[str]) -> str:
    """Leave all tables but some out of the state of DynamoDB, as MiniStack writes it."""
    state = json.loads(text)
    found = _tables(state)
    for key in found.keys() - but:
        del found[key]
    return json.dumps(state)


def _tables(state: dict[str, Any]) -> dict[str, Any]:
    """Give the tables in a state of DynamoDB, by MiniStack's key of each."""
    found: dict[str, Any] = state["payload"]["tables"]["data"]
    return found


def _forget_others(services: Path) -> None:
    counts = (services / CURRENT).resolve()
    for entry in services.iterdir():
        if entry.is_dir() and not entry.is_symlink() and entry.resolve() != counts:
            shutil.rmtree(entry)


def mend_objects(folder: Path) -> None:
    """Undo the writes of objects that a kill interrupted: nobody had been told that they were done.

    MiniStack writes an object's content, then what is known of it (``.meta.json``), each in one step. A content that is
    newer than what is known of it belongs to a request that was never answered: it goes, and the version before, of which a
    versioned bucket has a copy, takes its place. Where there is no copy, the new content stands, described anew.
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
    """Tell whether a content is not the one that is described; of an object in parts by its size alone."""
    if content.stat().st_size != known.get("size"):
        return known.get("size") is not None
    etag = str(known.get("etag") or "").strip('"')
    if "-" in etag or not etag:
        return False
    with content.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() != etag


def _files(folder: Path) -> Iterator[Path]:
    return (found for found in folder.rglob("*") if found.is_file())
