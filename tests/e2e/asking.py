"""Callers that ask a model all the time, and note what they see."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.e2e.client import Item, Stage, outputs

CONNECTIONS = 4


class Seen(NamedTuple):
    """One answer: between when it was asked and came, which version it names, and what it says."""

    asked: float
    answered: float
    version: int
    outputs: list[Item]


@dataclass
class Load:
    """What callers saw: answers, or what went wrong."""

    seen: list[Seen] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def versions(self, after: float = 0.0) -> set[int]:
        """Which versions answered what was asked after a moment."""
        return {one.version for one in self.seen if one.asked > after}


@contextmanager
def constantly_asked(
    stage: Stage, model: str, instances: list[Item] | None = None, *, pause: float = 0.0
) -> Iterator[Load]:
    """Let callers ask until the block is left, each with a pause in seconds between two requests."""
    load, over, given = Load(), threading.Event(), instances or stage.sample(model)

    def caller() -> None:
        while not over.wait(pause):
            asked = time.time()
            try:
                status, _, answer = stage.http(f"/v1/models/{model}/predict", {"instances": given})
            except OSError as error:
                load.failed.append(repr(error))
                continue
            if status == 200 and len(answer["predictions"]) == len(given):
                load.seen.append(Seen(asked, time.time(), answer["version"], outputs(answer)))
            else:
                load.failed.append(str(answer))

    callers = [threading.Thread(target=caller) for _ in range(CONNECTIONS)]
    for one in callers:
        one.start()
    try:
        yield load
    finally:
        over.set()
        for one in callers:
            one.join()
