"""The parts of the Lambdas that need no AWS: settings, reports, answers, what a model waits for, logs."""

from __future__ import annotations

import io
import json
import logging
import math
import tarfile
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.aws.metrics import Meter
from lambdas.batches import lifecycle
from lambdas.http import not_serving
from lambdas.runs import job_report
from lambdas.runtime import logging as logs
from lambdas.runtime.config import Config
from lambdas.serving.backends import parse_answer
from relearn.api.jsonlines import MAX_LINE_BYTES
from relearn.errors import ConfigError, DataError, ModelFailedError
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.power import Power
from relearn.lifecycle.promotion import Reference
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming.environment import Variable
from tests.support import bombs
from tests.support.agenda import Clock
from tests.support.models import FLOWERS, PRICES
from tests.support.world import LambdaContext, tar_gz

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
EXPECTED = {"model": "flowers", "run_id": "r1", "snapshot": "s1", "spec_digest": "d1"}
REPORT: dict[str, Any] = {
    **EXPECTED,
    "candidate": {"metrics": {"f1_macro": 0.9}},
    "champion": {"version": 3, "metrics": {"f1_macro": 0.8}},
    "champion_incompatible": None,
}

# settings


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'LEDGER_TABLE'.*is set"):
        Config.from_env({"STAGE": "dev", "LEDGER_TABLE": ""}).need(Variable.LEDGER_TABLE)


def test_only_what_is_declared_is_read() -> None:
    config = Config.from_env({"STAGE": "dev", "AWS_SECRET_ACCESS_KEY": "x"})
    assert config.values == {"STAGE": "dev"}
    assert "AWS_SECRET_ACCESS_KEY" not in set(Variable)


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("30", 30)])
def test_a_debounce_override_is_a_number_of_seconds(text: str, seconds: int) -> None:
    assert Config.from_env({"DEBOUNCE_SECONDS": text}).debounce_seconds == seconds
    assert Config.from_env({}).debounce_seconds is None


def test_the_length_of_a_rollouts_steps_is_overridden_the_same_way() -> None:
    assert Config.from_env({"ROLLOUT_SECONDS": "2"}).rollout_seconds == 2
    assert Config.from_env({}).rollout_seconds is None
    with pytest.raises(ConfigError, match="ROLLOUT_SECONDS"):
        Config.from_env({"ROLLOUT_SECONDS": "soon"}).rollout_seconds  # noqa: B018


@pytest.mark.parametrize("text", ["-1", "1.5", "soon"])
def test_any_other_debounce_override_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="DEBOUNCE_SECONDS"):
        Config.from_env({"DEBOUNCE_SECONDS": text}).debounce_seconds  # noqa: B018


# reports


def read(changes: dict[str, Any] | None = None, champion: int = 3) -> job_report.Report:
    return job_report.parse_report(json.dumps({**REPORT, **(changes or {})}).encode(), EXPECTED, champion)


def test_a_report_gives_the_figures_of_both() -> None:
    assert read() == job_report.Report({"f1_macro": 0.9}, {"f1_macro": 0.8}, "")


def test_a_champion_that_could_not_be_measured_is_explained() -> None:
    why = {"version": 3, "reason": "other classes"}
    found = read({"champion": None, "champion_incompatible": why})
    told = "version 3 cannot be compared: other classes"
    assert found == job_report.Report({"f1_macro": 0.9}, None, told)


def test_a_report_gives_the_smallest_difference_that_its_rows_show() -> None:
    told = {"rows": 37, "smallest": 0.1, "confidence": 0.95, "planned": True}
    assert read({"power": told}).power == Power(37, 0.1, 0.95, planned=True)


def test_a_report_gives_the_rows_on_which_each_model_is_better() -> None:
    champion = {"version": 3, "metrics": {"f1_macro": 0.8}, "duel": {"better": 4, "worse": 1}}
    assert read({"champion": champion}).duel == {"better": 4, "worse": 1}
    assert read({}).duel == {}


@pytest.mark.parametrize("changed", [{"rows": 0}, {"smallest": math.inf}, {"smallest": -0.1}, {"rows": None}])
def test_a_smallest_difference_that_cannot_be_is_refused(changed: dict[str, Any]) -> None:
    told = {"rows": 37, "smallest": 0.1, "confidence": 0.95, "planned": True}
    with pytest.raises(DataError, match="the report is not as agreed"):
        read({"power": {**told, **changed}})


SAME = {
    "difference": 0.0, "low": -0.1, "high": 0.1, "error": 0.06, "smallest": 0.15, "confidence": 0.95, "rows": 37
}  # fmt: skip
OLDER = {"version": 2, "metrics": {"f1_macro": 0.9}, "comparison": SAME}


