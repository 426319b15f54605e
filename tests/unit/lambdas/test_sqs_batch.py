"""Of the messages that come together, exactly those come again that failed."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.runtime.sqs_batch import Failures

LOG = logging.getLogger(__name__)


def ids(failures: Failures) -> list[str]:
    return [failure["itemIdentifier"] for failure in failures.told()["batchItemFailures"]]


@given(st.lists(st.booleans()))
def test_who_fails_is_told_and_nobody_else(fails: list[bool]) -> None:
    failures, done = Failures(LOG), []
    for number, fail in enumerate(fails):
        with failures.of({"messageId": str(number), "body": ""}):
            if fail:
                raise ValueError("broken")
            done.append(str(number))
    assert ids(failures) == sorted(str(number) for number, fail in enumerate(fails) if fail)
    assert done == [str(number) for number, fail in enumerate(fails) if not fail]


def test_those_that_are_done_with_as_one_fail_together() -> None:
    failures = Failures(LOG)
    with failures.of_all(["a", "b"], "two lines"):
        raise ValueError("broken")
    with failures.of_all(["c"], "a line"):
        pass
    assert ids(failures) == ["a", "b"]


def test_a_function_that_is_stopped_stops() -> None:
    with pytest.raises(KeyboardInterrupt), Failures(LOG).of({"messageId": "1", "body": ""}):
        raise KeyboardInterrupt


def test_a_failure_is_logged_with_its_cause_and_without_the_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Failures(LOG, logging.WARNING).of({"messageId": "7", "body": "private"}):
        raise ValueError("broken")
    (record,) = caplog.records
    assert (record.levelname, record.getMessage(), record.name) == ("WARNING", "message 7 failed", __name__)
    assert "broken" in caplog.text
    assert "private" not in caplog.text
