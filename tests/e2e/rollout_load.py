"""``make rollout-load``: promotions, rollbacks and a change of the hosting mode under constant load; nobody may notice.

Callers ask a model all the time while versions are trained and promoted, promoted and rolled back by hand, and while the
spec moves from a serverless endpoint into Lambda. An answer is rightly attributed when the version that it names was one
that the route sent requests to within the last `REMEMBERED_SECONDS`, and when it says what that version's artifact says:
each artifact is scored here, beside the deployment. The last line is one JSON object: ``requests``, ``failed``,
``misattributed``, and what was done meanwhile.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from relearn.spec.hosting import Hosting, InLambda, Serverless
from relearn.spec.rollout import Canary, Limits
from scoring import artifact
from scoring.app import App
from tests.e2e.asking import CONNECTIONS, Load, Seen, constantly_asked
from tests.e2e.client import Item, Stage, csv_bytes, rows
from tests.e2e.clouds import cloud_of, deploy_again
from tests.e2e.flowers import MORE, relearned
from tests.infra.synthesis import synthesise

MODEL = "iris"
PROMOTIONS, ROLLBACKS = 20, 10
PROMOTED, ROLLED_BACK = ("promoted", "promoted by hand"), "rolled back"
REMEMBERED_SECONDS = 5.0
"""For how long predict may go on by a route that it has read."""
CLOCKS_SECONDS = 0.5
"""What lies between a write of the ledger and the time that it is stamped with, at most."""
SETTLED_SECONDS = REMEMBERED_SECONDS + 1
UNTIL_SECONDS = 300
ROLLOUT = Canary(steps=(25,), limits=Limits(requests=10, latency_ratio=20, shift=1, flips=1))
"""The callers keep the machine busy, so that latencies are those of waiting; and the last version has learned to differ."""


@dataclass
class Story:
    """What is done to the route of a stage, and what it was at every moment."""

    stage: Stage
    folder: Path
    moved: dict[int, Item] = field(default_factory=dict)

    def route(self) -> Item:
        """Read the route, and keep what its history says."""
        found: Item = self.stage.http(f"/v1/models/{MODEL}/route")[2]
        self.moved |= {one["revision"]: one for one in found["history"]}
        return found

    def done(self, *what: str) -> int:
        return sum(one["what"] in what for one in self.moved.values())

    def tell(self, what: str) -> None:
        """Say how far it is, once what was done has taken effect for every caller."""
        time.sleep(SETTLED_SECONDS)
        counts = (
            f"{self.done(*PROMOTED)}/{PROMOTIONS} promoted, {self.done(ROLLED_BACK)}/{ROLLBACKS} rolled back"
        )
        print(f"{counts}  {what}", flush=True)

    def train(self, rows_of_it: list[Item]) -> None:
        """Let an upload make the next version."""
        upload = self.stage.put(MODEL, "more.csv", csv_bytes(rows_of_it))
        run = self.stage.run_of(MODEL, upload, "PROMOTED", "REJECTED", "ROLLED_BACK", "FAILED")
        if run["state"] != "PROMOTED":
            raise SystemExit(f"a run was to be promoted: {run['state']}: {run['reason']}")
        self.stage.wait("iris at rest", lambda: self.stage.at_rest(MODEL))
        self.route()
        self.tell(f"version {run['version']} was trained and promoted")

    def move(self, action: str, **to: int) -> None:
        """Promote a version or roll back, by hand; a version that is not deployed any more is deployed first."""
        before = self.route()
        asked = {"action": action, "why": "rollout-load", "revision": before["revision"], **to}
        status, _, answer = self.stage.http(f"/v1/models/{MODEL}/route", asked)
        if status != 200:
            raise SystemExit(f"{action} was refused: {answer}")
        after = self.stage.wait(action, lambda: self._moved_on(before))
        self.tell(f"{action}: version {after['champion']} in place of {before['champion']}")

    def _moved_on(self, before: Item) -> Item | None:
        found = self.route()
        if found["restore"] and found["restore"]["state"] == "FAILED":
            raise SystemExit(f"it could not be deployed again: {found['restore']}")
        return found if found["revision"] > before["revision"] else None

    def rehost(self, where: Hosting) -> None:
        """Update the stacks so that the spec says another hosting mode."""
        app = synthesised(self.folder / where.type, where)
        deploy_again(self.stage, app, self.folder / f"deploy-{where.type}")
        self.tell(f"the spec says {where.type}: the stacks are updated")

    def versions(self) -> dict[int, str]:
        """Where the artifact of each version lies."""
        return {int(item["version"]): item["artifact"] for item in self.stage.items(MODEL, "VERSION#")}


def synthesised(folder: Path, where: Hosting) -> Path:
    spec = {MODEL: {"hosting": where, "rollout": ROLLOUT}}
    synthesise(folder, "local", [MODEL], specs=spec)
    return folder


def story(told: Story) -> None:
    """Do everything that callers must not notice."""
    data = list(rows(MORE))
    told.route()
    for part in (data[::4], data[1::4]):
        told.train(part)
    told.rehost(InLambda())
    told.train(data[2::4] + data[3::4] + relearned(150))
    newest = told.route()["champion"]
    for older in itertools.cycle((newest - 1, newest - 2)):
        if told.done(ROLLED_BACK) < ROLLBACKS:
            told.move("rollback")
        if told.done(*PROMOTED) >= PROMOTIONS and told.done(ROLLED_BACK) >= ROLLBACKS:
            return
        champion = told.route()["champion"]
        told.move("promote", version=older if champion == newest else newest)


def sent_to(moved: Mapping[int, Item]) -> list[tuple[float, set[int]]]:
    """Since when which versions got requests, oldest first."""
    return [
        (
            datetime.fromisoformat(one["at"]).timestamp(),
            {one["champion"], one["candidate"] if one["weight"] else one["champion"]},
        )
        for _, one in sorted(moved.items())
    ]


def could_answer(seen: Seen, route: list[tuple[float, set[int]]]) -> set[int]:
    """Which versions a request may have been sent to."""
    first, last = seen.asked - REMEMBERED_SECONDS - CLOCKS_SECONDS, seen.answered + CLOCKS_SECONDS
    begun = [at for at, _ in route[1:]] + [math.inf]
    return set().union(
        *(versions for (at, versions), end in zip(route, begun, strict=True) if at <= last and end >= first)
    )


def scored(told: Story, sample: list[Item]) -> dict[int, list[Item]]:
    """What the artifact of each version says to the sample."""
    found = {}
    for version, uri in told.versions().items():
        folder = told.folder / f"artifact-{version}"
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        archive = told.folder / f"{version}.tar.gz"
        told.stage.client("s3").download_file(bucket, key, str(archive))
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        body = json.dumps({"instances": sample}).encode()
        found[version] = App(artifact.load(folder), version).answer(body)["predictions"]
    return found


def same(mine: list[Item], theirs: list[Item]) -> bool:
    return all(
        one["label"] == other["label"]
        and all(
            math.isclose(share, other["probabilities"][label], abs_tol=1e-6)
            for label, share in one["probabilities"].items()
        )
        for one, other in zip(mine, theirs, strict=True)
    )


def wrong(load: Load, told: Story, sample: list[Item]) -> Iterator[str]:
    """Each answer that names a version which did not give it."""
    route, says = sent_to(told.moved), scored(told, sample)
    for one, other in itertools.combinations(says, 2):
        if same(says[one], says[other]):
            raise SystemExit(f"versions {one} and {other} say the same: nobody could tell them apart")
    for seen in load.seen:
        if seen.version not in could_answer(seen, route):
            yield f"version {seen.version} answered, and only {could_answer(seen, route)} got requests"
        elif not same(seen.outputs, says[seen.version]):
            yield f"an answer that names version {seen.version} is not what its artifact says"


def main() -> int:
    """Tell the story under load, and print what callers saw."""
    with tempfile.TemporaryDirectory(prefix="relearn-rollout-") as name:
        folder = Path(name)
        app = synthesised(folder / "cdk.out", Serverless())
        with cloud_of(folder, app) as stage:
            stage.timeout_seconds = UNTIL_SECONDS
            stage.wait_until_served(MODEL)
            told, sample = Story(stage, folder), stage.sample(MODEL)
            with constantly_asked(stage, MODEL) as load:
                story(told)
            mistakes = list(wrong(load, told, sample))
    return report(load, told, mistakes)


def report(load: Load, told: Story, mistakes: list[str]) -> int:
    by_version = Counter(one.version for one in load.seen)
    print(f"\n{'version':>7} {'answers':>8}")
    for version, answers in sorted(by_version.items()):
        print(f"{version:>7} {answers:>8,}")
    for text in (*load.failed[:5], *mistakes[:5]):
        print(text)
    figures: dict[str, Any] = {
        "requests": len(load.seen) + len(load.failed),
        "failed": len(load.failed),
        "misattributed": len(mistakes),
        "connections": CONNECTIONS,
        "promotions": told.done(*PROMOTED),
        "rollbacks": told.done(ROLLED_BACK),
        "mode_changes": 1,
    }
    print(json.dumps(figures))
    enough = figures["promotions"] >= PROMOTIONS and figures["rollbacks"] >= ROLLBACKS
    return int(bool(load.failed or mistakes) or not enough)


if __name__ == "__main__":
    sys.exit(main())
