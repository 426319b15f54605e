"""Time zones are those of one pinned package, wherever a model is trained or serves."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest

from relearn.spec import zones

ROOT = Path(zones.__file__).parents[2]
LOCKS = ("training/requirements.txt", "training/requirements-glue.txt", "lambdas/requirements-host.txt")


def test_a_zone_has_its_changes() -> None:
    berlin = zones.zone("Europe/Berlin")
    assert berlin is not None
    for month in (1, 7):
        moment = datetime(2026, month, 1, tzinfo=UTC)
        assert (
            moment.astimezone(berlin).utcoffset() == moment.astimezone(ZoneInfo("Europe/Berlin")).utcoffset()
        )


def test_every_zone_that_there_is_may_be_declared() -> None:
    assert [name for name in available_timezones() - {"localtime"} if not zones.known(name)] == []


@pytest.mark.parametrize(
    "name", ["", "Asia", "Asia/Tokio", "zone.tab", "../zone", "/Asia/Tokyo", "Asia//Tokyo", 9, None]
)
def test_what_is_no_zone_may_not(name: object) -> None:
    assert not zones.known(name)


def test_a_function_without_the_rules_takes_the_word_of_a_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert zones.known("Asia/Tokyo")
    assert zones.zone("UTC") is UTC
    assert not zones.known("no zone!")


def test_who_trains_and_who_serves_have_the_same_rules() -> None:
    pinned = {
        re.findall(r"^tzdata==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)[0]
        for lock in LOCKS
    }
    assert len(pinned) == 1
