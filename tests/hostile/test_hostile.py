"""A part of ``make hostile`` with every change: no door fails, decides nothing, refuses without saying why, or differs."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.hostile import doors
from tests.hostile.__main__ import figures
from tests.hostile.doors import Tried, Verdict
from tests.hostile.inputs import FILES, GOOD, ROWS, VALUES, Row, rows

STEP = 13
"""Every so many-th row: of each column and each kind of value some."""
TAKEN = Verdict(True, (1,))


def test_there_are_hundreds_of_inputs_each_with_a_name_of_its_own() -> None:
    names = [one.name for one in rows()] + list(FILES)
    assert len(names) >= 300
    assert len(set(names)) == len(names) == len(GOOD) * (len(VALUES) + 1) + len(ROWS) + len(FILES)


@pytest.mark.parametrize("one", [*islice(rows(), 0, None, STEP)], ids=lambda one: one.name)
def test_every_door_decides_the_same_on_a_row_and_says_why(one: Row) -> None:
    tried = doors.row(one)
    assert not tried.disputed, tried.said()
    assert not tried.crashed, tried.said()
    assert not tried.undecided, tried.said()
    assert not tried.unclear, tried.said()


@pytest.mark.parametrize("name", [*islice(FILES, 0, None, 3)])
def test_ingest_decides_on_a_file_and_says_why(name: str) -> None:
    tried = doors.file(name, *FILES[name])
    assert not tried.crashed, tried.said()
    assert not tried.undecided, tried.said()
    assert not tried.unclear, tried.said()


def test_a_good_row_is_taken_at_every_door_as_the_same() -> None:
    tried = doors.row(next(one for one in rows() if one.name == "row: a good row"))
    assert all(verdict.taken for verdict in tried.verdicts.values()), tried.said()
    assert not tried.disputed, tried.said()


@pytest.mark.parametrize(
    ("other", "counted"),
    [
        (TAKEN, None),
        (Verdict(True, (2,)), "disagreements"),
        (Verdict(False, reasons=("got 1; allowed: 2",)), "disagreements"),
        (Verdict(None), "undecided"),
        (Verdict(None, crash="KeyError: 'x'"), "crashes"),
    ],
)
def test_what_goes_wrong_is_counted(other: Verdict, counted: str | None) -> None:
    found = figures([Tried("x", {"ingest": TAKEN, "api": other})])
    assert {name for name, count in found.items() if count and name != "inputs"} == {counted} - {None}


@pytest.mark.parametrize("reasons", [(), ("",), ("error",), ("something went wrong here",)])
def test_a_refusal_that_does_not_say_what_is_wrong_is_unclear(reasons: tuple[str, ...]) -> None:
    refused = Verdict(False, reasons=reasons)
    assert figures([Tried("x", {"ingest": refused})])["unclear"] == 1
