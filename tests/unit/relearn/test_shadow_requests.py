"""A trial is read from the queue as it was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relearn.traffic import shadow_requests
from relearn.traffic.shadow_requests import Trial

ROWS = st.lists(
    st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(), max_size=3), max_size=3
)


@given(ROWS, ROWS)
def test_a_trial_is_read_as_it_was_written(
    instances: list[dict[str, object]], predictions: list[dict[str, object]]
) -> None:
    trial = Trial(
        model="iris",
        revision=3,
        candidate=8,
        champion=7,
        instances=instances,
        predictions=predictions,
        milliseconds=1.5,
    )
    assert shadow_requests.parse_message(shadow_requests.write(trial)) == trial


def test_a_trial_takes_as_few_ascii_characters_as_it_can() -> None:
    trial = Trial(
        model="é", revision=3, candidate=8, champion=7, instances=[], predictions=[], milliseconds=1.5
    )
    assert shadow_requests.write(trial) == (
        '{"model":"\\u00e9","revision":3,"candidate":8,"champion":7,"instances":[],"predictions":[],"milliseconds":1.5}'
    )
