"""A request is split only where it must be, and joined again as if it never was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.http.request import MalformedBodyError, TooLargeError
from lambdas.serving import version_client
from lambdas.serving.version_client import Part

ROOT = Path(__file__).parents[3]
INSTANCES = st.lists(st.dictionaries(st.text("ab", min_size=1), st.floats(allow_nan=False)), min_size=1)


@given(INSTANCES, st.integers(60, 400))
def test_the_parts_are_the_request_in_order_and_each_fits(
    instances: list[dict[str, float]], limit: int
) -> None:
    try:
        found = version_client.split(instances, limit)
    except TooLargeError:
        assert max(len(json.dumps(one)) for one in instances) > limit - 20
        return
    joined = []
    for count, body in found:
        inner = json.loads(body)["instances"]
        assert len(inner) == count
        assert len(body) <= limit
        joined += inner
    assert joined == instances


def test_what_fits_is_one_part() -> None:
    instances = [{"text": "é" * 100}] * 1000
    ((count, body),) = version_client.split(instances)
    assert (count, json.loads(body)) == (1000, {"instances": instances})


def test_what_has_just_the_bytes_that_are_allowed_is_one_part() -> None:
    instances = [{"text": "a"}, {"text": "b"}]
    ((_, body),) = version_client.split(instances)
    assert len(version_client.split(instances, len(body))) == 1
    assert len(version_client.split(instances, len(body) - 1)) == 2


@given(INSTANCES, st.integers(1, 5))
def test_a_part_has_no_more_instances_than_an_endpoints_answer_has_room_for(
    instances: list[dict[str, float]], most: int
) -> None:
    counts = [count for count, _ in version_client.split(instances, most=most)]
    assert sum(counts) == len(instances)
    assert max(counts) <= most


def test_text_is_sent_as_it_came_not_longer() -> None:
    ((_, body),) = version_client.split([{"text": "é" * 1000}])
    assert len(body) < 2100


def test_half_a_surrogate_pair_is_the_callers_mistake() -> None:
    with pytest.raises(MalformedBodyError, match="surrogate"):
        version_client.split([{"text": "\ud800"}])


def test_answers_are_joined_in_the_order_of_their_parts() -> None:
    def ask(part: Part) -> list[int]:
        return [part[0]] * part[0]

    assert version_client.each(ask, [(3, b""), (1, b""), (2, b"")]) == [3, 3, 3, 1, 2, 2]


def test_one_part_that_fails_fails_the_whole() -> None:
    def ask(part: Part) -> list[int]:
        if part[0] == 1:
            raise TimeoutError("late")
        return [part[0]]

    with pytest.raises(TimeoutError, match="late"):
        version_client.each(ask, [(3, b""), (1, b""), (2, b"")])


def test_the_hot_path_imports_no_sdk() -> None:
    code = "import sys, lambdas.handlers.predict; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    top = {name.partition(".")[0] for name in loaded.stdout.split()}
    assert not top & {"boto3", "botocore", "urllib3", "msgspec", "pydantic", "asyncio", "concurrent"}
