"""JSON of others means one thing, or is refused."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.api import strict_json
from relearn.errors import ArchiveError
from tests.support.bombs import ABSURD_JSON

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(DOCUMENTS)
def test_what_python_writes_is_read_back(document: Any) -> None:
    for ascii_only in (True, False):
        text = json.dumps(document, ensure_ascii=ascii_only)
        assert strict_json.loads(text.encode(), "d.json") == document


@pytest.mark.parametrize("what", list(ABSURD_JSON))
def test_absurd_documents_are_refused_by_their_name(what: str) -> None:
    with pytest.raises(ArchiveError, match=r"d\.json"):
        strict_json.loads(ABSURD_JSON[what], "d.json")


def test_a_document_larger_than_allowed_is_refused_unread() -> None:
    with pytest.raises(ArchiveError, match="has 12 bytes; allowed: 11"):
        strict_json.loads(b'["........"]', "d.json", 11)


def test_very_many_lists_are_refused_before_they_are_made() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="600002 lists and objects; allowed: 500000"):
            strict_json.loads(ABSURD_JSON["very many lists"], "d.json")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_who_looks_at_each_figure_may_take_those_that_are_none() -> None:
    found = strict_json.loads(b"[NaN, Infinity, -Infinity]", "d.json", finite=False)
    assert str(found) == "[nan, inf, -inf]"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b'{"a": [1, NaN]}', "is not JSON as allowed: got NaN at '/a/1'; allowed: numbers of JSON, which are finite"),
        (b"[-Infinity]", "is not JSON as allowed: got -Infinity at '/0'; allowed: numbers of JSON, which are finite"),
        (b'{"a": {"b": 1, "b": 2}}', "got the key 'b' twice in one object at '/a'; allowed: each key once"),
        (b'{"b": 1, "b": 2}', "got the key 'b' twice in one object at the top level; allowed: each key once"),
        (b'{"a/b": "x\\ud800"}', "got half a character, U+D800, at '/a~1b'; allowed: whole characters"),
        (b'[{"\\udc00": 1}]', "got half a character, U+DC00, in a key of the object at '/0'; allowed: whole characters"),
        (b"[1, " + b"9" * 20 + b"]", "got a whole number of 20 digits at '/1'; allowed: 19 digits"),
        (b"[1e999]", "got the number 1e999 at '/0'; allowed: what a float holds, in 64 characters"),
        (b"\xef\xbb\xbf[\xff]", "is not UTF-8: got byte 0xff at offset 4; allowed: UTF-8"),
        (b"", "is not JSON: got its end at line 1, column 1 (character 0); allowed: a value of JSON"),
        (b"[1,]", "got ',]' at line 1, column 3 (character 2); allowed: a comma only between two values"),
        (b"[1,\n ]", "got ',\\n ]' at line 1, column 3 (character 2); allowed: a comma only between two values"),
        (b"{1: 2}", "got '1: 2}' at line 1, column 2 (character 1); allowed: a name in double quotes"),
        (b'{"a" 1}', "got '1}' at line 1, column 6 (character 5); allowed: a colon"),
        (b'{"a": 1\n"b": 2}', "got '\"b\": 2}' at line 2, column 1 (character 8); allowed: a comma or the closing bracket"),
        (b"[1] [2]", "got '[2]' at line 1, column 5 (character 4); allowed: nothing more, there is one document"),
        (b'"a', "got '\"a' at line 1, column 1 (character 0); allowed: a string with a closing double quote"),
        (b'"a\x01"', "got '\\x01\"' at line 1, column 3 (character 2); allowed: control characters as escapes"),
        (b'"\\x"', "got '\\\\x\"' at line 1, column 2 (character 1); allowed: an escape of JSON"),
        (b'"\\u12"', "got 'u12\"' at line 1, column 3 (character 2); allowed: four hexadecimal digits"),
        (b"[" * 65 + b"]" * 65, "is nested more than 64 levels deep; allowed: 64"),
        (b'[NaN, {"a": 1,}]', "is not JSON: got ',}]' at line 1, column 14 (character 13); allowed: a comma only between two values"),
        (b'{"a": NaN, "b": ' + b"[" * 99_999, "is nested more than 64 levels deep; allowed: 64"),
    ],
)  # fmt: skip
def test_a_refusal_says_where_it_is_what_was_given_and_what_is_allowed(document: bytes, said: str) -> None:
    with pytest.raises(ArchiveError) as refused:
        strict_json.loads(document, "d.json")
    assert str(refused.value).startswith("d.json ")
    assert str(refused.value).endswith(said)
