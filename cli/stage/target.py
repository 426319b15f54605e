"""Which deployment the command speaks to: a stage in an AWS account, or the laptop cloud.

Both are found the same way, by the outputs of the stage's CloudFormation stacks; only where the
outputs and the credentials come from differs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import ClientError

from relearn.errors import ConfigError, NotFoundError
from relearn.naming import resources

LOCAL_FILE = Path(".relearn/local.json")
PARTS = {
    "UploadsBucket": "data",
    "LakeBucket": "data",
    "ArtifactsBucket": "data",
    "LedgerTable": "data",
    "RetrainStateMachine": "training",
    "TrainingImage": "training",
    "ExperimentRoles": "training",
    "TrainingDeadLetters": "training",
    "ServingDeadLetters": "serving",
    "ApiUrl": "serving",
}
"""Which stack gives which output."""


class Target:
    """One deployed stage.

    Parameters
    ----------
    stage
        Its name.
    session
        Credentials and region.
    endpoint_url
        Where the AWS APIs answer; None on AWS.
    outputs
        Outputs known already; those missing are asked from CloudFormation.
    token
        Whose requests to the API are, where it takes tokens.
    token_client
        Who may ask the laptop's issuer for tokens, and where; None on AWS.
    """

    def __init__(
        self,
        stage: str,
        session: boto3.Session,
        endpoint_url: str | None = None,
        outputs: dict[str, str] | None = None,
        *,
        token: str | None = None,
        token_client: dict[str, str] | None = None,
    ) -> None:
        self.stage = resources.check_stage(stage)
        self.session = session
        self.endpoint_url = endpoint_url
        self._outputs = dict(outputs or {})
        self.token = token
        self.token_client = token_client
        if session.region_name is None:
            raise ConfigError("region", None, "an AWS region, by --region, AWS_REGION or the profile")

    @property
    def region(self) -> str:
        """The stage's AWS region."""
        return str(self.session.region_name)

    @property
    def scope_prefix(self) -> str | None:
        """What stands before a token's scopes; None where requests are signed instead."""
        self.output("ApiUrl")  # all outputs of a stack come together
        return self._outputs.get("ApiScopePrefix")

    @property
    def poll_seconds(self) -> float:
        """How long to wait between two looks at the ledger."""
        return 2.0 if self.endpoint_url is None else 0.3

    def client(self, service: Any) -> Any:
        """Make a boto3 client of the stage."""
        config = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=10)
        return self.session.client(service, endpoint_url=self.endpoint_url, config=config)

    def output(self, key: str) -> str:
        """Give an output of the stage's stacks.

        Raises
        ------
        NotFoundError
            The stack is not deployed, or has no such output.
        """
        if key not in self._outputs:
            self._outputs |= self._stack_outputs(resources.stack(self.stage, PARTS[key]))
        if key not in self._outputs:
            stack = resources.stack(self.stage, PARTS[key])
            raise NotFoundError(
                f"stack {stack} in {self.region} has no output {key}: deploy this version of the app"
            )
        return self._outputs[key]

    def _stack_outputs(self, stack: str) -> dict[str, str]:
        try:
            found = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise NotFoundError(
                f"there is no stack {stack} in {self.region}: deploy stage {self.stage} first, or choose another with "
                "--stage or --local"
            ) from error
        return {item["OutputKey"]: item["OutputValue"] for item in found[0].get("Outputs", [])}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What the command line says about the target.

    Parameters
    ----------
    stage, region, profile
        Which stage on AWS; region and profile may come from the environment as for any AWS tool.
    local_file
        Description of the laptop cloud; None when AWS is meant.
    token
        For an API that takes tokens.
    """

    stage: str
    region: str | None
    profile: str | None
    local_file: Path | None
    token: str | None = None

    def target(self) -> Target:
        """Find the target.

        Raises
        ------
        ConfigError
            The stage, profile or region is wrong, or no laptop cloud runs.
        """
        if self.local_file is not None:
            return _local(self.local_file, self.token)
        if self.profile and self.profile not in boto3.Session().available_profiles:
            raise ConfigError(
                "profile",
                self.profile,
                ", ".join(boto3.Session().available_profiles) or "none: there are no profiles",
            )
        session = boto3.Session(profile_name=self.profile, region_name=self.region)
        return Target(self.stage, session, token=self.token)


def of(ctx: typer.Context) -> Target:
    """Give the target of a command."""
    choice = ctx.obj
    assert isinstance(choice, Choice)  # noqa: S101 - main's callback set it
    return choice.target()


def _local(file: Path, token: str | None) -> Target:
    found = (
        file
        if file.is_absolute()
        else next((f for d in (Path.cwd(), *Path.cwd().parents) if (f := d / file).is_file()), file)
    )
    try:
        about = json.loads(found.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            "local", str(file), "the file of a running laptop cloud; start one with make run"
        ) from error
    session = boto3.Session(
        aws_access_key_id=about["access_key_id"],
        aws_secret_access_key=about["secret_access_key"],
        region_name=about["region"],
    )
    outputs = {**about["outputs"], "ApiUrl": about["api_url"]}
    return Target(
        about["stage"],
        session,
        about["endpoint_url"],
        outputs,
        token=token,
        token_client=about.get("token_client"),
    )