def read_with_reference(changes: dict[str, Any], reference: int = 2) -> job_report.Report:
    return job_report.parse_report(json.dumps({**REPORT, **changes}).encode(), EXPECTED, 3, reference)


def test_a_report_gives_the_figures_of_the_reference() -> None:
    found = job_report.reference(read_with_reference({"reference": OLDER}).reference, FLOWERS)
    assert found == Reference(2, 0.9, Comparison(0.0, -0.1, 0.1, 0.06, 0.15, 0.95, 37))


def test_a_reference_that_could_not_be_measured_is_explained() -> None:
    found = read_with_reference({"reference_incompatible": {"version": 2, "reason": "it is gone"}})
    assert (found.reference, found.reference_incompatible) == (
        None,
        "version 2 cannot be compared: it is gone",
    )


@pytest.mark.parametrize("reference", [0, 1])
def test_a_report_that_compares_with_another_reference_is_refused(reference: int) -> None:
    with pytest.raises(DataError, match=f"the report compares with version 2, not with {reference}"):
        read_with_reference({"reference": OLDER}, reference)


def test_a_report_that_does_not_mention_the_reference_is_refused() -> None:
    with pytest.raises(DataError, match="the report compares with version 0, not with 2"):
        read_with_reference({})


def test_a_reference_that_is_not_as_agreed_is_refused() -> None:
    with pytest.raises(DataError, match="what the report says of the reference is not as agreed"):
        job_report.reference({**OLDER, "metrics": {}}, FLOWERS)


@pytest.mark.parametrize("key", EXPECTED)
def test_a_report_about_something_else_is_refused(key: str) -> None:
    with pytest.raises(DataError, match=f"{key} in the report is 'other'"):
        read({key: "other"})


@pytest.mark.parametrize(
    "changes",
    [
        {"champion": None},
        {"champion": {"version": 2, "metrics": {}}},
        {"champion": None, "champion_incompatible": {"version": 2, "reason": "x"}},
    ],
)
def test_a_report_that_compares_with_another_champion_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="the report compares with version"):
        read(changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"candidate": None}, "the report is not as agreed: "),
        ({"candidate": {}}, "the report is not as agreed: "),
        ({"candidate": {"metrics": {"f1_macro": "high"}}}, "metric f1_macro is 'high', not a number"),
        ({"candidate": {"metrics": {"f1_macro": True}}}, "metric f1_macro is True, not a number"),
        ({"candidate": {"metrics": [0.9]}}, "the report is not as agreed: "),
        ({"champion": "version 3"}, "the report is not as agreed: "),
        ({"champion": {"metrics": {}}}, "the report is not as agreed: "),
    ],
)
def test_a_report_that_is_not_as_agreed_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read(changes)
    assert caught.value.code == "report"


@given(st.binary())
def test_any_bytes_are_refused_with_the_same_error(text: bytes) -> None:
    with pytest.raises(DataError):
        job_report.parse_report(text, EXPECTED, 0)
    with pytest.raises(DataError):
        job_report.unpack(text)


def test_figures_that_are_not_finite_are_not_kept() -> None:
    assert job_report.finite({"a": 1.0, "b": float("nan"), "c": float("inf")}) == {"a": 1.0}


def test_a_report_is_unpacked_with_or_without_a_leading_dot() -> None:
    files = {"report.json": b"{}", "./report.html": b"<p>", "failure": b"x"}
    assert job_report.unpack(tar_gz(files)) == {"report.json": b"{}", "report.html": b"<p>"}


