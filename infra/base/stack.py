"""What every stack of a stage has in common: its name, where it goes, whether it may be deleted."""

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
        Which one: the end of its name.
    about
        What is in it, for people who look at the account.
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
            suppress_template_indentation=True,  # half of a template would be spaces, and its size is limited
        )
