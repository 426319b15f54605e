"""What a report says of the uploads to blame, and what of it is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relearn.lifecycle.blame import TO_BLAME, Blame, Example, Trial, settled
from relearn.lifecycle.uploads import Upload

ONE = Trial(("a" * 64,), 0.93, 0.71, -0.15, 210, blamed=True, examples=(Example(12, "cat", "dog", 15),))
TWO = Trial(("b" * 64, "c" * 64), 0.93, 0.8, -0.1, 1_200, blamed=True, fall=(0.4, 0.9))
INNOCENT = Trial(("d" * 64,), 0.93, 0.94, 0.03, 210)
FOUND = Blame((ONE, INNOCENT, TWO), fits=5)
ON_TRIAL = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


def test_a_report_is_read_as_it_was_written() -> None:
    assert Blame.from_report(FOUND.as_dict(), ON_TRIAL) == FOUND
    assert Blame.from_report(None, ON_TRIAL) is None


def test_an_upload_that_is_not_on_trial_can_not_be_to_blame() -> None:
    with pytest.raises(ValueError, match=r"upload d+ is blamed and is not on trial"):
        Blame.from_report(FOUND.as_dict(), ON_TRIAL[:3])


@pytest.mark.parametrize("changed", [{"trials": None}, {"trials": [{}]}, {"fits": "many"}])
def test_a_malformed_entry_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises((LookupError, TypeError, ValueError)):
        Blame.from_report(FOUND.as_dict() | changed, ON_TRIAL)


def test_each_upload_to_blame_has_its_figures() -> None:
    together = "without these 2 together: f1 0.9300, with these 2 together: 0.8000 on 1,200 held-out rows; the champion's accuracy is 0.4000 on its rows and 0.9000 on those held out before"
    assert FOUND.by_upload("f1") == {
        "a"
        * 64: "without it: f1 0.9300, with it: 0.7100 on 210 held-out rows; for example its line 15 (cat; the champion says dog)",
        "b" * 64: together,
        "c" * 64: together,
    }


def test_a_fall_of_an_error_is_named_as_one() -> None:
    assert (
        Trial(("a",), 3.0, 5.0, -1.0, 10, fall=(7.5, 3.0))
        .words("rmse")
        .endswith(
            "; the champion's mean absolute error is 7.5000 on its rows and 3.0000 on those held out before"
        )
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            FOUND,
            "to blame: upload aaaaaaaaaaaa (without it: f1 0.9300, with it: 0.7100 on 210 held-out rows); 2 other uploads too; for example its line 15 (cat; the champion says dog)",
        ),
        (
            Blame((INNOCENT,), fits=2, stopped="the budget of 2 fits was used up"),
            "no upload alone makes the difference; the search ended early: the budget of 2 fits was used up",
        ),
        (
            Blame(recipe=True, fits=1),
            "the recipe alone is worse on the data that served before: no upload is to blame",
        ),
    ],
)
def test_the_result_is_one_line(found: Blame, words: str) -> None:
    assert found.words("f1") == words


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            (15, 21),
            "; for example its lines 15 (cat; the champion says dog), 21 (dog; the champion says cat)",
        ),
        (
            (None, None),
            "; for example its accepted rows 12 (cat; the champion says dog), 17 (dog; the champion says cat)",
        ),
    ],
)
def test_rows_are_named_by_the_lines_of_the_file_where_the_shard_has_them(
    lines: tuple[int | None, int | None], words: str
) -> None:
    rows = (Example(12, "cat", "dog", lines[0]), Example(17, "dog", "cat", lines[1]))
    assert Blame((replace(ONE, examples=rows),)).words("f1").endswith(words)


def test_of_a_private_target_rows_are_named_without_their_values() -> None:
    rows = (Example(12, "", "", 15), Example(17, "", "", 21))
    found = Blame((replace(ONE, examples=rows),))
    assert found.words("f1").endswith("; for example its lines 15, 21")
    assert found.by_upload("f1")["a" * 64].endswith("; for example its lines 15, 21")


def test_an_example_of_a_job_of_an_earlier_release_has_no_line() -> None:
    told = FOUND.as_dict()
    told["trials"] = [dict(told["trials"][0], examples=[[12, "cat", "dog"]])]
    found = Blame.from_report(told)
    assert found is not None
    assert found.trials[0].examples == (Example(12, "cat", "dog"),)


def upload(upload_id: str, *reasons: str) -> Upload:
    return Upload(
        upload_id=upload_id, model="iris", table="main", key=upload_id, version_id="v", sequencer="5", size_bytes=1,
        received_at="2026-05-04", earlier=tuple({"state": "FAILED", "reason": why, "at": ""} for why in reasons),
    )  # fmt: skip


def test_what_a_person_brought_back_is_given_up_by_a_person_alone() -> None:
    back, new = (
        upload("a", "no capacity", f"rejected by run r, {TO_BLAME}: figures"),
        upload("b", "no capacity"),
    )
    assert settled({"a": "1", "b": "2"}, [back, new]) == ({"b": "2"}, False)
    assert settled({"a": "1"}, [back, new]) == ({"a": "1"}, True)
    assert settled({"b": "2"}, [back, new]) == ({"b": "2"}, False)
    assert settled({}, [back, new]) == ({}, False)
