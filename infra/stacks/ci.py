"""Role with which a GitHub environment of one branch can deploy the stage, without stored keys."""

from __future__ import annotations

from aws_cdk import CfnOutput, DefaultStackSynthesizer
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.base import grants
from infra.base.access import Access
from infra.base.grants import Grant
from infra.base.settings import Settings
from infra.base.stack import StageStack
from infra.base.stores import Stores
from infra.parts import verification
from relearn.errors import ConfigError

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


SESSION_HOURS = 3
"""Longest session of the role in hours: a job of the workflow deploys, verifies and puts back with one."""
_BOOTSTRAP_PARTS = ("deploy", "file-publishing", "image-publishing", "lookup")


class CiStack(StageStack):
    """Trust in GitHub's tokens, and the deploy role.

    A job has the role only in the GitHub environment that has the stage's name, whose protection it thereby passed,
    and only on the stage's branch. The token of such a job names the environment in its subject instead of the
    branch ("OpenID Connect reference" in GitHub's documentation); STS checks the branch in a claim of its own
    ("AWS STS now supports validation of select identity provider specific claims", January 2026). So the role of one
    stage is not had by the job of another.

    The role can assume the roles that ``cdk bootstrap`` created, which deploy, and do what ``relearn verify`` does.
    A session that a role assumes from another ends after an hour, which a verification may exceed; so the
    permissions to verify are its own.

    Parameters
    ----------
    settings
        Settings of the stage.
    stores
        Stores of the stage.
    api_id
        Id of the stage's HTTP API.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, stores: Stores, api_id: str
    ) -> None:
        super().__init__(scope, construct_id, settings=settings, part="ci", about="deploys from GitHub")
        if settings.github_repository is None:
            raise ConfigError("github_repository", None, "owner/name of a GitHub repository")
        access = Access(self, settings=settings, stores=stores)
        role = grants.role_for_tokens(
            self,
            "Deploy",
            provider=self._provider(create=settings.github_provider == "create"),
            conditions={
                "StringEquals": {
                    f"{ISSUER}:aud": AUDIENCE,
                    f"{ISSUER}:sub": f"repo:{settings.github_repository}:environment:{settings.stage}",
                    f"{ISSUER}:ref": f"refs/heads/{settings.github_branch}",
                }
            },
            grants=[
                self._bootstrap_roles(),
                *verification.allow(self, stage=settings.stage, access=access, api_id=api_id),
            ],
            hours=SESSION_HOURS,
        )
        CfnOutput(self, "DeployRole", value=role.role_arn)

    def _provider(self, *, create: bool) -> str:
        if create:
            provider = iam.OidcProviderNative(self, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE])
            return provider.oidc_provider_arn
        return self.format_arn(service="iam", region="", resource="oidc-provider", resource_name=ISSUER)

    def _bootstrap_roles(self) -> Grant:
        qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
        return Grant(
            actions=["sts:AssumeRole"],
            resources=[
                self.format_arn(
                    service="iam",
                    region="",
                    resource="role",
                    resource_name=f"cdk-{qualifier}-{part}-role-{self.account}-{self.region}",
                )
                for part in _BOOTSTRAP_PARTS
            ],
        )
