"""What is asked behind a limit ends, whatever it does, and who asks goes on."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.hostile.limits import Limited, OverrunError


def done(what: str) -> str:
    """Do what is asked."""
    match what:
        case "spin":
            return str(re.match(r"(a+)+$", "a" * 60 + "b"))
        case "wait":
            threading.Event().wait()
        case "die":
            os._exit(7)
        case "fill the memory":
            return str(len(bytearray(64 * 1024**3)))
    return f"{what} by {os.getpid()}"


@contextmanager
def doing() -> Iterator[Callable[[str], str]]:
    def answer(what: str) -> str:
        try:
            return done(what)
        except MemoryError:
            return "MemoryError"

    yield answer


@contextmanager
def failing() -> Iterator[Callable[[str], str]]:
    raise RuntimeError("no such thing")
    yield done


@pytest.fixture
def limited() -> Iterator[Limited[str, str]]:
    with Limited[str, str](doing, cpu_seconds=1) as limited:
        yield limited


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("spin", "more than 1 s of the processor"),
        ("die", "its process ended with 7"),
    ],
)
def test_what_overruns_is_ended_and_the_next_is_answered_by_another_process(
    limited: Limited[str, str], what: str, said: str
) -> None:
    first = limited("a")
    assert limited("a") == first
    with pytest.raises(OverrunError, match=said):
        limited(what)
    assert limited("a").startswith("a by ")
    assert limited("a") != first


def test_what_waits_for_nothing_is_ended_by_the_clock() -> None:
    with (
        Limited[str, str](doing, silent_seconds=0.1) as limited,
        pytest.raises(OverrunError, match="without work"),
    ):
        limited("wait")


def test_more_memory_than_there_may_be_is_not_given(limited: Limited[str, str]) -> None:
    assert limited("fill the memory") == "MemoryError"


def test_what_can_not_be_made_ends_the_run() -> None:
    with Limited[str, str](failing) as limited, pytest.raises(ChildProcessError):
        limited("a")
