"""Base of every stack of a stage: name, account and region, termination protection."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from infra.base.settings import Settings
from relearn.naming import resources


class StageStack(Stack):
    """One stack of a stage.

    Parameters
    ----------
    part
        Part of the stage, the end of the stack's name.
    about
        Description of its content, for people who look at the account.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, part: str, about: str
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=resources.stack(settings.stage, part),
            description=f"Relearn {settings.stage}: {about}",
            env=Environment(account=settings.account, region=settings.region),
            termination_protection=settings.protect,
            suppress_template_indentation=True,  # half of a template would be spaces otherwise, and its size is limited
        )
