"""CloudFormation's limits of one stack, checked at synthesis instead of at deployment."""

from __future__ import annotations

import json
from pathlib import Path

from relearn.errors import RelearnError

RESOURCES = 500
"""Maximum number of resources in one template."""
BYTES = 1_000_000
"""Maximum size of one template that is deployed from S3, in bytes."""
CDKS_OWN = {"@aws-cdk/core:stackResourceLimit": 0}
"""CDK context that turns off CDK's own check, which fails with a stack trace and ignores the size."""


def check(folder: Path, *, models: int) -> None:
    """Refuse templates that CloudFormation would refuse.

    Parameters
    ----------
    folder
        The app's cdk.out.
    models
        Number of models in the stage, on which the size of its stacks depends; for the message.

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
            remedy = (
                "give the models more stacks (model_stacks in cdk.json; docs/operations/MODELS.md)"
                if name.startswith(("Training", "Models"))
                else "keep some of the models in a copy of this folder, with a stage of its own"
            )
            raise RelearnError(
                f"the stack {name} of a stage with {models} models has {has} resources in {len(body):,} bytes; "
                f"CloudFormation takes {RESOURCES} in {BYTES:,}: {remedy}"
            )
