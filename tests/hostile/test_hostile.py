"""A part of ``make hostile`` with every change: no door fails, decides nothing, refuses without saying why, or differs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from tests.hostile import doors
from tests.hostile.__main__ import Ask, bring, figures
from tests.hostile.inputs import BODIES, FILES, GOOD, ROWS, VALUES, Body, Input, everything
from tests.hostile.limits import OverrunError
from tests.hostile.verdicts import Reason, Tried, Verdict

STEP = 23
"""Every so many-th input: of each column and each kind of value, body and file some."""
SLOW = ("file: a long line", "file: gzip of a million lines", "body: 600,000 empty objects")
TAKEN = Verdict(True, (1,))
CLEAR = Reason("got 1; allowed: 2", "/a")


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with doors.asking() as ask:
        yield ask


def named(name: str) -> Input:
    return next(one for one in everything() if one.name == name)


def test_there_are_hundreds_of_inputs_each_with_a_name_of_its_own() -> None:
    names = [one.name for one in everything()]
    assert len(names) >= 300
    expected = len(GOOD) * (len(VALUES) + 1) + len(ROWS) + len(BODIES) + 2 * len(FILES)
    assert len(set(names)) == len(names) == expected


@pytest.mark.parametrize(
    "one",
    [one for one in islice(everything(), 0, None, STEP) if one.name not in SLOW],
    ids=lambda one: one.name,
)
def test_every_door_decides_the_same_and_says_why(ask: Ask, one: Input) -> None:
    tried = bring(one, ask)
    assert not tried.disputed, tried.said()
    assert not tried.crashed, tried.said()
    assert not tried.undecided, tried.said()
    assert not tried.unclear, tried.said()


def test_a_good_row_is_taken_at_every_door_as_the_same(ask: Ask) -> None:
    tried = bring(named("row: a good row"), ask)
    assert list(tried.verdicts) == ["ingest", "api", "batch", "container", "lines"]
    assert all(verdict.taken for verdict in tried.verdicts.values()), tried.said()
    assert not tried.disputed, tried.said()


@pytest.mark.parametrize(
    ("other", "counted"),
    [
        (TAKEN, None),
        (Verdict(True, (2,)), "disagreements"),
        (Verdict(False, reasons=(CLEAR,)), "disagreements"),
        (Verdict(None), "undecided"),
        (Verdict(None, crash="KeyError: 'x'"), "crashes"),
    ],
)
def test_what_goes_wrong_is_counted(other: Verdict, counted: str | None) -> None:
    found = figures([Tried("x", {"ingest": TAKEN, "api": other})])
    assert {name for name, count in found.items() if count and name != "inputs"} == {counted} - {None}


def test_a_door_that_takes_more_than_it_may_has_decided_nothing() -> None:
    def slow(_: object) -> Verdict:
        raise OverrunError("more than 20 s of the processor")

    assert figures([bring(Body("x", b""), slow)])["undecided"] == 1


@pytest.mark.parametrize(
    "reason",
    [
        Reason(""),
        Reason("error"),
        Reason("something went wrong here, nothing is allowed"),
        Reason("got 1; allowed: 2"),
        Reason("not a number", "/a"),
        Reason("got 1", "/a"),
        Reason("wrong; allowed: 2", "/a"),
        Reason("got 1; allowed: ", "/a"),
        Reason("not right", "line 2, column a", "x"),
        Reason("not a number", "", "x"),
        Reason("the file cannot be read: [Errno 28] No space left; allowed: a file"),
        Reason("the Parquet file cannot be read: '/tmp/x' is short; allowed: Parquet"),
        Reason("the body is not UTF-8: 'utf-8' codec can't decode byte 0x80; allowed: UTF-8"),
        Reason("got a\x1b[0m; allowed: b", "/a"),
    ],
    ids=str,
)
def test_a_refusal_without_place_value_or_what_is_allowed_or_with_a_machines_words_is_unclear(
    reason: Reason,
) -> None:
    assert figures([Tried("x", {"ingest": Verdict(False, reasons=(CLEAR, reason))})])["unclear"] == 1


def test_a_refusal_without_a_reason_is_unclear() -> None:
    assert figures([Tried("x", {"ingest": Verdict(False)})])["unclear"] == 1


@pytest.mark.parametrize(
    "reason",
    [
        CLEAR,
        Reason("missing", "line 2, column a"),
        Reason("not one of red, blue", "line 2, column a", "green"),
        Reason("above the maximum, 0.1", "line 2, column a", "3"),
        Reason("missing; allowed: a number", "/a"),
        Reason(
            "the body is not JSON: got its end at line 1, column 2 (character 1); allowed: a value of JSON"
        ),
    ],
    ids=str,
)
def test_a_refusal_with_all_three_is_clear(reason: Reason) -> None:
    assert figures([Tried("x", {"ingest": Verdict(False, reasons=(reason,))})])["unclear"] == 0
