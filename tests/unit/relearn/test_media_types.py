"""The encoding that a media type says."""

from __future__ import annotations

import pytest

from relearn.api import media_types


@pytest.mark.parametrize(
    ("media_type", "encoding"),
    [
        ("", "utf-8"),
        ("application/json", "utf-8"),
        ("application/json; charset=UTF-8", "utf-8"),
        ('application/json;charset="utf8"', "utf-8"),
        ("application/json; charset='us-ascii'", "utf-8"),
        ("text/csv; header=present; CHARSET = ascii ", "utf-8"),
        ("text/csv; charset=Shift_JIS", "shift_jis"),
        ("text/csv; charset=latin-1; charset=utf-8", "latin-1"),
        ("charset=latin-1", "utf-8"),
        ("text/csv; charset", ""),
    ],
)
def test_the_encoding_is_the_one_that_is_said_or_utf_8(media_type: str, encoding: str) -> None:
    assert media_types.charset(media_type) == encoding
