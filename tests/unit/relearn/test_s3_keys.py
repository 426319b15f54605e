"""Keys are read as they were written, and what is no upload is told by its key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.naming import filenames, s3_keys
from tests.support.strategies import MODEL_NAMES

DATA_NAMES = st.text(min_size=1).filter(lambda name: name[0] != "/" and not filenames.no_data(name))


@given(MODEL_NAMES, DATA_NAMES)
def test_the_key_of_an_upload_is_read_back(model: str, name: str) -> None:
    found = s3_keys.parse_incoming(s3_keys.incoming_prefix(model) + name)
    assert found == s3_keys.IncomingKey(model=model, name=name)
    assert found.table(("main",)) == "main"


@given(MODEL_NAMES, DATA_NAMES)
def test_the_key_of_an_upload_of_one_of_several_tables_names_it(model: str, name: str) -> None:
    found = s3_keys.parse_incoming(s3_keys.incoming_prefix(model, "events") + name)
    assert found == s3_keys.IncomingKey(model=model, name=f"events/{name}")
    assert found.table(("customers", "events")) == "events"


@pytest.mark.parametrize(
    "name", ["a.csv", "events", "event/a.csv", "x/events/a.csv", "main/a.csv", "Events/a.csv"]
)
def test_a_key_that_names_none_of_several_tables_is_told(name: str) -> None:
    found = s3_keys.parse_incoming(f"incoming/churn/{name}")
    assert found is not None
    assert found.table(("customers", "events")) is None


@pytest.mark.parametrize(
    "key",
    ["", "incoming", "incoming/", "incoming/iris", "incoming/iris/", "incoming//a.csv", "incoming/iris/sub/",
     "Incoming/iris/a.csv", "datasets/iris/main/a.parquet", "quarantine/iris/u/object"],
)  # fmt: skip
def test_what_is_no_upload_is_told_by_its_key(key: str) -> None:
    assert s3_keys.parse_incoming(key) is None


NO_DATA = [
    "folder/", "_SUCCESS", "_started_123", "_committed_123", "_temporary/0/part-0.csv", "out/_temporary/0/part-0.csv",
    ".part-0.csv.crc", "out/.part-0.csv.crc", ".hive-staging/x.csv", ".DS_Store", "._a.csv", "__MACOSX/a.csv", "a_$folder$",
    "Thumbs.db", "desktop.ini", "a.csv.part", "a.csv.tmp", "a.csv.TMP", "a.csv.crdownload", "a.csv.filepart", "a.csv~",
    "a.csv._COPYING_", "~$a.csv", ".a.csv.swp", "a.csv.swp",
]  # fmt: skip


@pytest.mark.parametrize("name", NO_DATA)
def test_what_programs_leave_beside_data_is_no_upload_of_a_model_or_of_one_of_its_tables(name: str) -> None:
    assert s3_keys.parse_incoming(f"incoming/iris/{name}") is None
    assert s3_keys.parse_incoming(f"incoming/churn/events/{name}") is None


@pytest.mark.parametrize(
    "name", ["part-00000-a.snappy.parquet", "a_b.csv", "day=1/a.csv", "_day=1/a.csv", "a.b.csv", "tmp/a.csv", "part.csv",
             "2026.part.csv", "x~y.csv"],
)  # fmt: skip
def test_names_that_only_resemble_those_are_uploads(name: str) -> None:
    assert s3_keys.parse_incoming(f"incoming/iris/{name}") == s3_keys.IncomingKey(model="iris", name=name)


@given(st.text())
def test_any_key_is_read_without_an_error(key: str) -> None:
    s3_keys.parse_incoming(key)


@given(st.from_regex(r"[a-z0-9-]{3,20}", fullmatch=True), st.text())
def test_an_s3_uri_is_read_back(bucket: str, key: str) -> None:
    assert s3_keys.parse_uri(s3_keys.uri(bucket, key)) == (bucket, key)


def test_our_own_outputs_are_never_under_the_prefix_of_uploads() -> None:
    made = [
        s3_keys.shard_key("iris", "u"),
        s3_keys.quarantine_prefix("iris", "u"),
        s3_keys.snapshot_key("iris", "r"),
        s3_keys.report_key("iris", "r", "report.json"),
        s3_keys.artifact_prefix("iris"),
    ]
    assert [key for key in made if s3_keys.parse_incoming(key)] == []


def test_a_key_is_where_stages_that_are_deployed_have_it() -> None:
    made = {
        "incoming/iris/": s3_keys.incoming_prefix("iris"),
        "incoming/churn/events/": s3_keys.incoming_prefix("churn", "events"),
        "incoming/iris/f1/a.csv": s3_keys.form_key("iris", "f1", "a.csv"),
        "incoming/churn/events/f1/a.csv": s3_keys.form_key("churn", "f1", "a.csv", "events"),
        "datasets/iris/main/u.parquet": s3_keys.shard_key("iris", "u"),
        "datasets/churn/events/u.parquet": s3_keys.shard_key("churn", "u", "events"),
        "profiles/iris/main/u.json": s3_keys.profile_key("iris", "u"),
        "profiles/churn/events/u.json": s3_keys.profile_key("churn", "u", "events"),
        "profiles/iris/main/u.keys.parquet": s3_keys.keys_key("iris", "u"),
        "profiles/churn/events/u.keys.parquet": s3_keys.keys_key("churn", "u", "events"),
        "quarantine/iris/u/rows.jsonl": s3_keys.rejected_key("iris", "u"),
        "snapshots/iris/r.manifest": s3_keys.snapshot_key("iris", "r"),
        "features/iris/online/r.jsonl": s3_keys.online_key("iris", "r"),
        "features/iris/online/": s3_keys.online_prefix("iris"),
        "spark/iris/r/": s3_keys.spark_prefix("iris", "r"),
        "reports/iris/r/data.html": s3_keys.data_report_key("iris", "r"),
        "reports/iris/r/data.json": s3_keys.data_report_key("iris", "r", "json"),
        "models/iris": s3_keys.artifact_prefix("iris"),
        "experiments/iris": s3_keys.experiment_prefix("iris"),
        "batches/iris/b/input.jsonl": s3_keys.batch_input_key("iris", "b"),
        "batches/iris/b/result": s3_keys.batch_output_prefix("iris", "b"),
        "batches/iris/b/result/input.jsonl.out": s3_keys.batch_output_key("iris", "b"),
        "batches/iris/b/answers.jsonl": s3_keys.batch_answers_key("iris", "b"),
    }
    assert made == {name: name for name in made}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("batches/iris/b/input.jsonl", ("iris", "b")),
        ("batches/iris/b/answers.jsonl", None),
        ("models/iris/b/input.jsonl", None),
        ("batches/iris/input.jsonl", None),
        ("batches/iris/b/c/input.jsonl", None),
    ],
)
def test_only_a_batchs_own_file_is_read_as_one(key: str, expected: tuple[str, str] | None) -> None:
    assert s3_keys.parse_batch_input(key) == expected


def test_a_model_with_one_table_takes_any_name_for_it() -> None:
    key = s3_keys.IncomingKey(model="iris", name="events/a.csv")
    assert key.table(("main",)) == "main"


def test_the_first_folder_names_the_table_whatever_comes_after_it() -> None:
    key = s3_keys.IncomingKey(model="churn", name="events/day=1/a.csv")
    assert key.table(("customers", "events")) == "events"
