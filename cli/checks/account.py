"""Checks of the caller's identity, the stage's account and region, and CDK's bootstrap stack."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from cli.checks.finding import Finding, said
from cli.checks.stage import StageSettings
from cli.stage.target import Target

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = 6
"""Minimum version of CDK's bootstrap stack, as required in the rules of the app's templates."""


def identity(target: Target) -> tuple[Finding, str | None]:
    """Return a finding about the caller and the account id; None when AWS does not accept the credentials."""
    try:
        caller = target.client("sts").get_caller_identity()
    except ClientError as error:
        advice = "configure credentials as for the AWS CLI, by the environment or --profile"
        return Finding(check="identity", status="failed", found=said(error), advice=advice), None
    found = f"account {caller['Account']} as {caller['Arn']}, region {target.region}"
    return Finding(check="identity", status="ok", found=found), caller["Account"]


def place(target: Target, settings: StageSettings, account: str) -> Iterator[Finding]:
    """Yield a failure for each of account and region that differs from cdk.json's for the stage."""
    here = {"account": account, "region": target.region}
    named = {"account": settings.account, "region": settings.region}
    for key, value in named.items():
        if value is not None and value != here[key]:
            option = "--profile" if key == "account" else "--region"
            yield Finding(
                check=f"{key} of the stage",
                status="failed",
                found=here[key],
                needed=f"{value}, where cdk.json sends stage {target.stage}",
                advice=f"choose it with {option}, or change cdk.json",
            )


def bootstrap(target: Target, account: str) -> Iterator[Finding]:
    """Yield a finding about the version of CDK's bootstrap stack."""
    needed = f"version {BOOTSTRAP_VERSION} or newer"
    advice = f"npx cdk bootstrap aws://{account}/{target.region}"
    try:
        value = target.client("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        yield Finding(check="CDK bootstrap", status="failed", found="none", needed=needed, advice=advice)
        return
    enough = value.isdecimal() and int(value) >= BOOTSTRAP_VERSION
    yield Finding(
        check="CDK bootstrap",
        status="ok" if enough else "failed",
        found=f"version {value}",
        needed=needed,
        advice="" if enough else advice,
    )