@pytest.mark.parametrize("name", ["../report.json", "/report.json", "a/../../report.json"])
def test_an_output_with_a_file_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="is outside of it"):
        job_report.unpack(tar_gz({"report.json": b"{}", name: b"evil"}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_only_regular_files_are_read(kind: bytes) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("report.json")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(DataError, match=r"the job's output has no report\.json|holds a"):
        job_report.unpack(out.getvalue())


@pytest.mark.parametrize("bomb", [bombs.pax_bomb, bombs.long_name_bomb, bombs.many_members])
def test_a_bomb_in_the_headers_of_an_output_is_refused_in_little_memory(bomb: Callable[[], bytes]) -> None:
    archive = bomb()
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            job_report.unpack(archive)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024**2
    finally:
        tracemalloc.stop()
    assert caught.value.code == "report"


@pytest.mark.parametrize("what", list(bombs.ABSURD_JSON))
def test_a_report_of_absurd_json_is_refused(what: str) -> None:
    with pytest.raises(DataError) as caught:
        job_report.parse_report(bombs.ABSURD_JSON[what], EXPECTED, 0)
    assert caught.value.code == "report"


@pytest.mark.parametrize("figure", [10**18, -(10**18), 1e308])
def test_a_figure_that_64_bits_hold_is_a_figure(figure: float) -> None:
    assert read({"candidate": {"metrics": {"f1_macro": figure}}}).candidate == {"f1_macro": float(figure)}


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_read() -> None:
    bomb = tar_gz({"report.json": b"\0" * (job_report.LARGEST_FILE + 1)})
    assert len(bomb) < 100_000
    with pytest.raises(
        DataError, match=f"has {job_report.LARGEST_FILE + 1} bytes; allowed: {job_report.LARGEST_FILE}"
    ):
        job_report.unpack(bomb)


def test_an_archive_cut_short_is_refused() -> None:
    whole = tar_gz({"report.json": json.dumps(REPORT).encode() * 50})
    with pytest.raises(DataError, match="is cut off"):
        job_report.unpack(whole[: len(whole) // 2])


# answers


def test_a_sound_answer_gives_its_predictions() -> None:
    predictions = [{"label": "rose", "probabilities": {"rose": 1, "tulip": 0.0}}]
    body = json.dumps({"version": 2, "predictions": predictions}).encode()
    assert parse_answer(FLOWERS, 2, 1, body) == predictions
    cut = [{**predictions[0], "threshold": {"label": "rose", "probability": 0.25}}]
    assert parse_answer(FLOWERS, 2, 1, json.dumps({"predictions": cut}).encode()) == cut
    nameless = json.dumps({"predictions": [{"value": 1.5}]}).encode()
    assert parse_answer(PRICES, 2, 1, nameless) == [{"value": 1.5}]


@pytest.mark.parametrize(
    "threshold",
    [
        0.5,
        ["rose", 0.5],
        {"label": "rose"},
        {"label": "oak", "probability": 0.5},
        {"label": "rose", "probability": None},
    ],
)
def test_a_threshold_that_is_none_is_a_failure_of_the_model(threshold: Any) -> None:
    one = {"label": "rose", "probabilities": {"rose": 1.0}, "threshold": threshold}
    with pytest.raises(ModelFailedError):
        parse_answer(FLOWERS, 2, 1, json.dumps({"predictions": [one]}).encode())


@given(
    st.binary()
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_any_other_bytes_are_a_failure_of_the_model(body: bytes) -> None:
    with pytest.raises(ModelFailedError):
        parse_answer(PRICES, 2, 1, body)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "null", "true", '"1"', "1" + "0" * 400])
def test_a_value_that_is_no_finite_number_is_a_failure_of_the_model(value: str) -> None:
    body = b'{"predictions": [{"value": %s}]}' % value.encode()
    with pytest.raises(ModelFailedError):
        parse_answer(PRICES, 2, 1, body)


# what a model waits for


def upload(state: UploadState, reason: str = "", at: str = "1") -> Upload:
    return Upload(
        upload_id="u",
        model="m",
        table="main",
        key="k",
        version_id="v",
        sequencer="1",
        size_bytes=1,
        received_at=at,
        state=state,
        reason=reason,
    )


def run(state: RunState, reason: str = "") -> Run:
    return Run(run_id="r1", model="m", state=state, reason=reason)


@pytest.mark.parametrize(
    ("last", "uploads", "text", "seconds"),
    [
        (None, [], "the first upload", 300),
        (None, [upload(UploadState.RECEIVED)], "an upload is being checked", 15),
        (None, [upload(UploadState.ACCEPTED)], "a run is about to start", 15),
        (run(RunState.TRAINING), [], "the first version is training (run r1)", 15),
        (run(RunState.JUDGING), [], "the first version is being judged (run r1)", 15),
        (run(RunState.AWAITING_APPROVAL), [upload(UploadState.RECEIVED)],
         "the first version waits for someone to approve it (run r1)", 15),
        (run(RunState.DEPLOYING), [], "the first version is being deployed (run r1)", 15),
        (run(RunState.WATCHING), [], "the first version is being watched (run r1)", 15),
        (run(RunState.REJECTED, "worse"), [upload(UploadState.ACCEPTED)], "a run is about to start", 15),
        (run(RunState.REJECTED, "0.5 is too low"), [upload(UploadState.FAILED)],
         "better data: the last run was rejected: 0.5 is too low", 300),
        (run(RunState.FAILED, "x" * 400), [upload(UploadState.ACCEPTED)],
         "a run that ends well: the last one failed: " + "x" * 300, 300),
        (run(RunState.FAILED, "it broke"), [upload(UploadState.RECEIVED)], "an upload is being checked", 15),
        (None, [upload(UploadState.QUARANTINED, "old", "1"), upload(UploadState.QUARANTINED, "y" * 400, "3"),
                upload(UploadState.QUARANTINED, "mid", "2"), upload(UploadState.FAILED, "no", "9")],
         "data that can be used: the last upload was refused: " + "y" * 300, 300),
    ],
)  # fmt: skip
def test_a_model_says_what_it_waits_for(
    last: Run | None, uploads: list[Upload], text: str, seconds: int
) -> None:
    error = not_serving.explain(last, uploads, NOW)
    assert (error.waiting_for, error.retry_after_seconds) == (text, seconds)


def dated(table: str, hour: int, state: UploadState = UploadState.ACCEPTED) -> Upload:
    """All rows of which are dated at some hour of this day."""
    at = f"2026-05-04T{hour:02}:00:00.000+00:00"
    return replace(
        upload(state), upload_id=f"{table}{hour}", table=table, rows_waiting=3, waits_until=at, known_from=at
    )


@pytest.mark.parametrize("last", [None, run(RunState.FAILED, "it broke"), run(RunState.EMPTY)])
def test_a_model_whose_first_data_is_of_the_future_waits_for_its_time(last: Run | None) -> None:
    error = not_serving.explain(last, [upload(UploadState.ACCEPTED), dated("b", 13), dated("b", 12)], NOW)
    assert error.waiting_for.startswith("the time of upload b12: 3 rows wait for the time that is in them")
    assert error.retry_after_seconds == 300


def test_a_model_waits_for_no_time_when_it_has_other_data_of_that_table() -> None:
    found = [dated("b", 12), dated("b", 9)]
    assert not_serving.explain(None, found, NOW).waiting_for == "a run is about to start"


@given(
    st.none() | st.sampled_from(RunState).map(run),
    st.lists(st.sampled_from(UploadState).map(upload), max_size=3),
)
def test_there_is_always_something_to_wait_for(last: Run | None, uploads: list[Upload]) -> None:
    error = not_serving.explain(last, uploads, NOW)
    assert error.waiting_for
    assert error.retry_after_seconds > 0


# logs and metrics


def test_a_log_line_is_json_with_the_requests_id_and_only_the_fields_agreed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @logs.entry
    def handler(_event: Any, _context: Any) -> str:
        logging.getLogger("x").info("hello %s", "you", extra={"model": "iris", "secret": "s"})
        return logs.JsonFormatter().format(caplog.records[-1])

    line = json.loads(handler({}, LambdaContext("id-1")))
    assert (line["message"], line["model"], line["request_id"], line["level"]) == (
        "hello you",
        "iris",
        "id-1",
        "INFO",
    )
    assert "secret" not in line


def test_an_exception_is_logged_once_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    @logs.entry
    def handler(_event: Any, _context: Any) -> None:
        raise RuntimeError("broke")

    with pytest.raises(RuntimeError, match="broke"):
        handler({}, LambdaContext())
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "RuntimeError: broke" in json.loads(logs.JsonFormatter().format(record))["exception"]


def test_a_metric_is_a_line_that_cloudwatch_reads() -> None:
    lines: list[str] = []
    Meter("dev", Clock(), lines.append).count("Runs", model="iris", outcome="PROMOTED")
    line = json.loads(lines[0])
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "Relearn"
    assert metric["Metrics"] == [{"Name": "Runs", "Unit": "Count"}]
    assert {name: line[name] for name in metric["Dimensions"][0]} == {
        "stage": "dev",
        "model": "iris",
        "outcome": "PROMOTED",
    }
    assert line["Runs"] == 1


# lines of a batch's file


def test_a_line_that_is_too_long_is_given_cut_and_the_next_one_whole() -> None:
    most = MAX_LINE_BYTES
    file = io.BytesIO(b"a" * (3 * most) + b"\n" + b"b" * most + b"\nc")
    lengths = [(line[:1], len(line)) for line in lifecycle._lines(file)]
    assert lengths == [(b"a", most + 2), (b"b", most), (b"c", 1)]


# the report of a job


def test_what_the_report_says_of_the_simplest_method_is_kept_as_it_is() -> None:
    lead = {"method": "popularity"}
    assert read({"naive": lead}).naive == lead
    assert read({"onnx_sha256": "a", "contents_sha256": "b"}) == replace(
        read(), onnx_sha256="a", contents_sha256="b"
    )
