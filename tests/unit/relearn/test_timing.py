"""What a container says of its own time is read as it was written, and anything else is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.traffic import shadow_requests, timing
from relearn.traffic.shadow_requests import Trial
from relearn.traffic.timing import Timing


@given(st.floats(0, 1e9), st.booleans())
def test_a_timing_is_read_as_it_was_written_to_a_microsecond(milliseconds: float, started: bool) -> None:  # noqa: FBT001 - hypothesis
    written = timing.write(Timing(milliseconds, started))
    assert written.isascii()
    assert len(written) < 1024
    found = timing.parse(written)
    assert found is not None
    assert found.started is started
    assert found.milliseconds == pytest.approx(milliseconds, abs=0.0006)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "trace=1",
        "relearn-ms=",
        "relearn-ms=fast",
        "relearn-ms=-1",
        "relearn-ms=nan",
        "relearn-ms=inf",
    ],
)
def test_what_is_no_timing_is_none(value: str | None) -> None:
    assert timing.parse(value) is None


def test_a_shadow_request_is_written_as_before_unless_the_champion_reports_its_own_time() -> None:
    trial = Trial(
        model="m", revision=1, candidate=2, champion=1, instances=[], predictions=[], milliseconds=3.0
    )
    assert "started" not in shadow_requests.write(trial)
    assert shadow_requests.parse_message(shadow_requests.write(trial)) == trial
    assert trial.timing is None
    cold = replace(trial, own_milliseconds=900.0, started=True)
    assert shadow_requests.parse_message(shadow_requests.write(cold)).timing == Timing(900.0, started=True)
