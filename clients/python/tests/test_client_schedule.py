"""When the core asks again: properties, on a clock that the test turns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn_client import NoAnswerError, ProblemError, RelearnClientError, Retry
from relearn_client.answers import Answer, retry_after
from relearn_client.calls import models
from relearn_client.errors import Problem, error_for
from relearn_client.exchange import RETRY, Limits, Outcome, Send, exchange
from stub_api import BRIEF


def limits(deadline_seconds: float = 1, attempt_seconds: float = 1, retry: Retry = RETRY) -> Limits:
    return Limits(deadline_seconds=deadline_seconds, attempt_seconds=attempt_seconds, retry=retry)


GOOD = Answer(200, {}, b'{"models": []}')
fractions = st.floats(0, 1)
pauses = st.floats(0, 100)
retries = st.builds(
    lambda attempts, base, more: Retry(attempts=attempts, base_seconds=base, max_pause_seconds=base + more),
    st.integers(1, 8),
    pauses,
    pauses,
)
waits = st.one_of(st.none(), st.integers(0, 200))
passing = st.sampled_from([429, 500, 502, 503, 504])


def failed(status: int, wait: int | None = None) -> ProblemError:
    return error_for(Problem(status, retry_after=wait))


def reply(status: int, wait: int | None) -> Answer:
    return Answer(status, {} if wait is None else {"retry-after": str(wait)}, b"{}")


outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(reply, passing, waits), st.builds(NoAnswerError, st.just("reset")), st.just(GOOD)
)


@dataclass
class World:
    """Drives the core: time passes by its pauses, and by what each attempt takes of its allowance."""

    now: float = 1000.0
    sends: list[Send] = field(default_factory=list)
    ended: object = None

    def carry_out(self, limits: Limits, script: list[tuple[Outcome, float]], fraction: float) -> World:
        steps = exchange(models(), limits, clock=lambda: self.now, chance=lambda: fraction)
        turns = iter(script)
        try:
            send = next(steps)
            while True:
                self.sends.append(send)
                outcome, share = next(turns, (GOOD, 0.0))
                self.now += send.after + send.within * share
                send = steps.send(outcome)
        except StopIteration as end:
            self.ended = end.value
        except RelearnClientError as error:
            self.ended = error
        return self


@given(retries, st.integers(1, 20), passing, fractions)
def test_a_pause_is_the_doubled_base_up_to_the_longest_and_its_random_half(
    retry: Retry, attempt: int, status: int, fraction: float
) -> None:
    whole = min(retry.base_seconds * 2 ** (attempt - 1), retry.max_pause_seconds)
    pause = retry.pause(attempt, failed(status), fraction)
    if attempt >= retry.attempts:
        assert pause is None
    else:
        assert pause is not None
        assert whole / 2 <= pause <= whole


@given(retries, passing, st.integers(0, 400), fractions)
def test_nobody_asks_before_retry_after_nor_waits_longer_than_allowed(
    retry: Retry, status: int, wait: int, fraction: float
) -> None:
    pause = retry.pause(1, failed(status, wait), fraction)
    if wait > retry.max_pause_seconds or retry.attempts == 1:
        assert pause is None
    else:
        assert pause is not None
        assert wait <= pause <= retry.max_pause_seconds


@given(retries, st.integers(300, 599).filter(lambda status: status not in {429, 500, 502, 503, 504}), waits)
def test_what_can_not_pass_is_never_asked_again(retry: Retry, status: int, wait: int | None) -> None:
    assert retry.pause(1, failed(status, wait), 0.5) is None


@given(
    retries,
    st.floats(0.1, 300),
    st.floats(0.1, 300),
    st.lists(st.tuples(outcomes, fractions), max_size=10),
    fractions,
)
def test_a_call_ends_by_its_deadline_and_within_its_attempts(
    retry: Retry, deadline: float, attempt: float, script: list[tuple[Outcome, float]], fraction: float
) -> None:
    world = World().carry_out(limits(deadline, attempt, retry), script, fraction)
    assert 1 <= len(world.sends) <= retry.attempts
    assert world.now <= 1000 + deadline + 1e-6
    assert all(0 < send.within <= attempt for send in world.sends)
    assert world.sends[0].after == 0


@given(
    st.lists(st.builds(reply, passing, st.none()), max_size=8),
    st.integers(1, 9),
)
def test_a_call_succeeds_when_a_good_answer_comes_within_its_attempts(
    failures: list[Answer], attempts: int
) -> None:
    world = World().carry_out(
        limits(1000, 1, Retry(attempts=attempts)), [(one, 0.0) for one in failures], 0.5
    )
    if len(failures) < attempts:
        assert world.ended == []
        assert len(world.sends) == len(failures) + 1
    else:
        assert isinstance(world.ended, ProblemError)
        assert world.ended.attempts == len(world.sends) == attempts


@given(st.integers(0, 10**6))
def test_retry_after_as_a_date_is_counted_from_the_servers_clock(seconds: int) -> None:
    server = datetime(2031, 5, 4, 10, tzinfo=UTC)
    date = format_datetime(server + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(date, format_datetime(server, usegmt=True)) == seconds


def test_retry_after_in_the_past_means_now() -> None:
    assert retry_after("Mon, 05 May 2003 10:00:00 GMT", "") == 0


@given(st.text())
def test_any_retry_after_is_seconds_or_nothing(value: str) -> None:
    found = retry_after(value, value)
    assert found is None or found >= 0


@given(st.binary(), st.integers(100, 599))
def test_any_answer_is_a_result_or_one_of_our_errors(body: bytes, status: int) -> None:
    world = World().carry_out(limits(retry=Retry(attempts=1)), [(Answer(status, {}, body), 0.0)], 0.5)
    assert isinstance(world.ended, RelearnClientError)


@pytest.mark.parametrize("missing", list(BRIEF))
def test_a_missing_field_is_named(missing: str) -> None:
    body = {key: value for key, value in BRIEF.items() if key != missing}
    answer = Answer(200, {}, str({"models": [body]}).replace("'", '"').encode())
    assert missing in str(World().carry_out(limits(), [(answer, 0.0)], 0.5).ended)


@pytest.mark.parametrize(
    "values", [{"attempts": 0}, {"base_seconds": -1}, {"base_seconds": 3, "max_pause_seconds": 2}]
)
def test_a_schedule_that_can_not_be_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        Retry(**values)


@pytest.mark.parametrize("name", ["deadline_seconds", "attempt_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_limit_that_leaves_no_time_is_refused(name: str, value: float) -> None:
    changed: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=name):
        replace(limits(), **changed)
