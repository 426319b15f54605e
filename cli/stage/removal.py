"""Removal of a model from a stage, by the function that takes stages down."""

from __future__ import annotations

import json
from typing import Any

from botocore.config import Config

from cli.stage.identity import who
from cli.stage.target import Target
from relearn.errors import RelearnError
from relearn.naming import resources

READ_SECONDS = 900
"""Maximum duration of the lifecycle function."""


def remove(target: Target, model: str, *, only_tell: bool) -> dict[str, Any]:
    """Invoke the lifecycle function, which has the permissions; the caller needs only to invoke it.

    Parameters
    ----------
    target
        The stage.
    model
        Name of the model.
    only_tell
        Whether to return only what would be removed.

    Returns
    -------
    dict
        What the model has (``serves``, ``versions``, ``endpoints``, ``packages``, ``deployed``), and in
        ``refused`` why it cannot be removed now.

    Raises
    ------
    RelearnError
        When the function fails.
    """
    config = Config(read_timeout=READ_SECONDS, retries={"total_max_attempts": 1})
    client = target.session.client("lambda", endpoint_url=target.endpoint_url, config=config)
    asked = {"remove_model": {"model": model, "only_tell": only_tell, "who": who(target)}}
    answer = client.invoke(
        FunctionName=resources.function(target.stage, "lifecycle"), Payload=json.dumps(asked).encode()
    )
    told = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise RelearnError(f"{model} was not removed: {told.get('errorMessage', told)}")
    return dict(told)
