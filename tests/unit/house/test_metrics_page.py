"""docs/how-to/NEW_MODEL.md says of every metric which values are better, and which loss does not matter."""

from __future__ import annotations

import re
from pathlib import Path

from relearn.spec.model import Metric
from relearn.spec.policies import LOWER_IS_BETTER, METRICS

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "NEW_MODEL.md"


def written() -> dict[str, tuple[str, str]]:
    """Direction and default tolerance of each metric in the page's table."""
    rows = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \| .* \| (\w+) \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE
    )
    return {
        name: (better, tolerance)
        for names, better, tolerance in rows
        for name in re.findall(r"`(\w+)`", names)
    }


def test_the_page_has_the_direction_and_the_default_tolerance_of_every_metric() -> None:
    known = [name for names in METRICS.values() for name in names]
    metrics = {
        name: Metric(name, maximum=1) if name in LOWER_IS_BETTER else Metric(name, minimum=0)
        for name in known
    }
    tolerances = {
        name: f"{metric.tolerated(1):.0%} of the champion's".replace("%", " %")
        if metric.lower_is_better
        else f"{metric.tolerated(1):g}"
        for name, metric in metrics.items()
    }
    assert written() == {name: (metric.better, tolerances[name]) for name, metric in metrics.items()}
