"""Draws mutants, has mutmut try them, and reads what became of each."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPY = ROOT / "mutants"
AIM = 0.95
"""The share of mutants that must be noticed."""
FIRST = "relearn.ids.*"
"""A few mutants of one small module: with them mutmut makes all mutants and finds out which test passes through what."""
_KILLED = frozenset({1, 3, -24, -9, 24, 36, 152, 255})
"""Exit codes of mutmut's workers: a test failed, or the mutant ran out of time (an endless loop is noticed too)."""
_NO_TEST = 33
_CHANGED = re.compile(r"[-+](?![-+])")
_TEXT = re.compile(
    r"""(?<![fF])(?P<quote>["'])(?P<words>(?:(?!(?P=quote)).)* (?:(?!(?P=quote)).)*)(?P=quote)"""
)
"""A string with a space in it, which is no f-string."""


@dataclass(frozen=True)
class Mutant:
    """One mutant: its name, whether a test noticed it, and the lines that were changed."""

    name: str
    killed: bool
    diff: str


@dataclass(frozen=True)
class Found:
    """What became of the mutants that count."""

    mutants: tuple[Mutant, ...]

    @property
    def survivors(self) -> list[Mutant]:
        """Those that no test noticed."""
        return [mutant for mutant in self.mutants if not mutant.killed]

    @property
    def share(self) -> float:
        """The share that was noticed."""
        return 1 - len(self.survivors) / max(1, len(self.mutants))

    def line(self) -> str:
        """The figures as JSON."""
        killed = len(self.mutants) - len(self.survivors)
        return json.dumps({"mutants": len(self.mutants), "killed": killed, "share": round(self.share, 4)})


def tried(wanted: int, seed: int, processes: int) -> Found:
    """Try so many mutants that count, drawn with a seed."""
    shutil.rmtree(COPY, ignore_errors=True)  # what an earlier run left may be of other code
    _mutmut("run", FIRST, "--max-children", str(processes))
    order = sorted(_exit_codes())
    random.Random(seed).shuffle(order)
    counted = ((name, diff) for name, diff in _diffs(order) if not is_wording(diff))
    chosen = dict(islice(counted, wanted))
    passed = [name for name in chosen if _exit_codes()[name] != _NO_TEST]
    _mutmut("run", *passed, "--max-children", str(processes))
    codes = _exit_codes()
    return Found(tuple(Mutant(name, codes[name] in _KILLED, diff) for name, diff in chosen.items()))


def table(found: Found) -> str:
    """Write the survivors, each with what was changed."""
    rows = [f"{mutant.name}\n{mutant.diff.rstrip()}\n\n" for mutant in found.survivors]
    return f"{len(rows)} mutants that no test noticed\n\n{''.join(rows)}"


def is_wording(diff: str) -> bool:
    """Tell whether a mutant only words a text for people in another way: in capitals, in small letters, with XX around it.

    Parameters
    ----------
    diff
        The changed lines, each with its sign.
    """
    before, after = (
        "\n".join(line[1:] for line in diff.splitlines() if line.startswith(sign)) for sign in "-+"
    )
    return any(
        after == before[: text.start("words")] + worded + before[text.end("words") :]
        for text in _TEXT.finditer(before)
        for worded in _worded(text["words"])
    )


def _worded(words: str) -> tuple[str, ...]:
    return words.lower(), words.upper(), f"XX{words}XX"


def _diffs(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give each mutant with its changed lines."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: PLC0415 - installed for this command alone

    files = {name: path.relative_to(COPY).with_suffix("") for path in _metas() for name in _told(path)}
    for name in names:
        shown = get_diff_for_mutant(name, path=files[name])
        yield name, "".join(f"{line}\n" for line in shown.splitlines() if _CHANGED.match(line))


def _metas() -> Iterator[Path]:
    return COPY.rglob("*.py.meta")


def _told(path: Path) -> dict[str, int | None]:
    codes: dict[str, int | None] = json.loads(path.read_text())["exit_code_by_key"]
    return codes


def _exit_codes() -> dict[str, int | None]:
    return {name: code for path in _metas() for name, code in _told(path).items()}


def _mutmut(*arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"mutmut {arguments[0]} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout
