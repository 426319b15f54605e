"""Which mutants count: all but those that only word a text for people in another way."""

from __future__ import annotations

import json

import pytest

from tests.mutants.sample import Found, Mutant, is_wording


@pytest.mark.parametrize(
    "diff",
    [
        '-    raise Error("no such model")\n+    raise Error("XXno such modelXX")\n',
        '-    raise Error("no such Model")\n+    raise Error("no such model")\n',
        "-    raise Error('no such model', 3)\n+    raise Error('NO SUCH MODEL', 3)\n",
    ],
)
def test_a_text_for_people_worded_in_another_way_does_not_count(diff: str) -> None:
    assert is_wording(diff)


@pytest.mark.parametrize(
    "diff",
    [
        '-    raise Error("no such model")\n+    raise Error(None)\n',
        '-    state = "FAILED"\n+    state = "failed"\n',
        "-    if a > b:\n+    if a >= b:\n",
        '-    raise Error("no such model", 3)\n+    raise Error("no such model", 4)\n',
        '-    raise Error(f"no model {name}")\n+    raise Error(f"no model {None}")\n',
        '-    a = b or "x y"\n+    a = b and "x y"\n',
    ],
)
def test_everything_else_counts(diff: str) -> None:
    assert not is_wording(diff)


def test_the_figures_say_how_many_were_noticed() -> None:
    found = Found(tuple(Mutant(f"m{n}", killed=n > 0, diff="") for n in range(4)))
    assert json.loads(found.line()) == {"mutants": 4, "killed": 3, "share": 0.75}
    assert [mutant.name for mutant in found.survivors] == ["m0"]
