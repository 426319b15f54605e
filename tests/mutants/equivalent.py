"""The mutants that no test can notice, because they do what the original does: each with the reason why."""

from __future__ import annotations

from dataclasses import dataclass

from tests.mutants.making import Mutant


@dataclass(frozen=True)
class Equivalent:
    """One mutant that changes nothing.

    Parameters
    ----------
    function
        As mutmut names it: ``relearn.cutting.x_cut``.
    diff
        The changed lines, each with its sign, without what is left and right of them.
    why
        Why nobody can tell it from the original.
    """

    function: str
    diff: tuple[str, ...]
    why: str


DECLARED: tuple[Equivalent, ...] = ()


def is_declared(mutant: Mutant) -> bool:
    """Tell whether a mutant is known to change nothing."""
    return any(matches(each, mutant) for each in DECLARED)


def matches(declared: Equivalent, mutant: Mutant) -> bool:
    """Tell whether a mutant is the declared one."""
    lines = tuple(line[0] + line[1:].strip() for line in mutant.diff.splitlines())
    return mutant.function == declared.function and lines == declared.diff
