"""Kills processes of a running laptop cloud: its training jobs, its endpoints' servers, its Lambda workers."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

KINDS = {
    "training": re.compile(r"^\S+ -S -m training train\b"),
    "endpoint": re.compile(r"^\S+ -S -m training serve\b"),
    "lambda": re.compile(r"^\S+ \S*/_worker\.py\b"),
}
"""What kills what: the command of a process, from its start; the guards before them live on."""


@dataclass
class Killer:
    """Kills one process after another, at random times; the same seed chooses the same.

    Parameters
    ----------
    cloud
        Process id of the laptop cloud.
    seed
        Of its choices.
    killed
        How many of each kind.
    """

    cloud: int
    seed: int
    killed: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Kill until the block ends."""
        over, rng = threading.Event(), random.Random(self.seed)

        def work() -> None:
            while not over.wait(rng.uniform(0.5, 2.0)):
                self.one(rng)

        worker = threading.Thread(target=work)
        worker.start()
        try:
            yield
        finally:
            over.set()
            worker.join()

    def one(self, rng: random.Random) -> None:
        """Kill a process of one kind, if any runs."""
        kind = rng.choice(sorted(KINDS))
        if found := processes(self.cloud)[kind]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(found), signal.SIGKILL)
                self.killed[kind] += 1


def processes(cloud: int) -> dict[str, list[int]]:
    """Find the processes below the cloud's, by kind."""
    listed = subprocess.run(
        ["ps", "-axwwo", "pid=,ppid=,command="],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    children: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for line in listed.splitlines():
        own, parent, command = line.split(maxsplit=2)
        children[int(parent)].append((int(own), command))
    found: dict[str, list[int]] = defaultdict(list)
    waiting = [cloud]
    while waiting:
        for pid, command in sorted(children[waiting.pop()]):
            waiting.append(pid)
            for kind, pattern in KINDS.items():
                if pattern.search(command):
                    found[kind].append(pid)
    return found
