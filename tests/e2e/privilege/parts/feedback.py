"""The function that takes feedback."""

from __future__ import annotations

from datetime import UTC, datetime

from relearn.records import predictions
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.ledger import Book, Item
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part

TRUTH = "setosa"


def indexed(record: str) -> Item:
    """Write the index's item of a prediction of one row."""
    pk = predictions.partition(MODEL, record)
    return {"pk": pk, "sk": predictions.RECORD, "object": "none", "rows": 1, "version": 1}


def given(record: str, key: str) -> Item:
    """Write the index's item of a truth that was given before, in this object."""
    pk, at = predictions.partition(MODEL, record), "2026-01-01T00:00:00.000+00:00"
    return {
        "pk": pk,
        "sk": predictions.truth_sort(0),
        "object": key,
        "claimed_at": 0,
        "truth": TRUTH,
        "at": at,
    }


def feedback(bench: Bench, moments: Moments) -> Part:
    now = datetime.now(UTC)
    record = predictions.record_id(now, "privilege")
    book = moments["Rest"].book.add(indexed(record))

    def becomes(expected: str, ledger: Book) -> None:
        bench.ledger.write(ledger)
        row = {"prediction": predictions.prediction_id(record, 0), "truth": TRUTH}
        status, _, answer = bench.stage.http(f"/v1/models/{MODEL}/feedback", {"feedback": [row]})
        if status != 200 or answer["results"][0]["state"] != expected:
            raise Broken(f"feedback is answered {status}: {answer}")

    def a_truth_is_stored() -> None:
        began = bench.now()
        becomes("accepted", book)
        bench.expect("a log of feedback", lambda: bench.logged("feedback", since=began), seconds=0)

    def a_truth_that_is_stored_already_is_seen_to_be_there() -> None:
        key = f"{predictions.truth_folder(MODEL, now)}given.jsonl"
        bench.stage.client("s3").put_object(Bucket=bench.stage.outputs["LakeBucket"], Key=key, Body=b"{}\n")
        becomes("duplicate", book.add(given(record, key)))

    scenes = [a_truth_is_stored, a_truth_that_is_stored_already_is_seen_to_be_there]
    return Part(bench.of_function("feedback"), scenes)


PARTS = {"feedback": feedback}
