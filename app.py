"""The CDK app: settings → stacks → templates. Calls no AWS API."""

from __future__ import annotations

import sys

from aws_cdk import App

from infra import stages
from infra.settings import read
from relearn.errors import RelearnError
from training import catalog


def main() -> None:
    """Write the templates of the stage that ``-c stage=`` chooses."""
    app = App()
    try:
        stages.build(app, settings=read(app.node.try_get_context), specs=catalog.load())
    except RelearnError as error:  # a wrong setting or spec says all there is to say; no stack trace
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
