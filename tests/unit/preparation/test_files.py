"""Which files are refused whole, and with which code."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preparation import Outcome, Refusal
from tests.support.examples import examples
from tests.support.prepare_data import Upload, as_csv, as_json_lines, make_spec, zipped

GOOD = {"who": "a", "size": 1, "free": None, "note": None, "flag": None, "at": None, "label": "low"}
HEADER = "who,size,label\n"


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return Upload(tmp_path)


def write_parquet(select: str, path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")


def refusal(prepared: Outcome) -> Refusal:
    assert prepared.refusal is not None, prepared
    assert prepared.shard is None
    return prepared.refusal


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff", "who,size,label", "who,size,label\n\n\n"])
def test_a_file_without_rows_is_empty(upload: Upload, content: str) -> None:
    assert refusal(upload(content)).code == "empty"


def test_an_empty_gzip_is_empty(upload: Upload) -> None:
    assert refusal(upload(zipped(""), "x.csv.gz")).code == "empty"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("who,label", "missing: size"),
        ("who,size,label,colour", "unknown: colour"),
        ("who,Size,label", "missing: size; unknown: Size"),
        ("who,size,label,size", "given twice: size"),
        ("who,size,label,", "unknown: (no name)"),
    ],
)
def test_a_header_that_does_not_fit_the_spec_is_refused_with_the_columns(
    upload: Upload, header: str, said: str
) -> None:
    found = refusal(upload(header + "\n1,2,3\n"))
    assert found.code == "schema"
    assert said in found.detail


def test_optional_columns_may_be_missing_and_names_may_have_spaces_around_them(upload: Upload) -> None:
    assert upload(" label , size,who\nlow,1,a\n").rows_accepted == 1


def test_json_rows_that_all_lack_a_column_are_a_schema_fault(upload: Upload) -> None:
    found = refusal(upload('{"who": "a", "label": "low"}\n' * 3, "x.jsonl", make_spec(max_bad_row_rate=0.1)))
    assert (found.code, found.detail) == (
        "schema",
        "columns missing: size in every row; allowed: who, size, free (optional), note (optional), flag (optional), at (optional), label",
    )


def test_json_rows_that_all_have_an_unknown_column_are_a_schema_fault(upload: Upload) -> None:
    found = refusal(upload(as_json_lines([{**GOOD, "x": 1}] * 3), "x.jsonl", make_spec(max_bad_row_rate=0.1)))
    assert (found.code, found.detail) == (
        "schema",
        "columns unknown: x in every row; allowed: who, size, free (optional), note (optional), flag (optional), at (optional), label",
    )


def test_text_that_is_not_utf8_is_refused_with_its_line_and_offset(upload: Upload) -> None:
    found = refusal(upload(HEADER.encode() + b"a,1,low\ncaf\xe9,1,low\n"))
    assert found.code == "encoding"
    assert "0xe9 on line 3, byte offset 26" in found.detail


def test_utf16_is_recognised(upload: Upload) -> None:
    found = refusal(upload((HEADER + "a,1,low\n").encode("utf-16")))
    assert found.code == "encoding"
    assert "UTF-16" in found.detail


@pytest.mark.parametrize("name", ["x.csv.gz", "x.csv", "x"])
def test_gzip_is_known_by_its_content(upload: Upload, name: str) -> None:
    assert upload(zipped(HEADER + "a,1,low\n"), name).rows_accepted == 1


@pytest.mark.parametrize("name", ["x", "x.data", "no-suffix.v2"])
def test_a_name_that_says_nothing_leaves_it_to_the_content(upload: Upload, name: str) -> None:
    assert upload(as_csv([GOOD]), name).rows_accepted == 1
    assert upload(as_json_lines([GOOD]), name).rows_accepted == 1


def test_damaged_gzip_is_refused_wherever_the_damage_is(upload: Upload) -> None:
    whole = zipped(HEADER + "".join(f"a{i},{i % 900},low\n" for i in range(50_000)))
    for damaged in (whole[:12], whole[: len(whole) // 2], whole[:-4], whole[:-8] + b"12345678"):
        assert refusal(upload(damaged, "x.csv.gz")).code == "format"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv.gz", b"who,size,label\na,1,low\n", "is not gzip"),
        ("x.csv", b"PAR1....PAR1", "its content is Parquet"),
        ("x.parquet", b"who,size,label\na,1,low\n", "its content is CSV"),
        ("x.csv", b'{"who": "a"}\n', "its content is JSON Lines"),
        ("x.json", b'[{"who": "a"}]\n', "a JSON array"),
        ("x.xlsx", b"PK\x03\x04....", "an Excel workbook"),
        ("x.parquet", b"PAR1 and nothing that Parquet has", "cannot be read"),
        ("x.parquet.gz", gzip.compress(b"PAR1....PAR1", mtime=0), "Parquet inside gzip"),
        ("x.csv", b"who,size,label\ra,1,low\r", "bare carriage return"),
        ("x.csv", b'"who,size\n', "the header on line 1 cannot be read"),
        (
            "x.jsonl",
            b"who,size,label\na,1,low\n",
            "no line of the file is JSON as allowed: not a JSON object",
        ),
        ("x.csv", b"who,size,label\na,1,low" + b" " * 1_100_000, "line 2 is longer than"),
    ],
)
def test_content_that_is_not_what_was_promised_is_a_format_fault(
    upload: Upload, name: str, content: bytes, said: str
) -> None:
    found = refusal(upload(content, name))
    assert found.code == "format"
    assert said in found.detail


def test_nested_parquet_columns_are_a_schema_fault(upload: Upload) -> None:
    path = upload.folder / "nested.parquet"
    write_parquet("SELECT 'a' AS who, [1] AS size, 'low' AS label", path)
    found = refusal(upload(path.read_bytes(), "x.parquet"))
    assert found.code == "schema"
    assert "size is INTEGER[]" in found.detail


@pytest.mark.parametrize(("bad", "code"), [(1, None), (2, "bad_row_rate")])
def test_bad_rows_are_tolerated_up_to_the_specs_rate_and_no_further(
    upload: Upload, bad: int, code: str | None
) -> None:
    content = HEADER + "a,1,low\n" * (20 - bad) + "a,wide,low\n" * bad
    prepared = upload(content, spec=make_spec(max_bad_row_rate=0.05))
    assert (prepared.refusal.code if prepared.refusal else None) == code
    assert (prepared.rows_accepted, prepared.rows_rejected) == (20 - bad, bad)
    assert prepared.rejected is not None


def test_a_file_over_the_size_limit_is_too_large(upload: Upload) -> None:
    assert refusal(upload(HEADER + "a,1,low\n" * 10, spec=make_spec(max_bytes=50))).code == "too_large"


def test_gzip_that_unpacks_to_too_much_is_too_large(upload: Upload) -> None:
    content = zipped(HEADER + "a,1,low\n" * 10_000)
    found = refusal(upload(content, "x.csv.gz", spec=make_spec(max_bytes=len(content))))
    assert found.code == "too_large"


def test_parquet_with_more_values_than_bytes_allowed_is_too_large(upload: Upload) -> None:
    path = upload.folder / "bomb.parquet"
    write_parquet("SELECT 'a' AS who, 1 AS size, 'low' AS label FROM range(1000000)", path)
    spec = make_spec(max_bytes=path.stat().st_size)
    assert refusal(upload(path.read_bytes(), "x.parquet", spec)).code == "too_large"


def test_one_label_alone_is_refused_unless_the_spec_allows_it(upload: Upload) -> None:
    content = HEADER + "a,1,low\n" * 3
    found = refusal(upload(content, spec=make_spec(allow_one_class=False)))
    assert (found.code, "'low'" in found.detail) == ("one_class", True)
    assert upload(content, spec=make_spec(allow_one_class=True)).refusal is None


def test_fewer_good_rows_than_the_spec_wants_are_too_few(upload: Upload) -> None:
    assert refusal(upload(HEADER + "a,1,low\n" * 3, spec=make_spec(min_rows=4))).code == "too_few_rows"


def test_a_file_of_bad_rows_alone_is_refused_even_when_every_rate_is_tolerated(upload: Upload) -> None:
    assert refusal(upload(HEADER + "a,wide,low\n")).code == "too_few_rows"


def test_nothing_but_the_shard_and_the_rejected_rows_is_left_behind(upload: Upload) -> None:
    upload(HEADER + "a,1,low\nb,wide,low\n")
    assert {path.name for path in (upload.folder / "work").iterdir()} <= {
        "shard.parquet",
        "rows.jsonl",
        "spill",
    }


@examples(150)
@given(
    content=st.binary(max_size=300),
    name=st.sampled_from(["x.csv", "x.jsonl", "x", "x.csv.gz", "x.parquet"]),
    lead=st.sampled_from([b"", HEADER.encode(), b"\x1f\x8b", b"PAR1", b"{"]),
)
def test_no_bytes_whatever_make_it_raise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str, lead: bytes
) -> None:
    prepared = Upload(tmp_path_factory.getbasetemp())(lead + content, name)
    assert (prepared.refusal is None) == (prepared.shard is not None)
