"""The patches of `tests.chaos.mutants`."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import unquote_plus

import pytest

from lambdas.aws.dynamo import table
from lambdas.aws.dynamo.exactly_once import Line, Once
from lambdas.aws.dynamo.ledger import Ledger, Lock
from lambdas.aws.dynamo.table import Put
from lambdas.aws.notify import Notifier
from lambdas.aws.s3.storage import Storage
from lambdas.aws.sagemaker.endpoints import Endpoints, _unless_refused
from lambdas.handlers import ingest
from lambdas.maintenance.lost_uploads import LostUploads
from lambdas.runs import job_report
from lambdas.runs.lifecycle import Runs
from lambdas.serving import ledger_cache
from lambdas.serving.prediction_records import PredictionRecords
from lambdas.uploads.ingestion import Ingestion
from preparation import job, rules, sources
from relearn.data import snapshots
from relearn.lifecycle import approval, decisions, promotion, turns, uploads
from relearn.lifecycle.approval import ApprovalState
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.promotion import Decision
from relearn.lifecycle.turns import Places
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import ids
from relearn.traffic import route as routing
from relearn.traffic.route import Route
from tests.chaos import kills
from tests.chaos.training import Training
from tests.support import asl, asl_data
from training.features import engine

M = pytest.MonkeyPatch


def drop_the_dedup(patch: M) -> None:
    receive = Ledger.receive

    def mutated(self: Ledger, upload: Upload) -> Upload:
        known = receive(self, upload)
        if known.state is UploadState.RECEIVED:
            return known
        item = self._table.get(f"MODEL#{upload.model}", f"UPLOAD#{upload.upload_id}") or {}
        changed = {**item, "state": "RECEIVED"}
        pk, sk = changed.pop("pk"), changed.pop("sk")
        self._table.write(Put(pk=pk, sk=sk, item=changed, expected={"state": item["state"]}))
        return replace(known, state=UploadState.RECEIVED)

    patch.setattr(Ledger, "receive", mutated)


def skip_compare_and_swap(patch: M) -> None:
    write = Ledger.write_route

    def mutated(self: Ledger, model: str, old: Route, new: Route, *rest: Any, **options: Any) -> None:
        steps, change = rest
        now = self.route(model)
        found = {number: (self._state(model, number), after) for number, (_, after) in steps.items()}  # type: ignore[attr-defined]
        del old
        write(self, model, now, replace(new, revision=now.revision + 1), found, change, **options)

    def state(self: Ledger, model: str, number: int) -> Any:
        version = self.version(model, number)
        return version and version.state

    patch.setattr(Ledger, "_state", state, raising=False)
    patch.setattr(Ledger, "write_route", mutated)


def forget_the_judgement(patch: M) -> None:
    promote = routing.promote
    patch.setattr(routing, "promote", lambda route, version, _: promote(route, version, route.champion))


def accept_stopped(patch: M) -> None:
    stop, holds = Training._stop, asl_data.holds

    def succeeds(self: Training, job: Any, request: Mapping[str, Any], done: Callable[[Any], None]) -> None:
        stop(self, job, request, lambda _: done(job.answer))

    def mutated(rule: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> bool:
        stopped = data.get("job", {}).get("TrainingJobStatus") == "Stopped"
        return (stopped and rule.get("StringEquals") == "Completed") or holds(rule, data, context)

    patch.setattr(Training, "_stop", succeeds)
    patch.setattr(asl, "holds", mutated)


def accept_nan(patch: M) -> None:
    decide = promotion.decide

    def mutated(
        candidate: Mapping[str, float], champion: Any, policy: Any, *rest: Any, **more: Any
    ) -> Decision:
        value = candidate.get(policy.name, math.nan)
        better = Decision("promote", "it is not worse")
        return better if math.isnan(value) else decide(candidate, champion, policy, *rest, **more)

    patch.setattr(promotion, "decide", mutated)


def accept_any_figure(patch: M) -> None:
    patch.setattr(promotion, "_as_good", lambda *_: True)


def let_the_new_rows_outvote(patch: M) -> None:
    patch.setattr(Comparison, "contradiction", lambda *_: "")


def trust_new_rows_alone(patch: M) -> None:
    patch.setattr(Comparison, "silence", "")


def leave_it_to_the_bound(patch: M) -> None:
    decide = promotion.decide
    patch.setattr(promotion, "decide", lambda *given, **_more: decide(*given))


def believe_any_report(patch: M) -> None:
    read = job_report.parse_report

    def mutated(text: bytes, expected: Mapping[str, Any], *compared: Any) -> Any:
        return read(json.dumps({**json.loads(text), **expected}).encode(), expected, *compared)

    patch.setattr(job_report, "parse_report", mutated)


def unquote_the_key(patch: M) -> None:
    take = Ingestion.take

    def mutated(self: Ingestion, detail: Mapping[str, Any], left: Callable[[], float]) -> None:
        changed = copy.deepcopy(dict(detail))
        changed["object"]["key"] = unquote_plus(changed["object"]["key"])
        take(self, changed, left)

    patch.setattr(Ingestion, "take", mutated)


def forget_versions_of_objects(patch: M) -> None:
    whole = ids.upload_id
    patch.setattr(ids, "upload_id", lambda bucket, key, _version: whole(bucket, key, ""))


def delete_the_config_too_early(patch: M) -> None:
    def mutated(self: Endpoints, name: str, wait_seconds: float = 90) -> None:
        del wait_seconds
        _unless_refused(self.client.delete_endpoint_config, EndpointConfigName=name)
        _unless_refused(self.client.delete_endpoint, EndpointName=name)
        _unless_refused(self.client.delete_model, ModelName=name)

    patch.setattr(Endpoints, "remove", mutated)


def list_what_is_quarantined(patch: M) -> None:
    manifest = snapshots.manifest

    def mutated(prefix: str, snapshot: Iterable[str], uploads: Iterable[Upload]) -> list[object]:
        found = list(uploads)
        more = [upload.upload_id for upload in found if upload.state is UploadState.QUARANTINED]
        return manifest(prefix, [*snapshot, *more], found)

    patch.setattr(snapshots, "manifest", mutated)


def accept_bad_rows(patch: M) -> None:
    refuse = Ingestion._refuse

    def mutated(self: Ingestion, upload: Upload, refusal: Any, prepared: Any = None) -> Upload:
        if prepared is None or prepared.refusal is None:
            return refuse(self, upload, refusal, prepared)
        return self.ledger.move_upload(upload, UploadState.ACCEPTED)

    patch.setattr(Ingestion, "_refuse", mutated)


def promote_before_smoke(patch: M) -> None:
    holds = asl_data.holds

    def mutated(rule: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> bool:
        return rule.get("Variable") == "$.endpoint.status" or holds(rule, data, context)

    patch.setattr(asl, "holds", mutated)
    from lambdas.runs.smoke_test import SmokeTest  # noqa: PLC0415

    patch.setattr(SmokeTest, "run", lambda *_: {"predictions": 2})


def forget_the_lock(patch: M) -> None:
    def mutated(self: Ledger, model: str, run_id: str) -> Lock:
        self.replace_lock(model, self.lock(model), run_id)
        return Lock(run_id, self._now())

    from lambdas.runs.opening import RunOpening  # noqa: PLC0415

    patch.setattr(Ledger, "take_lock", mutated)
    patch.setattr(RunOpening, "_hold", lambda *_: None, raising=False)


def keep_the_lock(patch: M) -> None:
    patch.setattr(Runs, "_free", lambda *_, **__: None)


def drop_the_reason(patch: M) -> None:
    move = Ledger.move_run
    patch.setattr(
        Ledger,
        "move_run",
        lambda self, run, state, _reason="", **changes: move(self, run, state, "", **changes),
    )


def tell_nobody(patch: M) -> None:
    patch.setattr(Notifier, "tell", lambda *_: None)


def swallow_what_fails(patch: M) -> None:
    handler = ingest.handler

    def mutated(event: Any, context: Any) -> dict[str, Any]:
        handler(event, context)
        return {"batchItemFailures": []}

    patch.setattr(ingest, "handler", mutated)


def retire_what_is_named(patch: M) -> None:
    def mutated(route: Route, versions: Iterable[int]) -> list[int]:
        return sorted(version for version in versions if version < route.champion)

    patch.setattr(routing, "to_retire", mutated)


def attribute_to_another(patch: M) -> None:
    answer = PredictionRecords.answer

    def mutated(self: PredictionRecords, model: str, version: int, *rest: Any, **more: Any) -> dict[str, Any]:
        return answer(self, model, version + 1, *rest, **more)

    patch.setattr(PredictionRecords, "answer", mutated)


def remember_for_good(patch: M) -> None:
    patch.setattr(ledger_cache, "ROUTE_SECONDS", 1e9)


def ignore_the_freeze(patch: M) -> None:
    refuse = routing._refuse
    patch.setattr(routing, "_refuse", lambda route, *rest: refuse(replace(route, frozen=False), *rest))


def approve_by_silence(patch: M) -> None:
    patch.setitem(approval._VERDICTS, ApprovalState.EXPIRED, "approve")
    patch.setattr(decisions, "refuse_undecided", lambda _version: None)


def let_the_last_decide(patch: M) -> None:
    from lambdas.aws.dynamo import ledger  # noqa: PLC0415 - many functions have an argument of this name

    update = ledger._version_update
    patch.setattr(ledger, "_version_update", lambda version, new, _expected: update(version, new, {}))


def sweep_nothing(patch: M) -> None:
    patch.setattr(LostUploads, "send", lambda _self: 0)


def write_shards_over(patch: M) -> None:
    def mutated(self: Storage, bucket: str, key: str, body: Any) -> bool:
        self.client.put_object(Bucket=bucket, Key=key, Body=body)
        return True

    patch.setattr(Storage, "write_once", mutated)


def accept_before_writing(patch: M) -> None:
    accept = Ingestion._accept

    def mutated(self: Ingestion, upload: Upload, prepared: Any) -> Upload:
        counts = {"rows_accepted": prepared.rows_accepted, "rows_rejected": prepared.rows_rejected}
        self._move(upload, UploadState.ACCEPTED, "", **counts)
        return accept(self, upload, prepared)

    patch.setattr(Ingestion, "_accept", mutated)


def write_records_again(patch: M) -> None:
    place, numbers = Once.place, count()

    def mutated(self: Once, lines: Iterable[Line], folder: str) -> Any:
        return place(self, [replace(line, pk=f"{line.pk}-{next(numbers)}") for line in lines], folder)

    patch.setattr(Once, "place", mutated)


def see_the_future(patch: M) -> None:
    patch.setattr(engine, "_inside", lambda *_: "true")


def take_before_its_time(patch: M) -> None:
    patch.setattr(uploads, "is_known", lambda *_: True)


def wait_for_ever(patch: M) -> None:
    patch.setattr(uploads, "is_known", lambda upload, _now: not upload.known_from)


def take_any_date(patch: M) -> None:
    patch.setattr(rules, "AHEAD", timedelta(days=3650))


def count_none_that_wait(patch: M) -> None:
    patch.setattr(job_report, "_waiting", lambda _tables: {})


def check_for_ever(patch: M) -> None:
    from lambdas.uploads import ingestion  # noqa: PLC0415 - ingest has a function of this name

    check: Any = vars(ingestion)["prepare"]
    patch.setattr(ingestion, "prepare", lambda *given, **more: check(*given, **{**more, "seconds": None}))


def count_no_check(patch: M) -> None:
    patch.setattr(Ledger, "begin_check", lambda _self, upload, _until: upload)


def give_every_place(patch: M) -> None:
    def mutated(places: Places, model: str, upload_id: str, *_: Any, **__: Any) -> Places:
        return replace(places, held={**places.held, model: {upload_id: "9999-12-31T00:00:00+00:00"}})

    patch.setattr(turns, "take", mutated)


def quote_in_full(patch: M) -> None:
    patch.setattr(sources, "listed", ", ".join)
    patch.setattr(job, "cut", lambda text, *_: text)
    patch.setattr(table, "short", lambda value: value)
    patch.setattr(table, "weigh", lambda _write: None)


def replace_silently(patch: M) -> None:
    patch.setattr(Ingestion, "_tell_replaced", lambda *_: None)


def count_content_twice(patch: M) -> None:
    patch.setattr(snapshots, "_each_once", list)
    patch.setattr(uploads, "same_content", lambda *_: None)


def supersede_at_once(patch: M) -> None:
    tell = Ingestion._tell_replaced

    def mutated(self: Ingestion, upload: Upload, before: Upload) -> None:
        tell(self, upload, before)
        self.ledger.move_upload(before, UploadState.SUPERSEDED, f"by {upload.upload_id}")

    patch.setattr(Ingestion, "_tell_replaced", mutated)


def answer_early(patch: M) -> None:
    patch.setattr(kills, "ARGUMENTS", ("lazy",))
