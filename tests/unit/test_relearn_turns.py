"""Whatever one model's senders do, ingest has places left for the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from relearn import turns

NOW = datetime(2026, 5, 4, tzinfo=UTC)
STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "end", "wait"]), st.integers(0, 9), st.integers(1, 900)), max_size=40
)


@given(STEPS)
def test_one_model_never_has_every_place_of_ingest_and_a_free_turn_is_given(
    steps: list[tuple[str, int, int]],
) -> None:
    now, held = NOW, dict[str, str]()
    ends: dict[str, datetime] = {}
    for what, number, seconds in steps:
        name = str(number)
        ends = {other: at for other, at in ends.items() if at > now}
        match what:
            case "take":
                taken = turns.take(held, name, now, now + timedelta(seconds=seconds))
                assert (taken is None) == (name in ends or len(ends) >= turns.OF_ONE_MODEL)
                if taken is not None:
                    held, ends[name] = taken, now + timedelta(seconds=seconds)
            case "end":
                held = {other: at for other, at in held.items() if other != name}
                ends.pop(name, None)
            case "wait":
                now += timedelta(seconds=seconds)
        assert len(turns.going(held, now)) <= turns.OF_ONE_MODEL < turns.AT_ONCE


def test_an_upload_comes_again_by_itself_less_often_than_lambda_takes_for_a_loop() -> None:
    pauses = [turns.pause(returns) for returns in range(20)]
    assert pauses.index(None) < 16
    assert all(pause is None or 0 < pause <= 900 for pause in pauses)
