"""The ingest function, and the queue it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from relearn.lifecycle.turns import OF_ONE_MODEL
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.ledger import Book
from tests.e2e.privilege.parts.scenes import locked
from tests.e2e.privilege.run import MODEL, Moments, message, uploaded
from tests.e2e.privilege.trial import Broken, Part

QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
PATIENCE_SECONDS = 10.0
QUIET_SECONDS = 2.5


def ingest(bench: Bench, moments: Moments) -> Part:
    arrival = moments["Ingest"]
    decided = moments["Open"].book
    broken = uploaded(bench, "broken.csv", b"sepal_length,sepal_width\n5.1,3.5\n")
    gone = _gone(bench)
    others = {f"slow-{number}": "2999-01-01T00:00:00+00:00" for number in range(OF_ONE_MODEL)}
    turns = {"pk": "INGEST", "sk": "TURNS", "held": {MODEL: others}, "slow": {}, "revision": 1}

    def a_good_file_is_accepted() -> None:
        bench.ledger.write(arrival.book)
        _take(bench, arrival.context)
        _decided(bench, arrival.book, "ACCEPTED")

    def the_lock_of_a_run_that_has_ended_is_freed() -> None:
        lock = locked(arrival.book, MODEL)
        bench.ledger.write(arrival.book.add(lock))
        _take(bench, arrival.context)
        if lock["run_id"] in [found["run_id"] for found in bench.ledger.read().of(MODEL, "LOCK")]:
            raise Broken("the next run was not started")

    def the_same_event_comes_again() -> None:
        bench.ledger.write(decided)
        _take(bench, arrival.context)

    def a_broken_file_is_quarantined() -> None:
        bench.ledger.write(arrival.book)
        bench.topic.forget()
        _take(bench, broken)
        bench.expect("a notification", bench.topic.heard, seconds=0)

    def a_version_has_gone() -> None:
        bench.ledger.write(arrival.book)
        _take(bench, gone)
        if "may not be read" in _decided(bench, arrival.book, "FAILED"):
            raise Broken("nobody can tell whether it has gone")

    def a_file_is_put_off() -> None:
        bench.ledger.write(arrival.book.add(turns))
        _take(bench, arrival.context)

    scenes = [
        a_good_file_is_accepted,
        the_lock_of_a_run_that_has_ended_is_freed,
        a_file_is_put_off,
        the_same_event_comes_again,
        a_broken_file_is_quarantined,
        a_version_has_gone,
    ]
    return Part(bench.of_function("ingest", *QUEUE), scenes)


def _take(bench: Bench, event: Any) -> None:
    failures = bench.invoke("ingest", event)["batchItemFailures"]
    if failures:
        raise Broken(f"not taken in: {failures}")


def _decided(bench: Bench, before: Book, state: str) -> str:
    """Give the reason of the upload that came; `Broken` when it is in another state."""
    known = {item["upload_id"] for item in before.of(MODEL, "UPLOAD#")}
    (found,) = (one for one in bench.ledger.read().of(MODEL, "UPLOAD#") if one["upload_id"] not in known)
    if found["state"] != state:
        raise Broken(f"the upload is {found}")
    return str(found["reason"])


def _gone(bench: Bench) -> Any:
    """Upload a version and delete it; the event of it."""
    version = bench.stage.put(MODEL, "gone.csv", b"gone")
    key = f"incoming/{MODEL}/gone.csv"
    bucket = bench.stage.outputs["UploadsBucket"]
    bench.stage.client("s3").delete_object(Bucket=bucket, Key=key, VersionId=version)
    return message(bench, key, version, 4)


def queue(bench: Bench, moments: Moments) -> Part:
    def message() -> str:
        bench.ledger.write(moments["Rest"].book)
        return str(moments["Ingest"].context["Records"][0]["body"])

    return read_queue(bench, "ingest", message)


def read_queue(bench: Bench, function: str, message: Callable[[], str]) -> Part:
    """A queue is read with its function's role.

    Parameters
    ----------
    message
        Sets the scene, and gives a message that the function takes.
    """
    sqs, url = bench.stage.client("sqs"), bench.stage.queue_of(function)
    wait = PATIENCE_SECONDS

    def a_message_is_read() -> None:
        nonlocal wait
        sqs.purge_queue(QueueUrl=url)
        sqs.send_message(QueueUrl=url, MessageBody=message())
        bench.poll_queue(function, enabled=True)
        try:
            bench.expect("the message read", lambda: bench.stage.queued(function) == 0, seconds=wait)
            wait = QUIET_SECONDS  # it came once with everything granted: now it comes soon or never
        finally:
            bench.poll_queue(function, enabled=False)

    role = bench.configuration(function)["Role"]
    return Part(bench.of_role(role, *QUEUE), [a_message_is_read])


PARTS = {"ingest": ingest, "ingest_queue": queue}
