"""A link is promised no longer than the credentials that sign it are known to last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from relearn.lifecycle import signing

NOW = datetime(2026, 5, 4, 10, 0, 0, 900_000, UTC)
FULL = NOW.replace(microsecond=0) + timedelta(seconds=signing.SECONDS)


@pytest.mark.parametrize(
    ("credentials_end", "end"),
    [
        (NOW + timedelta(hours=1), FULL),
        (FULL + signing.MARGIN, FULL),
        (FULL + signing.MARGIN - timedelta(seconds=1), FULL - timedelta(seconds=1)),
        (NOW + timedelta(minutes=5), NOW.replace(microsecond=0) + timedelta(minutes=4)),
    ],
    ids=["credentials last longer", "just as long", "a second less", "much less"],
)
def test_a_link_ends_after_its_life_or_a_margin_before_its_credentials(
    credentials_end: datetime, end: datetime
) -> None:
    assert signing.ends_at(credentials_end, signing.SECONDS, NOW) == end


def test_the_end_is_a_whole_second_as_signatures_have_them() -> None:
    assert signing.ends_at(NOW + timedelta(hours=1), 10, NOW).isoformat() == "2026-05-04T10:00:10+00:00"


@pytest.mark.parametrize(
    ("left", "can"),
    [
        (timedelta(seconds=signing.SECONDS) + signing.MARGIN, True),
        (timedelta(seconds=signing.SECONDS - 1) + signing.MARGIN, False),
    ],
    ids=["as long", "a second less"],
)
def test_credentials_sign_as_long_as_they_outlast_a_link_by_the_margin(left: timedelta, *, can: bool) -> None:
    assert signing.can_sign(NOW + left, signing.SECONDS, NOW) is can


def test_new_credentials_sign_many_links() -> None:
    """One hour is what AWS gives a role that assumes another, whatever is asked: "Methods to assume a role", IAM User Guide."""
    assert signing.SESSION_SECONDS == 3600
    spare = signing.SESSION_SECONDS - signing.SECONDS - signing.MARGIN.total_seconds()
    assert spare >= 600
