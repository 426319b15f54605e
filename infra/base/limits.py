"""What CloudFormation takes of one stack, checked when a stage is synthesised rather than when it is deployed."""

from __future__ import annotations

import json
from pathlib import Path

from relearn.errors import RelearnError

RESOURCES = 500
"""Of one template."""
BYTES = 1_000_000
"""Of one template that is deployed from S3."""
CDKS_OWN = {"@aws-cdk/core:stackResourceLimit": 0}
"""Context of an app whose stacks are checked here: CDK would end with a stack trace, and does not look at the size."""


def check(folder: Path, *, models: int) -> None:
    """Refuse templates that CloudFormation would refuse.

    Parameters
    ----------
    folder
        The app's cdk.out.
    models
        How many models the stage has; with each of them its stacks grow.

    Raises
    ------
    RelearnError
        A template has too many resources or is too large.
    """
    for path in sorted(folder.glob("*.template.json")):
        body = path.read_bytes()
        has = len(json.loads(body).get("Resources", {}))
        if has > RESOURCES or len(body) > BYTES:
            name = path.name.removesuffix(".template.json")
            raise RelearnError(
                f"the stack {name} of a stage with {models} models has {has} resources in {len(body):,} bytes; "
                f"CloudFormation takes {RESOURCES} in {BYTES:,}: keep some of the models in a copy of this folder, "
                "with a stage of its own"
            )
