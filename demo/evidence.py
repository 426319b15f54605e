"""How sure it is that a version is better than the one that served before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relearn.figures import counted
from relearn.lifecycle.comparison import Comparison


def of_report(report: Mapping[str, Any], version: int) -> str:
    """Return a sentence that says how sure the lead of a version is.

    Parameters
    ----------
    report
        Report of the run that made the version.
    version
        Number of the version.

    Returns
    -------
    str
        The sentence; empty where the report compares the version with no other one.
    """
    found = Comparison.from_report(report["champion"])
    if found is None:
        return ""
    metric, before = report["metric"], report["champion"]["version"]
    rows = f"{counted(found.rows - (found.crossed or 0), 'row')} that neither has learnt"
    if found.crossed:
        rows += f", and {found.crossed:,} by cross-validation"
    if found.low > 0:
        return (
            f"this is hardly luck: on {rows}, version {version} is better "
            f"than version {before} by {found.difference:.2g} in {metric}, and by at least {found.low:.2g} "
            f"({found.confidence:.0%} sure)"
        )
    return (
        f"this may be luck: on {rows}, the lead of version {version} over "
        f"version {before} in {metric} lies between {found.low:.2g} and {found.high:.2g} (each bound {found.confidence:.0%} "
        "sure)"
    )
