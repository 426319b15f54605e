"""JSON of others means one thing, or is refused."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn import strict_json
from relearn.errors import ArchiveError
from tests.bombs import ABSURD_JSON

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
