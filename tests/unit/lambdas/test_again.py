"""What is done again: an event that got lost, an upload or a request that came twice, a decision that waits."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import call, create_autospec

import pytest

from lambdas import wiring
from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.aws.dynamo.idempotency_store import KeptAnswers, State
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.functions import Functions
from lambdas.aws.queue import IngestQueue
from lambdas.aws.s3.storage import Storage, StoredVersion
from lambdas.aws.sagemaker.registry import Registry
from lambdas.batches.events import Listener
from lambdas.batches.lifecycle import BatchCloser, BatchScorer
from lambdas.handlers import ingest
from lambdas.http.idempotency import Idempotency, Key, KeyInUseError, KeyReusedError
from lambdas.http.request import InvalidKeyError, read_idempotency_key
from lambdas.maintenance.lost_uploads import FIRST, MISSED, LostUploads
from lambdas.maintenance.stuck_batches import BatchRepair
from lambdas.rollout.approval_decision import ApprovalDecisions
from lambdas.runs.lifecycle import Runs
from lambdas.runtime import s3_events
from lambdas.uploads import exclusions
from lambdas.uploads.ingestion import Ingestion
from lambdas.uploads.retry import RetryRequests
from relearn.errors import ConflictError, NotFoundError, NothingToRetryError
from relearn.lifecycle import approval, decisions
from relearn.lifecycle.approval import Approval, ApprovalState, Decision, DecisionRequest
from relearn.lifecycle.batches import Batch, BatchState
from relearn.lifecycle.exclusions import Exclusion, message
from relearn.lifecycle.run_context import Decided
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import ids
from relearn.traffic.route import Route

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
STAMP = "2026-05-04T10:00:00.000+00:00"
UPLOAD = Upload(
    upload_id="u1", model="iris", table="main", key="incoming/iris/a.csv", version_id="v1", sequencer="5", size_bytes=7,
    state=UploadState.ACCEPTED, received_at=STAMP,
)  # fmt: skip


def left() -> float:
    return 60.0


@pytest.fixture
def ledger() -> Any:
    return create_autospec(Ledger, instance=True)


# events


def test_the_event_of_a_stored_version_is_what_s3_would_have_sent() -> None:
    stored = StoredVersion("incoming/iris/a.csv", "v1", 7, NOW)
    assert s3_events.object_created("uploads", stored, sequencer="5") == {
        "detail-type": "Object Created",
        "source": "relearn.sweep",
        "detail": {
            "bucket": {"name": "uploads"},
            "object": {"key": "incoming/iris/a.csv", "size": 7, "version-id": "v1", "sequencer": "5"},
            "reason": "sweep",
        },
    }


def test_the_event_of_an_upload_that_was_put_off_counts_its_returns() -> None:
    assert s3_events.put_off("uploads", UPLOAD, 2) == {
        "detail-type": "Object Created",
        "source": "relearn.ingest",
        "detail": {
            "bucket": {"name": "uploads"},
            "object": {"key": "incoming/iris/a.csv", "size": 7, "version-id": "v1", "sequencer": "5"},
            "reason": "put off",
            "returns": 2,
        },
    }


def test_the_event_that_asks_for_a_batch_names_it() -> None:
    assert s3_events.batch_runs("iris", "b1") == {
        "detail-type": "Batch Runs",
        "source": "relearn.sweep",
        "detail": {"model": "iris", "batch": "b1"},
    }


# uploads that ingest missed


@pytest.fixture
def storage() -> Any:
    return create_autospec(Storage, instance=True)


@pytest.fixture
def queue() -> Any:
    return create_autospec(IngestQueue, instance=True)


def stored(key: str, version_id: str = "v1", age: timedelta = timedelta(hours=1)) -> StoredVersion:
    return StoredVersion(key, version_id, 7, NOW - age)


def missed(
    ledger: Any, storage: Any, queue: Any, *versions: StoredVersion, known: tuple[Upload, ...] = ()
) -> list[Any]:
    storage.versions.return_value = list(versions)
    ledger.uploads.return_value = list(known)
    ledger.receive.side_effect = lambda upload: upload
    lost = LostUploads(ledger=ledger, storage=storage, queue=queue, bucket="uploads", clock=lambda: NOW)
    sent = lost.send()
    assert storage.versions.mock_calls == [call("uploads", "incoming/")]
    assert sent == len(queue.send.mock_calls)
    return [one.args[0]["detail"]["object"] for one in queue.send.mock_calls]


def known_as(version: StoredVersion, **changes: Any) -> Upload:
    upload_id = ids.upload_id("uploads", version.key, version.version_id)
    return replace(UPLOAD, upload_id=upload_id, key=version.key, **changes)


def test_an_upload_that_ingest_missed_is_written_down_and_sent(ledger: Any, storage: Any, queue: Any) -> None:
    one = stored("incoming/iris/a.csv")
    (sent,) = missed(ledger, storage, queue, one)
    assert (sent["key"], sent["sequencer"]) == ("incoming/iris/a.csv", f"{FIRST}1")
    assert ledger.uploads.mock_calls == [call("iris")]
    expected = known_as(
        one, table="", sequencer=f"{FIRST}1", state=UploadState.RECEIVED, received_at=STAMP, reason=MISSED
    )
    assert ledger.receive.mock_calls == [call(expected)]


@pytest.mark.parametrize(("seconds", "count"), [(120, 0), (121, 1)])
def test_an_event_has_two_minutes_to_come(
    ledger: Any, storage: Any, queue: Any, seconds: int, count: int
) -> None:
    one = stored("incoming/iris/a.csv", age=timedelta(seconds=seconds))
    assert len(missed(ledger, storage, queue, one)) == count


def test_what_another_function_took_meanwhile_is_not_sent(ledger: Any, storage: Any, queue: Any) -> None:
    storage.versions.return_value = [stored("incoming/iris/a.csv")]
    ledger.uploads.return_value = []
    ledger.receive.side_effect = lambda upload: replace(upload, received_at="2026-05-04T09:59:59.000+00:00")
    lost = LostUploads(ledger=ledger, storage=storage, queue=queue, bucket="uploads", clock=lambda: NOW)
    assert (lost.send(), queue.send.mock_calls) == (0, [])


def test_a_missed_version_comes_after_the_known_one_before_it(ledger: Any, storage: Any, queue: Any) -> None:
    newest, older, oldest = (stored("incoming/iris/a.csv", name) for name in ("v3", "v2", "v1"))
    sent = missed(ledger, storage, queue, newest, older, oldest, known=(known_as(oldest, sequencer="0A"),))
    assert [(one["version-id"], one["sequencer"]) for one in sent] == [("v2", "0A1"), ("v3", "0A11")]


def test_every_model_and_every_object_is_compared_with_its_own(ledger: Any, storage: Any, queue: Any) -> None:
    keys = ["incoming/churn/a.csv", "incoming/iris/a.csv", "incoming/iris/b.csv", "incoming/iris/folder/"]
    sent = missed(ledger, storage, queue, *map(stored, keys))
    assert [(one["key"], one["sequencer"]) for one in sent] == [(key, f"{FIRST}1") for key in keys[:3]]
    assert ledger.uploads.mock_calls == [call("churn"), call("iris")]


@pytest.mark.parametrize(
    ("state", "minutes", "counted", "count"),
    [
        (UploadState.RECEIVED, 21, True, 1),
        (UploadState.RECEIVED, 21, False, 0),
        (UploadState.RECEIVED, 19, True, 0),
        (UploadState.ACCEPTED, 21, True, 0),
    ],
)
def test_an_upload_that_was_never_decided_is_sent_again(
    ledger: Any, storage: Any, queue: Any, state: UploadState, minutes: int, *, counted: bool, count: int
) -> None:
    one = stored("incoming/iris/a.csv")
    came = (NOW - timedelta(minutes=minutes)).isoformat()
    waits = known_as(one, state=state, received_at=came)
    ledger.count_send.return_value = counted
    assert len(missed(ledger, storage, queue, one, known=(waits,))) == count
    due = state is UploadState.RECEIVED and minutes > 20
    assert ledger.count_send.mock_calls == [call(waits)] * due


# what a person asks for again


@pytest.fixture
def runs() -> Any:
    return create_autospec(Runs, instance=True)


@pytest.fixture
def ingestion() -> Any:
    return create_autospec(Ingestion, instance=True)


def retry(ledger: Any, runs: Any, ingestion: Any, retries: int = 0) -> None:
    detail = {"model": "iris", "uploads": [{"upload_id": "u1", "retries": retries}]}
    RetryRequests(ledger=ledger, runs=runs, ingestion=ingestion, bucket="uploads").again(detail, left)


def test_an_upload_that_begins_again_is_checked_at_once(ledger: Any, runs: Any, ingestion: Any) -> None:
    ledger.upload.return_value = failed = replace(UPLOAD, state=UploadState.QUARANTINED)
    ledger.retry_upload.return_value = again = replace(UPLOAD, state=UploadState.RECEIVED)
    ledger.uploads.return_value = []
    retry(ledger, runs, ingestion)
    assert (ledger.upload.mock_calls, ledger.retry_upload.mock_calls) == (
        [call("iris", "u1")],
        [call(failed)],
    )
    assert ingestion.take.mock_calls == [call(s3_events.of_upload("uploads", again), left)]
    runs.start.assert_not_called()


def test_an_upload_whose_shard_stands_starts_a_run_at_once(ledger: Any, runs: Any, ingestion: Any) -> None:
    ledger.upload.return_value = replace(UPLOAD, state=UploadState.FAILED)
    ledger.retry_upload.return_value = UPLOAD
    ledger.uploads.return_value = [UPLOAD]
    retry(ledger, runs, ingestion)
    assert ledger.uploads.mock_calls == [call("iris", UploadState.ACCEPTED)]
    assert runs.start.mock_calls == [call("iris", [UPLOAD], scheduled=True)]
    ingestion.take.assert_not_called()


def test_a_message_that_comes_late_moves_nothing(
    ledger: Any, runs: Any, ingestion: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ledger.upload.return_value = replace(UPLOAD, earlier=({"state": "FAILED"},))
    ledger.uploads.return_value = []
    retry(ledger, runs, ingestion, retries=0)
    ledger.retry_upload.assert_not_called()
    (record,) = caplog.records
    told = record.__dict__
    assert (record.getMessage(), told["model"], told["upload_id"]) == ("tried again already", "iris", "u1")


def test_what_needs_no_other_try_is_let_alone(
    ledger: Any, runs: Any, ingestion: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ledger.upload.return_value = replace(UPLOAD, state=UploadState.TRAINED)
    ledger.retry_upload.side_effect = NothingToRetryError("it is TRAINED")
    ledger.uploads.return_value = []
    retry(ledger, runs, ingestion)
    (record,) = caplog.records
    told = record.__dict__
    assert (record.getMessage(), told["model"], told["upload_id"]) == (
        "nothing to retry: it is TRAINED",
        "iris",
        "u1",
    )


def test_an_upload_that_nobody_knows_is_a_message_that_fails(ledger: Any, runs: Any, ingestion: Any) -> None:
    ledger.upload.return_value = None
    with pytest.raises(NotFoundError, match=r"^model iris has no upload 'u1'$"):
        retry(ledger, runs, ingestion)


def test_an_upload_is_excluded_with_who_asked_and_why(ledger: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    ledger.upload.return_value = UPLOAD
    detail = message(Exclusion(model="iris", upload_id="u1", why="wrong units", who="ann"))["detail"]
    exclusions.exclude(ledger, detail)
    assert ledger.upload.mock_calls == [call("iris", "u1")]
    assert ledger.move_upload.mock_calls == [call(UPLOAD, UploadState.EXCLUDED, "by ann: wrong units")]
    (record,) = [record for record in caplog.records if record.name == "lambdas.uploads.exclusions"]
    told = record.__dict__
    assert (record.getMessage(), told["model"], told["upload_id"], told["reason"]) == (
        "upload EXCLUDED", "iris", "u1", "by ann: wrong units",
    )  # fmt: skip


def test_an_upload_that_is_excluded_already_is_let_alone(
    ledger: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ledger.upload.return_value = replace(UPLOAD, state=UploadState.EXCLUDED)
    exclusions.exclude(ledger, message(Exclusion(model="iris", upload_id="u1", why="x", who="ann"))["detail"])
    ledger.move_upload.assert_not_called()
    (record,) = [record for record in caplog.records if record.name == "lambdas.uploads.exclusions"]
    told = record.__dict__
    assert record.getMessage().startswith("nothing to exclude: upload u1 of iris is EXCLUDED")
    assert (told["model"], told["upload_id"]) == ("iris", "u1")


def test_an_upload_to_exclude_that_nobody_knows_is_a_message_that_fails(ledger: Any) -> None:
    ledger.upload.return_value = None
    detail = message(Exclusion(model="iris", upload_id="u1", why="x", who="ann"))["detail"]
    with pytest.raises(NotFoundError, match=r"^model iris has no upload 'u1'$"):
        exclusions.exclude(ledger, detail)


# a request that is sent again


@pytest.fixture
def kept() -> Any:
    return create_autospec(KeptAnswers, instance=True)


KEY = Key("ann", "iris", "k1", b"body")
DIGEST = hashlib.sha256(b"body").hexdigest()


def test_a_new_key_is_claimed_and_its_answer_kept(kept: Any) -> None:
    kept.claim.return_value = None
    assert Idempotency(kept).once(KEY, lambda: {"a": 1}) == ({"a": 1}, False)
    ((claim,), _) = kept.claim.call_args
    assert (claim.model, claim.principal, claim.key, claim.body_digest) == ("iris", "ann", "k1", DIGEST)
    assert kept.keep.mock_calls == [call(claim, {"a": 1})]
    kept.release.assert_not_called()


def test_no_two_requests_claim_a_key_as_the_same_owner(kept: Any) -> None:
    kept.claim.return_value = None
    for _ in range(2):
        Idempotency(kept).once(KEY, dict)
    owners = {one.args[0].owner for one in kept.claim.mock_calls}
    assert sorted(map(len, owners)) == [16, 16]


def test_a_known_key_gets_the_answer_that_was_given(kept: Any) -> None:
    kept.claim.return_value = State(DIGEST, {"a": 1})
    assert Idempotency(kept).once(KEY, dict) == ({"a": 1}, True)
    kept.keep.assert_not_called()


def test_a_known_key_with_another_body_is_refused(kept: Any) -> None:
    kept.claim.return_value = State("another", {"a": 1})
    with pytest.raises(
        KeyReusedError, match=r"^this Idempotency-Key was sent before, with another body; allowed: "
    ):
        Idempotency(kept).once(KEY, dict)


def test_a_key_whose_request_is_under_way_is_told_to_wait(kept: Any) -> None:
    wait = r"; wait for the seconds of Retry-After, then send it again$"
    kept.claim.return_value = State(DIGEST, None)
    with pytest.raises(KeyInUseError, match=r"^a request with this Idempotency-Key is being answered" + wait):
        Idempotency(kept).once(KEY, dict)
    kept.claim.side_effect = ConflictError("claimed")
    with pytest.raises(KeyInUseError, match=r"^a request with this Idempotency-Key came first" + wait):
        Idempotency(kept).once(KEY, dict)
    kept.claim.side_effect, kept.claim.return_value = None, None
    kept.keep.side_effect = ConflictError("kept")
    with pytest.raises(
        KeyInUseError, match=r"^another request with this Idempotency-Key is being answered" + wait
    ):
        Idempotency(kept).once(KEY, dict)
    kept.release.assert_not_called()


def test_a_request_that_failed_frees_its_key(kept: Any) -> None:
    def fails() -> dict[str, Any]:
        raise TimeoutError("slow")

    kept.claim.return_value = None
    with pytest.raises(TimeoutError, match="slow"):
        Idempotency(kept).once(KEY, fails)
    assert kept.release.mock_calls == [call(kept.claim.call_args.args[0])]


def test_a_key_that_can_not_be_freed_does_not_hide_why_the_request_failed(
    kept: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> dict[str, Any]:
        raise TimeoutError("slow")

    kept.claim.return_value = None
    kept.release.side_effect = OSError("no network")
    with pytest.raises(TimeoutError, match="slow"):
        Idempotency(kept).once(KEY, fails)
    (record,) = caplog.records
    assert record.getMessage() == "an Idempotency-Key stays claimed until its time is over"
    assert record.exc_info is not None


@pytest.mark.parametrize(
    ("given", "key"),
    [(None, None), ("k", "k"), (" k ", "k"), ('"a b"', "a b"), (r'"a\"b\\"', 'a"b\\'), ("x" * 255, "x" * 255),
     ('"' + "x" * 255 + '"', "x" * 255)],
)  # fmt: skip
def test_a_key_is_read_bare_or_in_quotes(given: str | None, key: str | None) -> None:
    assert read_idempotency_key({} if given is None else {"idempotency-key": given}) == key


@pytest.mark.parametrize("given", ["", '""', "a b", "a,b", "é", '"a', "x" * 256, r'"a\b"'])
def test_what_is_no_key_is_refused_with_what_is(given: str) -> None:
    with pytest.raises(
        InvalidKeyError, match=r"allowed: 1 to 255 visible ASCII characters, bare or in double quotes$"
    ):
        read_idempotency_key({"idempotency-key": given})


# batches whose file is not heard of


@pytest.fixture
def records() -> Any:
    found = create_autospec(BatchRecords, instance=True)
    found.waiting.return_value, found.running.return_value = [], []
    return found


@pytest.fixture
def functions() -> Any:
    return create_autospec(Functions, instance=True)


@pytest.fixture
def closer() -> Any:
    return create_autospec(BatchCloser, instance=True)


@pytest.fixture
def repair(records: Any, storage: Any, functions: Any, closer: Any) -> BatchRepair:
    return BatchRepair(
        records=records,
        storage=storage,
        functions=functions,
        closer=closer,
        bucket="uploads",
        clock=lambda: NOW,
    )


def batch(state: BatchState) -> Batch:
    return Batch(batch_id="b1", model="iris", state=state, created_at=STAMP, version=3)


def test_a_batch_that_runs_is_looked_at(repair: BatchRepair, records: Any, functions: Any) -> None:
    records.running.return_value = [batch(BatchState.RUNNING)]
    repair.repair("iris")
    assert (records.waiting.mock_calls, records.running.mock_calls) == ([call("iris")], [call("iris")])
    assert functions.wake.mock_calls == [call("batch_event", s3_events.batch_runs("iris", "b1"))]


def test_the_file_of_a_batch_that_was_not_heard_of_is_handed_on(
    repair: BatchRepair,
    records: Any,
    storage: Any,
    functions: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    records.waiting.return_value = [batch(BatchState.WAITING_FOR_FILE)]
    first = storage.oldest.return_value = stored("batches/iris/b1/input.jsonl", age=timedelta(minutes=10))
    repair.repair("iris")
    assert storage.oldest.mock_calls == [call("uploads", "batches/iris/b1/input.jsonl")]
    assert functions.wake.mock_calls == [call("batch_event", s3_events.object_created("uploads", first))]
    assert caplog.messages == ["the file of batch b1 was not heard of"]


def test_a_batch_that_only_waits_is_let_alone(
    repair: BatchRepair, records: Any, storage: Any, functions: Any
) -> None:
    records.waiting.return_value = [batch(BatchState.WAITING_FOR_FILE)]
    storage.oldest.return_value = None
    repair.repair("iris")
    functions.wake.assert_not_called()


def test_a_batch_whose_file_was_never_checked_is_given_up(
    repair: BatchRepair, records: Any, storage: Any, closer: Any
) -> None:
    records.waiting.return_value = [batch(BatchState.WAITING_FOR_FILE)]
    storage.oldest.return_value = stored("k", age=timedelta(days=9))
    repair.repair("iris")
    reason = "its file could not be checked, however often it was tried; begin another batch"
    assert closer.move.mock_calls == [call(batch(BatchState.WAITING_FOR_FILE), BatchState.FAILED, reason)]


def test_a_batch_whose_file_never_came_is_given_up(
    repair: BatchRepair, records: Any, storage: Any, closer: Any
) -> None:
    old = replace(batch(BatchState.WAITING_FOR_FILE), created_at="2026-04-01T00:00:00+00:00")
    records.waiting.return_value = [old]
    storage.oldest.return_value = None
    repair.repair("iris")
    reason = "no file came while its form was good; begin another batch"
    assert closer.move.mock_calls == [call(old, BatchState.FAILED, reason)]


# a decision that a run waits for


@pytest.fixture
def registry() -> Any:
    return create_autospec(Registry, instance=True)


ASKED = Version(
    model="iris",
    version=8,
    state=VersionState.REGISTERED,
    package_arn="arn",
    approval=approval.begin(NOW, 72),
)


def heed(ledger: Any, registry: Any, version: Version | None, now: datetime = NOW) -> Decided:
    ledger.version.return_value = version
    return ApprovalDecisions(ledger=ledger, registry=registry, clock=lambda: now).heed("iris", "r", 8)


def answered(decision: Decision) -> Version:
    return replace(ASKED, approval=decisions.decide(ASKED, DecisionRequest(decision, "so"), "ann", NOW))


def test_a_run_waits_as_long_as_nobody_decided(ledger: Any, registry: Any) -> None:
    told = {"verdict": "wait", "reason": "waits for a decision until 2026-05-07T10:00:00.000+00:00"}
    assert heed(ledger, registry, ASKED) == told
    assert ledger.version.mock_calls == [call("iris", 8)]
    registry.settle.assert_not_called()


@pytest.mark.parametrize(
    ("state", "moves"), [(RunState.AWAITING_APPROVAL, True), (RunState.DEPLOYING, False)]
)
def test_a_run_whose_version_was_approved_goes_on_once(
    ledger: Any, registry: Any, state: RunState, *, moves: bool
) -> None:
    run = ledger.run.return_value = Run(
        run_id="r", model="iris", state=state, champion_version=7, reason="better"
    )
    ledger.route.return_value = Route(champion=7)
    found = heed(ledger, registry, answered(Decision.APPROVE))
    assert found == {"verdict": "approve", "reason": "approved by ann: so"}
    assert registry.settle.mock_calls == [call("arn", approved=True, why="approved by ann: so")]
    assert (ledger.run.mock_calls, ledger.route.mock_calls) == ([call("iris", "r")], [call("iris")])
    assert (
        ledger.move_run.mock_calls == [call(run, RunState.DEPLOYING, "better; approved by ann: so")] * moves
    )


def test_a_run_whose_champion_no_longer_serves_does_not_go_on(ledger: Any, registry: Any) -> None:
    ledger.run.return_value = Run(
        run_id="r", model="iris", state=RunState.AWAITING_APPROVAL, champion_version=6
    )
    ledger.route.return_value = Route(champion=7)
    with pytest.raises(ConflictError):
        heed(ledger, registry, answered(Decision.APPROVE))
    ledger.move_run.assert_not_called()


def test_a_run_whose_version_was_rejected_ends(ledger: Any, registry: Any) -> None:
    found = heed(ledger, registry, answered(Decision.REJECT))
    assert found == {"verdict": "reject", "reason": "version 8 rejected by ann: so"}
    assert registry.settle.mock_calls == [call("arn", approved=False, why="rejected by ann: so")]
    ledger.move_run.assert_not_called()


def test_a_question_whose_time_is_over_is_given_up_and_written_down(ledger: Any, registry: Any) -> None:
    late = NOW + timedelta(hours=72)
    given_up = approval.expire(Approval(hours=72, until=late.isoformat(timespec="milliseconds")), late)
    ledger.decide.return_value = replace(ASKED, package_arn="another", approval=given_up)
    found = heed(ledger, registry, ASKED, late)
    assert found["verdict"] == "reject"
    assert given_up.state is ApprovalState.EXPIRED
    assert ledger.decide.mock_calls == [call(ASKED, given_up)]
    assert registry.settle.call_args.args == ("another",)


@pytest.mark.parametrize("version", [None, replace(ASKED, approval=None)])
def test_a_version_about_which_nothing_was_asked_is_not_found(
    ledger: Any, registry: Any, version: Version | None
) -> None:
    with pytest.raises(NotFoundError, match=r"^nothing was asked about version 8 of iris$"):
        heed(ledger, registry, version)


def test_a_version_that_went_on_without_an_answer_is_a_conflict(ledger: Any, registry: Any) -> None:
    with pytest.raises(ConflictError, match=r"^version 8 of iris does not wait for a decision: it is LIVE"):
        heed(ledger, registry, replace(ASKED, state=VersionState.LIVE))


# which message asks for what


def test_a_message_goes_to_who_does_what_it_asks_for(monkeypatch: pytest.MonkeyPatch, ledger: Any) -> None:
    taken: list[tuple[str, Any]] = []
    for name in ("ingestion", "retry_requests"):
        one = create_autospec({"ingestion": Ingestion, "retry_requests": RetryRequests}[name], instance=True)
        for does in ("take", "again"):
            if hasattr(one, does):
                getattr(one, does).side_effect = lambda detail, time, name=name: taken.append(
                    (name, (detail, time))
                )
        monkeypatch.setattr(ingest, name, lambda one=one: one)
    monkeypatch.setenv("LEDGER_TABLE", "table")
    monkeypatch.setattr(wiring, "ledger", lambda config: (ledger, config.need("LEDGER_TABLE")))
    monkeypatch.setattr(ingest, "exclude", lambda of, detail: taken.append(("exclude", (of, detail))))
    for kind in ("Relearn Retry Asked", "Relearn Exclusion Asked", "Object Created"):
        ingest.take({"detail-type": kind, "detail": kind}, left)
    assert taken == [
        ("retry_requests", ("Relearn Retry Asked", left)),
        ("exclude", ((ledger, "table"), "Relearn Exclusion Asked")),
        ("ingestion", ("Object Created", left)),
    ]


# the events of batches


ENDED = "SageMaker Transform Job State Change"


@pytest.fixture
def scorer() -> Any:
    return create_autospec(BatchScorer, instance=True)


@pytest.fixture
def listener(records: Any, scorer: Any, closer: Any) -> Listener:
    return Listener(records=records, scorer=scorer, closer=closer, stage="dev")


def test_the_file_of_a_batch_begins_it(listener: Listener, scorer: Any) -> None:
    scorer.arrived.return_value = batch(BatchState.RUNNING)
    told = listener.hear({"detail-type": "Object Created", "detail": {"a": "b"}})
    assert told == {"batch": "b1", "state": "RUNNING"}
    assert scorer.arrived.mock_calls == [call({"a": "b"})]


def test_a_file_of_no_batch_is_told_as_nothing(listener: Listener, scorer: Any) -> None:
    scorer.arrived.return_value = None
    assert listener.hear({"detail-type": "Object Created", "detail": {}}) == {}


def test_a_batch_that_runs_is_looked_at_when_the_sweep_asks(
    listener: Listener, records: Any, closer: Any
) -> None:
    closer.look.return_value = batch(BatchState.SUCCEEDED)
    assert listener.hear(s3_events.batch_runs("iris", "b1")) == {"batch": "b1", "state": "SUCCEEDED"}
    assert records.batch.mock_calls == [call("iris", "b1")]
    assert closer.look.mock_calls == [call(records.batch.return_value)]


@pytest.mark.parametrize(("reason", "told"), [({"FailureReason": "no memory"}, "no memory"), ({}, "")])
def test_the_end_of_its_job_closes_a_batch(
    listener: Listener, records: Any, closer: Any, reason: dict[str, str], told: str
) -> None:
    name = ids.batch_id(NOW, "s")
    closer.close.return_value = batch(BatchState.FAILED)
    detail = {"TransformJobName": f"relearn-dev-iris-{name}", "TransformJobStatus": "Failed", **reason}
    assert listener.hear({"detail-type": ENDED, "detail": detail}) == {"batch": "b1", "state": "FAILED"}
    assert records.batch.mock_calls == [call("iris", name)]
    assert closer.close.mock_calls == [call(records.batch.return_value, "Failed", told)]


def test_the_job_of_no_batch_is_ignored(
    listener: Listener, records: Any, closer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    name = f"relearn-dev-iris-{ids.batch_id(NOW, 's')}"
    records.batch.side_effect = NotFoundError("no such batch")
    for job in ("relearn-prod-iris-x", name):
        detail = {"TransformJobName": job, "TransformJobStatus": "Completed"}
        assert listener.hear({"detail-type": ENDED, "detail": detail}) == {}
    assert caplog.messages == [f"the job of no batch, ignored: {name}"]
    closer.close.assert_not_called()
