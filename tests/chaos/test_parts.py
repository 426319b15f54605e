"""The simulator's parts: agenda, faults, queues; and that the documents tell what is there."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.faults import CLASSES, Faults
from tests.chaos.history import History
from tests.chaos.invariants import INVARIANTS
from tests.chaos.mutants import MUTANTS
from tests.chaos.queues import Queue, Queues
from tests.support.agenda import Agenda, Clock

PAGE = (Path(__file__).parents[2] / "docs" / "operations" / "RELIABILITY.md").read_text("utf-8")


def test_things_happen_in_the_order_of_their_time() -> None:
    agenda, seen = Agenda(Clock()), list[str]()
    agenda.after(20, "late", lambda: seen.append("late"))
    agenda.after(10, "early", lambda: seen.append("early"))
    agenda.pass_seconds(15)
    assert seen == ["early"]
    agenda.pass_seconds(15)
    assert seen == ["early", "late"]


def test_a_fault_strikes_once_at_its_chance_and_where_it_is_meant() -> None:
    faults = Faults()
    faults.arm("crash_before_a_call", 1, "judge")
    struck = [
        faults.strikes("crash_before_a_call", worker) for worker in ("judge", "ingest", "judge", "judge")
    ]
    assert struck == [False, False, True, False]
    assert faults.hits["crash_before_a_call"] == 1


def test_an_outage_lasts_and_counts_once() -> None:
    faults, clock = Faults(), Clock()
    faults.last("model_error", clock.now + timedelta(seconds=10))
    assert [faults.lasts("model_error", clock.now + timedelta(seconds=at)) for at in (0, 10, 11)] == [
        True,
        True,
        False,
    ]
    assert faults.hits["model_error"] == 1


def test_what_is_no_class_of_faults_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'typo'"):
        Faults().arm("typo")


def test_a_message_that_fails_every_try_is_a_dead_letter_with_an_alarm_and_can_be_replayed() -> None:
    clock, tries = Clock(), list[str]()
    agenda, history = Agenda(clock), History(clock)
    queues = Queues(agenda, history)

    def read(event: dict[str, Any]) -> Any:
        tries.append(event["Records"][0]["body"])
        raise RuntimeError("it broke")

    queue = queues.queues["q"] = Queue("q", seconds=30, tries=3, batch=1, window=1, read=read)
    queues.send("q", "hello")
    agenda.pass_seconds(600)
    assert (tries, [letter.body for letter in queue.dead]) == (["hello"] * 3, ["hello"])
    assert history.alarms["q_dead_letters"] == 1
    assert queues.replay("q") == 1
    agenda.pass_seconds(10)
    assert tries == ["hello"] * 4


def test_the_page_lists_every_invariant_by_the_name_of_its_function() -> None:
    section = PAGE.partition("## What must hold")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [one.__name__ for one in INVARIANTS]


def test_the_page_lists_every_class_of_faults() -> None:
    section = PAGE.partition("## What goes wrong")[2].partition("\n## ")[0]
    named = re.findall(r"`([a-z_]+)`", section.partition("Not here")[0])
    assert sorted(named) == sorted(CLASSES)


def test_the_page_lists_every_mutant() -> None:
    section = PAGE.partition("## The checker is checked")[2].partition("\n## ")[0]
    assert re.findall(r"^\| ([^|]+) \| `", section, re.MULTILINE) == [mutant.what for mutant in MUTANTS]


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda one: str(one.__name__))
def test_every_invariant_says_what_it_is(invariant: Any) -> None:
    assert len(invariant.__doc__) > 80
