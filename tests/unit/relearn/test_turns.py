"""Whatever senders of slow files do, ingest has places left for the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.lifecycle import turns
from relearn.lifecycle.turns import AT_ONCE, OF_ONE_MODEL, SLOW_SECONDS, Places

NOW = datetime(2026, 5, 4, tzinfo=UTC)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "end", "wait"]),
        st.sampled_from("abcdefg"),
        st.integers(0, 4),
        st.integers(1, 900),
    ),
    max_size=60,
)


@dataclass
class Ingest:
    """Places as they come to be."""

    now: datetime = NOW
    places: Places = field(default_factory=Places)
    begun: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def take(self, model: str, name: str, seconds: int = 900, *, slow: bool = False) -> str:
        until = self.now + timedelta(seconds=seconds)
        got = turns.take(self.places, model, name, self.now, until, slow=slow)
        if isinstance(got, str):
            return got
        self.places = got
        self.begun[model, name] = self.now
        return ""

    def end(self, model: str, name: str) -> None:
        if began := self.begun.pop((model, name), None):
            took = (self.now - began).total_seconds()
            self.places = turns.give_back(self.places, model, name, self.now, took)

    def going(self) -> Places:
        return turns.going(self.places, self.now)


def after(steps: list[tuple[str, str, int, int]]) -> Ingest:
    ingest = Ingest()
    for what, model, number, seconds in steps:
        match what:
            case "take":
                ingest.take(model, str(number), seconds)
            case "end":
                ingest.end(model, str(number))
            case "wait":
                ingest.now += timedelta(seconds=seconds)
        going = ingest.going()
        assert going.taken <= AT_ONCE
        assert all(len(held) <= OF_ONE_MODEL < AT_ONCE for held in going.held.values())
    return ingest


@given(STEPS)
def test_no_two_models_ever_have_every_place_of_ingest(steps: list[tuple[str, str, int, int]]) -> None:
    going = after(steps).going()
    assert going.taken < AT_ONCE or len(going.held) > 2


@given(STEPS, st.sampled_from("abcdefg"))
def test_what_is_quick_gets_a_place_while_models_whose_checks_were_slow_have_the_others(
    steps: list[tuple[str, str, int, int]], quick: str
) -> None:
    ingest = after(steps)
    slow = set("abcdefg") - {quick}
    ingest.now += timedelta(seconds=901)
    for model in slow:
        ingest.take(model, "slow")
        ingest.now += timedelta(seconds=SLOW_SECONDS + 1)
        ingest.end(model, "slow")
    ingest.now += timedelta(seconds=901)
    for model in slow:
        for number in range(AT_ONCE):
            ingest.take(model, f"slow-{number}")
    assert ingest.going().taken == AT_ONCE - 1
    ingest.places = Places(
        ingest.places.held, {one: at for one, at in ingest.places.slow.items() if one != quick}
    )
    assert ingest.take(quick, "good") == ""


def test_two_models_that_send_slow_files_leave_a_place_for_a_third() -> None:
    ingest = Ingest()
    got = [ingest.take(model, str(number)) for number in range(AT_ONCE) for model in "ab"]
    assert got.count("") == AT_ONCE - 1
    assert got[-1] == "4 checks are under way; the last place is kept, for other models"
    assert ingest.take("c", "0") == ""


def test_an_upload_that_was_slow_before_never_has_the_last_place() -> None:
    ingest = Ingest()
    for model in "abcd":
        assert ingest.take(model, "0") == ""
    assert ingest.take("e", "0", slow=True).endswith("kept, for checks that were quick so far")
    assert ingest.take("e", "0") == ""


@pytest.mark.parametrize("ends", ["slow", "killed"])
def test_a_model_is_slow_after_a_slow_check_or_one_that_was_killed_and_for_an_hour(ends: str) -> None:
    ingest = Ingest()
    ingest.take("e", "0", seconds=SLOW_SECONDS + 1)
    ingest.now += timedelta(seconds=SLOW_SECONDS + 1)
    if ends == "slow":
        ingest.end("e", "0")
    for model in "abcd":
        assert ingest.take(model, "0", seconds=9000) == ""
    assert ingest.take("e", "1") != ""
    ingest.now += turns.REMEMBERED
    assert ingest.take("e", "1") == ""


def test_a_check_that_was_quick_makes_no_model_slow() -> None:
    ingest = Ingest()
    ingest.take("e", "0")
    ingest.now += timedelta(seconds=SLOW_SECONDS)
    ingest.end("e", "0")
    assert ingest.places == Places()


def test_an_upload_has_one_turn() -> None:
    ingest = Ingest()
    assert [ingest.take("a", "0") for _ in range(2)] == ["", "a check of it is under way"]


def test_a_model_has_no_more_than_its_share() -> None:
    ingest = Ingest()
    got = [ingest.take(turns.UNKNOWN, str(number)) for number in range(OF_ONE_MODEL + 1)]
    assert got[-1] == "3 checks of unknown models are under way, as many as may be at once"


def test_an_upload_comes_again_by_itself_less_often_than_lambda_takes_for_a_loop() -> None:
    pauses = [turns.pause(returns) for returns in range(20)]
    assert pauses.index(None) < 16
    assert all(pause is None or 0 < pause <= 900 for pause in pauses)


def test_a_model_whose_turn_is_given_back_keeps_its_others() -> None:
    held = {
        "a": {"0": "2026-05-04T01:00:00.000+00:00", "1": "2026-05-04T02:00:00.000+00:00"},
        "b": {"0": "2026-05-04T01:00:00.000+00:00"},
    }
    left = turns.give_back(Places(held), "a", "0", NOW, SLOW_SECONDS)
    assert left == Places({"a": {"1": held["a"]["1"]}, "b": held["b"]})
    assert turns.give_back(left, "a", "1", NOW, SLOW_SECONDS) == Places({"b": held["b"]})


def test_a_check_that_took_longer_than_a_minute_is_slow() -> None:
    slow = turns.give_back(Places(), "a", "0", NOW, SLOW_SECONDS + 0.1)
    assert slow == Places({}, {"a": "2026-05-04T00:00:00.000+00:00"})


def test_a_turn_is_held_until_its_check_has_to_be_over() -> None:
    taken = turns.take(Places(), "a", "0", NOW, NOW + timedelta(minutes=15))
    assert taken == Places({"a": {"0": "2026-05-04T00:15:00.000+00:00"}})


@pytest.mark.parametrize(
    ("until", "when"), [(None, "the sweep sends it again"), (NOW, "it comes again at 2026-05-04T00:00:00Z")]
)
def test_who_is_put_off_hears_why_and_when_it_comes_again(until: datetime | None, when: str) -> None:
    assert (
        turns.put_off("8 checks are under way", until) == f"not checked yet: 8 checks are under way; {when}"
    )


def test_the_pauses_double_up_to_what_a_queue_can_delay() -> None:
    assert [turns.pause(returns) for returns in range(14)] == [
        5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900, None, None,
    ]  # fmt: skip
