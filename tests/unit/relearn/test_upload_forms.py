"""What a caller may call a file, and how a form stands until one came."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.api import upload_forms
from relearn.api.upload_forms import FormState, UploadForm
from relearn.errors import InvalidUploadError
from relearn.naming import filenames, ids, s3_keys
from relearn.spec.model import ModelSpec
from training import catalog

AT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
LONGEST_MODEL = "m" * 20
LONGEST_TABLE = "t" * 63
SPECS = catalog.load()


@pytest.mark.parametrize(
    "name",
    [
        "new.csv", "NEW.CSV", "a.b.jsonl", "x.ndjson", "x.json", "x.parquet", "x.csv.gz", "x.JSONL.GZ", "größe 1+2%.csv",
        "データ.csv", "😀.csv", "*?&=#.csv", "x" * 196 + ".csv",
    ],
)  # fmt: skip
def test_a_name_that_says_what_is_in_the_file_is_allowed(name: str) -> None:
    assert filenames.is_allowed(name)
    assert re.search(filenames.PATTERN, name)


@pytest.mark.parametrize(
    "name",
    [
        ".a.csv", "_a.csv", "_day=1.csv", ".csv.csv", "", "new", "new.xlsx", "new.zip", ".csv", "new.csv ", "new.csv\n", "x.gz", "x.parquet.gz", "x.csv.gz.gz",
        "a/b.csv", "../b.csv", "a\\b.csv", "${filename}.csv", "a\x00.csv", "a\n.csv", "a\x85.csv", "a\ufffe.csv",
        "\ud83d.csv", "x" * 197 + ".csv", None, 7, True, ["new.csv"],
    ],
)  # fmt: skip
def test_any_other_name_is_refused(name: object) -> None:
    assert not filenames.is_allowed(name)


@given(st.text(max_size=210).map(lambda name: name + ".csv"))
def test_a_name_that_is_allowed_makes_a_key_of_one_upload_that_s3_takes(name: str) -> None:
    if not filenames.is_allowed(name):
        return
    key = s3_keys.form_key(LONGEST_MODEL, ids.form_id(AT, "seed"), name, LONGEST_TABLE)
    assert len(key.encode()) <= 1024
    assert key.rpartition("/")[2] == name
    found = s3_keys.parse_incoming(key)
    assert found is not None
    assert found.model == LONGEST_MODEL


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["filename", "table"]), inner)
        ),
    ),
    st.sampled_from(list(SPECS.values())),
)
def test_any_body_gives_an_allowed_name_or_says_what_is_wrong(body: object, spec: ModelSpec) -> None:
    try:
        name = upload_forms.check_request(spec, body).filename
    except InvalidUploadError as error:
        told = [one.detail for one in error.errors]
    else:
        told = [name] if filenames.is_allowed(name) else []
    assert told
    assert all(told)


def test_a_model_with_tables_wants_to_know_which() -> None:
    asked = upload_forms.check_request(SPECS["churn"], {"filename": "a.csv", "table": "events"})
    assert asked == upload_forms.UploadRequest("a.csv", "events")
    for body in ({"filename": "a.csv"}, {"filename": "a.csv", "table": "orders"}):
        with pytest.raises(InvalidUploadError, match=r"/table: got .*; allowed: one of customers, events"):
            upload_forms.check_request(SPECS["churn"], body)


def test_a_model_of_one_table_takes_no_name_of_one() -> None:
    with pytest.raises(InvalidUploadError, match="/table: unknown field; allowed: filename"):
        upload_forms.check_request(SPECS["iris"], {"filename": "a.csv", "table": "main"})


def test_a_forms_id_is_no_uploads_id() -> None:
    assert not ids.is_upload_id(ids.form_id(AT, "seed"))
    assert ids.is_upload_id(ids.upload_id("b", "k", "v"))


def test_ids_of_forms_sort_by_time() -> None:
    made = [ids.form_id(AT + timedelta(seconds=second), str(second)) for second in range(3)]
    assert sorted(made) == made


@pytest.mark.parametrize(
    ("seconds", "state"), [(3600, FormState.WAITING_FOR_FILE), (3601, FormState.EXPIRED)]
)
def test_a_form_expires_when_s3_takes_no_file_any_more(seconds: int, state: FormState) -> None:
    ends_at = (AT + timedelta(hours=1)).isoformat()
    form = UploadForm(form_id="f", model="m", filename="a.csv", created_at=AT.isoformat(), ends_at=ends_at)
    assert upload_forms.state(form, AT + timedelta(seconds=seconds)) is state
