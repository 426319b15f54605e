"""``relearn env``: environment variables that connect the AWS CLI, curl and every AWS SDK to the laptop cloud."""

from __future__ import annotations

import shlex

import typer

from cli.stage import target as targets
from relearn.errors import RelearnError


def env(ctx: typer.Context) -> None:
    """Print the laptop cloud's environment variables, secret key included: `eval "$(relearn --local env)"`."""
    target = targets.of(ctx)
    credentials = target.session.get_credentials()
    if target.endpoint_url is None or credentials is None:
        raise RelearnError(
            "env is for the laptop cloud (--local): a stage on AWS is reached with your profile's own"
        )
    keys = credentials.get_frozen_credentials()
    variables = {
        "AWS_ENDPOINT_URL": target.endpoint_url,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_REGION": target.region,
        "AWS_DEFAULT_REGION": target.region,
        "API_URL": target.output("ApiUrl"),
    }
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(str(value))}")  # noqa: T201
    print("unset AWS_SESSION_TOKEN AWS_PROFILE")  # noqa: T201
