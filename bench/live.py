"""How surely a version that serves, or is about to, is told to be healthy or harmful: simulations whose truth is known.

``--only canary`` measures that part alone. The last line is one JSON object. Of the canary (`bench.live_canary`):
``false_withdrawals`` (largest share of rollouts in which a candidate that is exactly as good as the champion is
withdrawn, over base error rates of 0 to 5 % and cold starts of 0 to 10 % of its requests), ``found_5pct_300`` and ``found_10pct_300`` (share of candidates found
within 300 of their requests, at 10 % of all requests, that fail at 5 and 10 % more requests than a champion which
fails at 1 %), ``found_3pct_50`` (the same of 0.2 against 3 %, in a whole rollout), ``found_slow_2``, ``found_slow_3`` and
``withdrawn_slow_1_3`` (candidates that take 2, 3 and 1.3 times as long, where 1.5 times is allowed),
``answers_false_withdrawals`` (largest share of canaries that answer alike, and of shadows that flip as often as predicted, withdrawn for
it in a step), ``shift_found_300`` and ``flips_found_300`` (share found of a shift of 0.3 and of 0.3 more flips than predicted, both with
300 requests and a limit of 0.2), ``shadow_0pct_passes`` (share of shadows that agree on none of 200 answers and pass). Of the rule that the sequential
test replaced, for comparison: ``point_false_errors_1``, ``point_false_errors_2``, ``point_false_errors_5`` (healthy candidates
withdrawn within five looks, when both versions fail at 1, 2 and 5 %), ``point_found_3pct`` (0.2 against 3 %),
``point_false_cold_5``, ``point_false_cold_8`` (healthy candidates withdrawn as slow, when 5 and 8 % of the candidate's
first 50 requests start a container, and a tenth of that of the champion's) and ``point_shift_found`` (candidates whose
answers are shifted by 0.2).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping

from bench import arguments, live_canary

PARTS: dict[str, Callable[[bool], tuple[Mapping[str, float], bool]]] = {"canary": live_canary.measured}
"""Part to the function that measures it, small or not, prints its tables, and returns its figures and whether they meet the aims."""


def main() -> int:
    """Run the measurements; print tables, then the figures as JSON. Return 1 when an aim is missed."""
    asked = arguments.read(__doc__, parts=tuple(PARTS))
    figures: dict[str, float] = {}
    reached = True
    for name, measure in PARTS.items():
        if asked.only in (None, name):
            found, meets = measure(asked.small)
            figures |= found
            reached = reached and meets
    print(json.dumps(figures))
    return 0 if asked.small else int(not reached)


if __name__ == "__main__":
    sys.exit(main())
