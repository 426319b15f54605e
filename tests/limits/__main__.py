"""Hold the templates of a stage of many models against every limit of AWS that they can meet.

Every tenth model runs in Lambda. Prints the nearest limits, and one JSON object as the last line. Exits with 1 when one
is exceeded.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.limits import copies, rules

SHOWN = 15
POLICY = "IAM: characters of a role's inline policies"
RESOURCES = "CloudFormation: resources of a stack"


def main() -> int:
    """Synthesise, measure and tell; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.limits", description=__doc__)
    parser.add_argument("--models", type=int, default=300, help="how many models the stage has")
    parser.add_argument("--in-lambda", type=int, help="how many of them run in Lambda (default: every tenth)")
    parser.add_argument("--model-stacks", type=int, default=4, help="the setting model_stacks of the stage")
    parser.add_argument("--stage", default="dev", help="a stage of cdk.json")
    asked = parser.parse_args()
    names = copies.names(asked.models)
    hosted = copies.every_tenth(names) if asked.in_lambda is None else names[: asked.in_lambda]
    with tempfile.TemporaryDirectory(prefix="relearn-limits-") as folder:
        copy = copies.make(Path(folder) / "copy", names, in_lambda=hosted, model_stacks=asked.model_stacks)
        found = rules.uses(rules.every(copies.synthesise(copy, asked.stage)))
    print(f"{'limit':46} {'has':>11} {'allowed':>14}  share  where")
    for use in found[:SHOWN]:
        print(f"{use.limit:46} {use.found:11,} {use.allowed:14,} {use.share:6.0%}  {use.what}")
    by_name = {use.limit: use.found for use in found}
    over = [use.limit for use in found if use.share > 1]
    told = {"models": asked.models, "breaches": len(over), "largest_role_policy": by_name[POLICY]}
    print(json.dumps({**told, "resources": by_name[RESOURCES]}))
    return bool(over)


if __name__ == "__main__":
    sys.exit(main())
