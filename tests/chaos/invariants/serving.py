"""Invariants that callers rely on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from lambdas.serving.ledger_cache import ROUTE_SECONDS
from tests.chaos.history import Asked
from tests.chaos.invariants.evidence import Evidence
from tests.support.world import LAKE

OK = 200
DECLARED = frozenset({429, 502, 503, 504})
NOBODY_SERVES = 503
SLACK = timedelta(seconds=ROUTE_SECONDS + 1)
LONGEST = timedelta(days=1)
REPAIRED = timedelta(minutes=20)
"""Maximum time until a missing endpoint is restored: the next sweep, then its creation and smoke test."""


def availability(evidence: Evidence) -> Iterator[str]:
    """A valid request gets 200.

    Or 429, 502, 503 or 504, only while a serving fault strikes it or no version serves yet.

    Training, deployment and their faults are no excuse.
    """
    for asked in evidence.history.asked:
        if asked.status == OK:
            continue
        nobody = not _named(evidence, asked) and asked.status == NOBODY_SERVES
        excused = bool(asked.excused) or _is_missing(evidence, asked)
        if asked.status not in DECLARED or not (nobody or excused):
            yield f"{asked.model} answered {asked.status} at {asked.at:%T}, and nothing was wrong with serving"


def attribution(evidence: Evidence) -> Iterator[str]:
    """Each 200 names the version that answered, which the route named then, and has one record or a counted loss.

    The route may be cached for a few seconds, and longer while the ledger cannot be reached. A record in the
    dead-letter queue is not lost.
    """
    records = _records(evidence)
    lost = sum(count for (name, *_), count in evidence.history.metrics.items() if name == "RecordsLost")
    missing = 0
    for asked in evidence.history.asked:
        if asked.status != OK:
            continue
        where = f"{asked.model} at {asked.at:%T}"
        if asked.by != asked.version:
            yield f"{where}: version {asked.by} answered, and version {asked.version} is named"
        if asked.version not in _named(evidence, asked):
            yield f"{where}: version {asked.version} is named, which the route does not"
        found = records.get(asked.record, [])
        missing += not found
        if len(found) > 1 or (found and found[0] != asked.version):
            yield f"{where}: its records are of versions {found}"
    if missing > lost:
        yield f"{missing} answers have no record, {lost} are counted as lost"


def _named(evidence: Evidence, asked: Asked) -> set[int]:
    """Return the versions that the route named shortly before an answer, or while it was cached."""
    named: set[int] = set()
    since = asked.at - (LONGEST if _was_out(evidence, asked) else SLACK)
    for written in evidence.writes_of_routes:
        if written.model == asked.model and written.at <= asked.at:
            answering = {written.route.champion, written.route.candidate if written.route.weight else 0} - {0}
            # A write before `since` counts only until the next write.
            named = answering if written.at <= since else named | answering
    return named


def _was_out(evidence: Evidence, asked: Asked) -> bool:
    """Whether the ledger was unreachable shortly before."""
    return any(
        one.model == asked.model
        and "ledger_unreachable" in one.excused
        and timedelta() <= asked.at - one.at <= SLACK
        for one in evidence.history.asked
    )


def _is_missing(evidence: Evidence, asked: Asked) -> bool:
    """Whether the champion's endpoint was deleted recently, and may not be restored yet."""
    return any(
        model == asked.model and timedelta() <= asked.at - at <= REPAIRED
        for at, model in evidence.history.vanished
    )


def _records(evidence: Evidence) -> dict[str, list[int]]:
    """Return the versions in all prediction records by id, of the lake and of the dead-letter queue.

    An object counts once, as for readers of the lake: a write whose reply was lost is repeated with the same
    bytes.
    """
    found: dict[str, list[int]] = {}
    for key in dict(evidence.keys(LAKE, "predictions/")):
        body = evidence.stage.world.s3.get_object(Bucket=LAKE, Key=key)["Body"].read()
        for line in body.splitlines():
            record = json.loads(line)
            found.setdefault(record["id"], []).append(record["version"])
    dead = Counter[str]()
    for message in evidence.stage.queues.queues["record"].dead:
        record = json.loads(message.body)
        if record["id"] not in found and not dead[record["id"]]:
            found[record["id"]] = [record["version"]]
            dead[record["id"]] += 1
    return found
