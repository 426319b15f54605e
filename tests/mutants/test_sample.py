"""Which mutants count: all but those that only word a text for people in another way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants import equivalent
from tests.mutants.__main__ import OTHERS, SOURCES
from tests.mutants.making import Mutant, of_file
from tests.mutants.sample import Found, drawn, is_wording
from tests.mutants.trying import ON_MOTO, SECONDS, Passed, chosen_tests

HOUSE = Path(__file__).parents[2]


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
    found = Found(4, [(Mutant("m", "x_f__mutmut_1", "-a\n+b\n"), "no test passes through it")])
    assert json.loads(found.line()) == {"mutants": 4, "killed": 3, "share": 0.75}
    assert "m.x_f__mutmut_1 (no test passes through it)\n-a\n+b\n" in found.table()


def made_up(module: str, count: int) -> list[Mutant]:
    return [Mutant(module, f"x_f__mutmut_{number}", "") for number in range(count)]


def test_of_every_module_one_is_drawn_before_of_any_module_another() -> None:
    of = {module: made_up(module, count) for module, count in {"a": 100, "b": 3, "c": 1}.items()}
    found = Counter(mutant.module for mutant in drawn(of, 10, 1))
    assert found == {"a": 6, "b": 3, "c": 1}


def test_a_seed_draws_the_same_again_whatever_became_of_other_modules() -> None:
    one, other = made_up("a", 50), made_up("b", 50)
    first = drawn({"a": one, "b": other}, 20, 1)
    assert drawn({"a": one, "b": other}, 20, 1) == first
    assert drawn({"a": one, "b": other}, 20, 2) != first
    assert [each for each in first if each.module == "a"] == drawn({"a": one}, 10, 1)


def test_a_mutant_shows_what_it_changes() -> None:
    mutants = of_file(HOUSE / "relearn" / "cutting.py").mutants()
    shown = {mutant.diff for mutant in mutants if mutant.function == "relearn.cutting.x_cut"}
    assert "-    if len(whole) <= most:\n+    if len(whole) < most:\n" in shown


def test_what_is_declared_to_change_nothing_is_a_mutant_and_says_why() -> None:
    for declared in equivalent.DECLARED:
        module = declared.function.rpartition(".")[0]
        mutants = of_file(HOUSE.joinpath(*module.split(".")).with_suffix(".py")).mutants()
        assert [mutant.key for mutant in mutants if equivalent.matches(declared, mutant)], declared
        assert len(declared.why.split()) >= 5, declared


def test_the_command_lists_what_no_test_noticed_and_fails_when_that_is_too_much(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.mutmut]\nsource_paths = ["small.py"]\n')
    (tmp_path / "small.py").write_text(
        "def more(one, two):\n    return one > two\n\n\ndef less(one, two):\n    return one < two\n"
    )
    (tmp_path / "test_small.py").write_text(
        "import small\n\n\ndef test_more():\n    assert small.more(2, 1)\n\n\n"
        "def test_less():\n    assert not small.less(1, 1)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "tests.mutants", "--sources", "small.py", "--tests", "test_small.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert json.loads(ran.stdout.splitlines()[-1]) == {"mutants": 2, "killed": 1, "share": 0.5}, ran.stderr
    assert "small.x_more__mutmut_1 (1 tests ran of 1 that pass through it)" in ran.stdout
    assert "-    return one > two\n+    return one >= two\n" in ran.stdout
    assert ran.returncode == 1


def test_quick_tests_run_first_and_many_of_one_file_wait_for_those_of_others() -> None:
    mutant = Mutant("lambdas.maintenance.sweep", "x_f__mutmut_1", "")
    passed = {
        name: Passed(seconds, ("x_f",))
        for name, seconds in {
            "a.py::one": 1.0, "a.py::two": 1.1, "a.py::three": 1.2, "b.py::one": 2.0, "test_sweep.py::one": 2.9,
            "test_sweep.py::two": 3.0,
        }.items()
    }  # fmt: skip
    tests, seconds = chosen_tests(mutant, list(passed), passed)
    assert tests == [
        "a.py::one",
        "b.py::one",
        "a.py::two",
        "test_sweep.py::one",
        "test_sweep.py::two",
        "a.py::three",
    ]
    assert seconds == pytest.approx(11.2)


def test_a_mutant_runs_the_tests_that_fit_into_its_time() -> None:
    passed = {f"{file}.py::one": Passed(SECONDS / 2, ("x_f",)) for file in "abc"}
    tests, seconds = chosen_tests(Mutant("m", "x_f__mutmut_1", ""), list(passed), passed)
    assert (tests, seconds) == (["a.py::one", "b.py::one"], SECONDS)


@pytest.mark.parametrize("folder", [*OTHERS, ON_MOTO], ids=str)
def test_a_folder_that_is_named_is_there(folder: Path) -> None:
    assert list(folder.glob("test_*.py"))


@pytest.mark.parametrize("pattern", SOURCES)
def test_every_pattern_of_sources_finds_some(pattern: str) -> None:
    assert list(HOUSE.glob(pattern))
