"""Draws the mutants to try, and counts what became of them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from tests.mutants.making import Mutant

AIM = 0.95
"""The share of mutants that must be noticed."""
_TEXT = re.compile(
    r"""(?<![fF])(?P<quote>["'])(?P<words>(?:(?!(?P=quote)).)* (?:(?!(?P=quote)).)*)(?P=quote)"""
)
"""A string with a space in it, which is no f-string."""


@dataclass(frozen=True)
class Found:
    """What became of mutants: how many were tried, and those that no test noticed, each with why."""

    mutants: int
    survivors: Sequence[tuple[Mutant, str]]

    @property
    def share(self) -> float:
        """The share that was noticed."""
        return 1 - len(self.survivors) / max(1, self.mutants)

    def line(self) -> str:
        """The figures as JSON."""
        killed = self.mutants - len(self.survivors)
        return json.dumps({"mutants": self.mutants, "killed": killed, "share": round(self.share, 4)})

    def table(self) -> str:
        """The survivors, each with what was changed."""
        rows = [f"{mutant.key} ({why})\n{mutant.diff}\n" for mutant, why in self.survivors]
        return f"{len(rows)} of {self.mutants} mutants that no test noticed\n\n{''.join(rows)}"


def drawn(mutants: Mapping[str, Sequence[Mutant]], wanted: int, seed: int) -> list[Mutant]:
    """Draw mutants with a seed, of every module one before of any module another.

    Parameters
    ----------
    mutants
        By module, those that count.
    wanted
        How many, when there are so many.
    seed
        The same seed draws the same mutants of the same code; a change of one module leaves the draw of the others.
    """
    shuffled = [_shuffled(mutants[module], f"{seed} {module}") for module in sorted(mutants)]
    rounds: Iterator[Mutant | None] = chain.from_iterable(zip_longest(*shuffled))
    return [mutant for mutant in rounds if mutant is not None][:wanted]


def _shuffled(mutants: Sequence[Mutant], seed: str) -> list[Mutant]:
    return random.Random(seed).sample(mutants, len(mutants))


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
