"""How callers are shown uploads, runs and versions: every field, and null where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import call, create_autospec

import pytest

from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.presigned import Links
from lambdas.batches import requests
from lambdas.batches.lifecycle import BatchCloser
from lambdas.http import run_views, upload_views, version_views
from lambdas.http.request import InvalidParametersError, Request
from lambdas.runtime.catalog import Catalog
from relearn.api import operations, paging
from relearn.api.upload_forms import UploadForm
from relearn.lifecycle import approval
from relearn.lifecycle.batches import Batch, BatchState
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload, UploadState
from tests.support.models import FLOWERS

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
UPLOAD = Upload(
    upload_id="u1", model="iris", table="main", key="incoming/iris/day/a.csv", version_id="v", sequencer="1",
    size_bytes=7, received_at="T0",
)  # fmt: skip
POWER = {"rows": 37, "smallest": 0.11, "confidence": 0.95, "planned": False}
LISTED = {
    "model": "iris",
    "upload": "u1",
    "upload_id": "u1",
    "table": "main",
    "filename": "a.csv",
    "state": "RECEIVED",
    "reason": "",
    "size_bytes": 7,
    "rows_accepted": None,
    "rows_rejected": None,
    "rows_waiting": None,
    "waits_until": None,
    "known_from": None,
    "received_at": "T0",
    "run_id": None,
    "replaces": None,
    "same_as": None,
    "left_out": None,
}
FORM = UploadForm(
    form_id="f1", model="iris", table="main", filename="a.csv", created_at=(NOW - timedelta(hours=1)).isoformat(),
    ends_at=NOW.isoformat(),
)  # fmt: skip


def test_an_upload_that_is_being_checked_has_no_rows_yet() -> None:
    assert upload_views.brief(UPLOAD, "") == LISTED


def test_an_upload_that_was_checked_is_shown_with_its_rows() -> None:
    checked = replace(
        UPLOAD, state=UploadState.TRAINED, reason="why", rows_accepted=5, rows_rejected=2, rows_waiting=1,
        waits_until="T9", known_from="T8", run_id="r", replaces="u0", same_as="u2",
    )  # fmt: skip
    assert upload_views.brief(checked, "it is old") == LISTED | {
        "state": "TRAINED",
        "reason": "why",
        "rows_accepted": 5,
        "rows_rejected": 2,
        "rows_waiting": 1,
        "waits_until": "T9",
        "known_from": "T8",
        "run_id": "r",
        "replaces": "u0",
        "same_as": "u2",
        "left_out": "it is old",
    }


def test_an_upload_is_shown_with_the_way_it_went() -> None:
    went = replace(UPLOAD, state=UploadState.QUARANTINED, times={"QUARANTINED": "T1", "RECEIVED": "T1"})
    rows: list[dict[str, Any]] = [{"line": 2}]
    found = upload_views.whole(went, "", rows)
    assert found["states"] == [{"state": "RECEIVED", "at": "T1"}, {"state": "QUARANTINED", "at": "T1"}]
    assert (found["upload"], found["rejected_rows"]) == ("u1", rows)


def test_an_upload_that_came_by_a_form_has_the_forms_id_and_begin() -> None:
    found = upload_views.whole(replace(UPLOAD, times={"RECEIVED": "T1"}), "", [], FORM)
    assert (found["upload"], found["upload_id"]) == ("f1", "u1")
    assert found["states"] == [
        {"state": "WAITING_FOR_FILE", "at": FORM.created_at},
        {"state": "RECEIVED", "at": "T1"},
    ]


def test_a_form_without_a_file_is_shown_as_the_upload_it_may_become() -> None:
    found = upload_views.waiting(FORM, NOW - timedelta(minutes=30))
    nothing = dict.fromkeys(set(LISTED) - {"model", "upload", "table", "filename", "state", "reason"})
    assert found == {
        **nothing,
        "model": "iris",
        "upload": "f1",
        "table": "main",
        "filename": "a.csv",
        "state": "WAITING_FOR_FILE",
        "reason": "",
        "states": [{"state": "WAITING_FOR_FILE", "at": FORM.created_at}],
        "rejected_rows": [],
    }


def test_a_form_whose_time_is_over_says_what_to_do() -> None:
    found = upload_views.waiting(FORM, NOW + timedelta(days=2))
    assert found["state"] == "EXPIRED"
    assert found["reason"] == f"no file came before the form's end, {FORM.ends_at}; begin another upload"
    assert found["states"][1:] == [{"state": "EXPIRED", "at": FORM.ends_at}]


RUN = Run(run_id="r", model="iris", state=RunState.TRAINING)


def test_a_run_that_has_not_ended_shows_null_for_what_is_not_known() -> None:
    assert run_views.brief(RUN) == {
        "run_id": "r",
        "state": "TRAINING",
        "reason": "",
        "started_at": None,
        "ended_at": None,
        "version": None,
        "metrics": RUN.metrics,
        "champion_version": None,
        "champion_metrics": RUN.champion_metrics,
    }


def test_a_run_is_shown_with_its_figures_and_the_way_it_went() -> None:
    ended = replace(
        RUN, state=RunState.PROMOTED, reason="better", started_at="T1", ended_at="T2", version=8,
        metrics={"f1_macro": 0.9}, champion_version=7, champion_metrics={"f1_macro": 0.8}, uploads=("a",),
        snapshot=("a", "b"), rows_waiting={"main": 3}, power=POWER, times={"PROMOTED": "T2", "TRAINING": "T1", "JUDGING": "T2", "DEPLOYING": ""},
    )  # fmt: skip
    found = run_views.whole(ended)
    assert found["states"] == [
        {"state": "TRAINING", "at": "T1"},
        {"state": "JUDGING", "at": "T2"},
        {"state": "PROMOTED", "at": "T2"},
    ]
    assert {name: found[name] for name in ("started_at", "ended_at", "version", "champion_version")} == {
        "started_at": "T1", "ended_at": "T2", "version": 8, "champion_version": 7,
    }  # fmt: skip
    assert (found["metrics"], found["champion_metrics"]) == ({"f1_macro": 0.9}, {"f1_macro": 0.8})
    assert (found["uploads"], found["snapshot"], found["rows_waiting"]) == (["a"], ["a", "b"], {"main": 3})
    assert found["power"] == POWER
    assert run_views.whole(replace(RUN, power={}))["power"] is None


@pytest.fixture
def ledger() -> Any:
    found = create_autospec(Ledger, instance=True)
    found.runs.return_value = [replace(RUN, run_id=name) for name in ("c", "b", "a")]
    return found


def test_a_page_of_runs_that_is_full_says_where_the_next_begins(ledger: Any) -> None:
    page = run_views.page(ledger, "iris", {"limit": "2", "next": paging.cursor("d")})
    assert [run["run_id"] for run in page["runs"]] == ["c", "b"]
    assert page["next"] == paging.cursor("b")
    assert ledger.runs.mock_calls == [call("iris", newest=3, before="d")]


def test_the_last_page_of_runs_has_no_next(ledger: Any) -> None:
    page = run_views.page(ledger, "iris", {"limit": "3"})
    assert (len(page["runs"]), page["next"]) == (3, None)
    run_views.page(ledger, "iris", {})
    assert ledger.runs.mock_calls[-1] == call("iris", newest=paging.DEFAULT_LIMIT + 1, before="")


def test_everything_wrong_with_the_parameters_of_a_list_is_told(ledger: Any) -> None:
    with pytest.raises(InvalidParametersError) as caught:
        run_views.page(ledger, "iris", {"limit": "0", "next": "?", "sort": "x"})
    assert caught.value.errors == {
        "sort": "unknown; allowed: limit, next",
        "limit": f"got '0'; allowed: a whole number, 1 to {paging.MAX_LIMIT}",
        "next": "got '?'; allowed: what an earlier answer gave as next",
    }


def test_a_version_is_shown_with_what_was_decided_about_it() -> None:
    version = Version(model="iris", version=8, run_id="r", reason="why", metrics={"f1_macro": 0.9})
    shown = {
        "version": 8,
        "state": "REGISTERED",
        "reason": "why",
        "run_id": "r",
        "metrics": {"f1_macro": 0.9},
        "approval": None,
        "created_at": None,
    }
    assert version_views.brief(version) == shown
    asked = replace(version, state=VersionState.LIVE, created_at="T", approval=approval.begin(NOW, 1))
    waits = {
        "state": "WAITING",
        "hours": 1,
        "until": "2026-05-04T11:00:00.000+00:00",
        "who": "",
        "why": "",
        "at": None,
    }
    assert version_views.brief(asked) == shown | {"state": "LIVE", "created_at": "T", "approval": waits}


def test_a_batch_that_waits_shows_null_for_what_is_not_known() -> None:
    batch = Batch(batch_id="b", model="iris", created_at="T0")
    assert requests._brief(batch) == {
        "model": "iris",
        "batch": "b",
        "state": "WAITING_FOR_FILE",
        "reason": "",
        "version": None,
        "rows": None,
        "failed": None,
        "created_at": "T0",
        "ended_at": None,
    }


@pytest.mark.parametrize("state", [BatchState.SUCCEEDED, BatchState.FAILED])
def test_a_batch_that_ended_shows_when_and_how_many_rows(state: BatchState) -> None:
    batch = Batch(
        batch_id="b", model="iris", created_at="T0", state=state, reason="why", version=3, rows=9, failed=0,
        times={state: "T1"},
    )  # fmt: skip
    shown = requests._brief(batch)
    assert (shown["state"], shown["reason"], shown["ended_at"]) == (state, "why", "T1")
    assert (shown["version"], shown["rows"], shown["failed"]) == (3, 9, 0)


def test_the_list_of_batches_is_the_models_own() -> None:
    records, known = create_autospec(BatchRecords, instance=True), create_autospec(Catalog, instance=True)
    records.newest.return_value = [Batch(batch_id="b", model="flowers", created_at="T0")]
    known.spec = lambda model: {"flowers": FLOWERS}[model]
    nobody = create_autospec(Ledger, instance=True)
    service = requests.Batches(
        ledger=nobody, records=records, links=create_autospec(Links, instance=True),
        closer=create_autospec(BatchCloser, instance=True), catalog=known, uploads="uploads", lake="lake",
        clock=lambda: NOW,
    )  # fmt: skip
    request = Request(
        id="i", path="/", model="flowers", content_type="", body=b"", route=operations.LIST_BATCHES.key,
        parameters={"model": "flowers"},
    )  # fmt: skip
    assert [one["batch"] for one in service.list_batches(request)["batches"]] == ["b"]
    assert records.newest.mock_calls == [call("flowers", requests.LISTED)]
