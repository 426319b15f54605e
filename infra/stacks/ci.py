"""Role with which one branch of a GitHub repository can deploy the stage, without stored keys."""

from __future__ import annotations

from aws_cdk import CfnOutput, DefaultStackSynthesizer
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.base.settings import Settings
from infra.base.stack import StageStack
from relearn.errors import ConfigError

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


class CiStack(StageStack):
    """Trust in GitHub's tokens, and the deploy role.

    The role can only assume the roles that ``cdk bootstrap`` created, which deploy.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id, settings=settings, part="ci", about="deploys from GitHub")
        if settings.github_repository is None:
            raise ConfigError("github_repository", None, "owner/name of a GitHub repository")
        provider = self._provider(create=settings.github_provider == "create")
        role = iam.Role(
            self,
            "Deploy",
            assumed_by=iam.WebIdentityPrincipal(
                provider,
                {
                    "StringEquals": {
                        f"{ISSUER}:aud": AUDIENCE,
                        f"{ISSUER}:sub": (
                            f"repo:{settings.github_repository}:ref:refs/heads/{settings.github_branch}"
                        ),
                    }
                },
            ),
            inline_policies={"Exactly": iam.PolicyDocument(statements=[self._bootstrap_roles()])},
        )
        CfnOutput(self, "DeployRole", value=role.role_arn)

    def _provider(self, *, create: bool) -> str:
        if create:
            provider = iam.OidcProviderNative(self, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE])
            return provider.oidc_provider_arn
        return self.format_arn(service="iam", region="", resource="oidc-provider", resource_name=ISSUER)

    def _bootstrap_roles(self) -> iam.PolicyStatement:
        qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
        return iam.PolicyStatement(
            actions=["sts:AssumeRole"],
            resources=[
                self.format_arn(
                    service="iam",
                    region="",
                    resource="role",
                    resource_name=f"cdk-{qualifier}-{part}-role-{self.account}-{self.region}",
                )
                for part in ("deploy", "file-publishing", "image-publishing", "lookup")
            ],
        )
