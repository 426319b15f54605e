"""The reference of a model: the version that candidates are compared with beside the champion.

A candidate without a seen difference from the champion may be slightly worse, and so may the next one be. The
reference is where such a chain began: the last version, up to the champion, that was surely better than the
champion before it. Each version keeps its own, so that a rollback returns to the reference of the version that
serves again. A version is its own reference when it is the first, when nothing could be compared with it, and
when a person let it serve against what the figures say: the data contradicted what was held out before, or it
was promoted by hand.
"""

from __future__ import annotations

from relearn.lifecycle.runs import Run, Version


def beside(champion: Version) -> int:
    """Return the reference of the candidates judged while ``champion`` serves; 0 where it is the champion itself."""
    own = champion.reference_version in (0, champion.version)
    return 0 if own else champion.reference_version


def after(run: Run, number: int) -> int:
    """Return the reference of the version ``number`` that a judged run registers.

    Where the reference of the run could not be compared with, the champion takes its place.
    """
    if run.becomes_reference or not run.champion_version:
        return number
    return run.reference_version if run.reference_metrics else run.champion_version
