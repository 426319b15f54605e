"""Draws the mutants to try, and reports the results."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from tests.mutants.making import Mutant

AIM = 0.95
"""Required share of killed mutants."""
_TEXT = re.compile(
    r"""(?<![fF])(?P<quote>["'])(?P<words>(?:(?!(?P=quote)).)* (?:(?!(?P=quote)).)*)(?P=quote)"""
)
"""A string with a space that is not an f-string."""


@dataclass(frozen=True)
class Found:
    """Results: number of tried mutants, and the survivors with their reasons."""

    mutants: int
    survivors: Sequence[tuple[Mutant, str]]

    @property
    def share(self) -> float:
        """Share of killed mutants."""
        return 1 - len(self.survivors) / max(1, self.mutants)

    def line(self) -> str:
        """Return the figures as JSON."""
        killed = self.mutants - len(self.survivors)
        return json.dumps({"mutants": self.mutants, "killed": killed, "share": round(self.share, 4)})

    def table(self) -> str:
        """Return the survivors with their diffs, as text."""
        rows = [f"{mutant.key} ({why})\n{mutant.diff}\n" for mutant, why in self.survivors]
        return f"{len(rows)} of {self.mutants} mutants that no test noticed\n\n{''.join(rows)}"


def drawn(mutants: Mapping[str, Sequence[Mutant]], wanted: int, seed: int) -> list[Mutant]:
    """Draw a seeded sample of mutants, round by round one of each module.

    Parameters
    ----------
    mutants
        Mutants by module.
    wanted
        Maximum number to draw.
    seed
        The same seed and code give the same sample; a change of one module does not change the order in
        others.
    """
    shuffled = [_shuffled(mutants[module], f"{seed} {module}") for module in sorted(mutants)]
    rounds: Iterator[Mutant | None] = chain.from_iterable(zip_longest(*shuffled))
    return [mutant for mutant in rounds if mutant is not None][:wanted]


def _shuffled(mutants: Sequence[Mutant], seed: str) -> list[Mutant]:
    return random.Random(seed).sample(mutants, len(mutants))


def is_wording(diff: str) -> bool:
    """Whether a mutant only rewords a text for people: upper case, lower case, or with XX around it.

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
