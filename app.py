"""The CDK app: settings → stacks → templates. Calls no AWS API."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App

from infra.base import limits
from infra.base.settings import load_settings
from infra.stacks import stage
from relearn.errors import RelearnError
from training import catalog


def main() -> None:
    """Write the templates of the stage that ``-c stage=`` chooses."""
    app = App(context=limits.CDKS_OWN)
    try:
        settings = load_settings(app.node.try_get_context)
        specs = catalog.load() | (catalog.load_sandbox() if settings.verify else {})
        stage.build(app, settings=settings, specs=specs)
        try:
            app.synth()
        finally:  # CDK refuses some of it too, and says so with a stack trace
            limits.check(Path(app.outdir), models=len(specs))
    except RelearnError as error:  # a wrong setting, a wrong spec or one too many: no stack trace says more
        sys.exit(str(error))


if __name__ == "__main__":
    main()
