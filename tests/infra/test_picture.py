"""The picture of a run is the state machine as it is synthesised."""

from __future__ import annotations

from typing import Any

import pytest

from infra.stacks import picture
from relearn.errors import ConfigError
from tests.infra.synthesis import Synthesised

TWO = {
    "StartAt": "First",
    "States": {
        "First": {"Type": "Task", "Next": "Good?", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Broken"}]},
        "Good?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.it.verdict", "StringEquals": "good", "Next": "Done"}],
            "Default": "First",
        },
        "Done": {"Type": "Succeed"},
        "Broken": {"Type": "Fail"},
    },
}  # fmt: skip


def of_runs(dev: Synthesised) -> dict[str, Any]:
    return picture.definition_of(dev.templates["Training"], "-retrain")


def test_the_page_shows_the_machine_as_it_is(dev: Synthesised) -> None:
    page = picture.PAGE.read_text("utf-8")
    assert picture.with_picture(page, picture.mermaid(of_runs(dev))) == page, "draw it anew: make picture"


def test_every_state_is_drawn(dev: Synthesised) -> None:
    definition = of_runs(dev)
    drawn = picture.mermaid(definition)
    assert [name for name in definition["States"] if f'state "{name}" as' not in drawn] == []


def test_arrows_name_the_condition_they_are_taken_on() -> None:
    assert picture.mermaid(TWO).splitlines()[2:] == [
        '    state "Broken" as s0',
        '    state "Done" as s1',
        '    state "First" as s2',
        '    state "Good?" as s3',
        "    [*] --> s2",
        "    s0 --> [*]",
        "    s1 --> [*]",
        "    s2 --> s3",
        "    s3 --> s1: it.verdict is good",
        "    s3 --> s2: else",
        "    note right of s0 : an error of First",
    ]


def test_only_the_picture_of_a_page_is_replaced() -> None:
    page = "before\n```mermaid\nold\n```\nafter\n```python\nx\n```\n"
    assert picture.with_picture(page, "new\n") == page.replace("old", "new")


def test_a_machine_that_is_not_there_is_an_error(dev: Synthesised) -> None:
    with pytest.raises(ConfigError, match="nothing-like-it"):
        picture.definition_of(dev.templates["Training"], "nothing-like-it")
