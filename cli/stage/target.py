"""The deployment that a command uses: a stage in an AWS account, or on the laptop cloud.

Both are described by the outputs of the stage's CloudFormation stacks; only the source of outputs and
credentials differs.
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
"""Output to the part of the stage whose stack has it."""


class Target:
    """One deployed stage.

    Parameters
    ----------
    stage
        Its name.
    session
        boto3 session with credentials and region.
    endpoint_url
        URL of the laptop cloud's AWS APIs; None on AWS.
    outputs
        Outputs that are known already; others are read from CloudFormation.
    token
        Token for an API that takes tokens.
    token_client
        Credentials and endpoint of the laptop's token issuer; None on AWS.

    Raises
    ------
    ConfigError
        When the stage's name is not valid, or the session has no region.
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
        """AWS region of the stage."""
        return str(self.session.region_name)

    @property
    def scope_prefix(self) -> str | None:
        """Prefix of a token's scopes; None where requests are signed instead."""
        self.output("ApiUrl")  # reads all outputs of its stack
        return self._outputs.get("ApiScopePrefix")

    @property
    def poll_seconds(self) -> float:
        """Pause between two readings of the ledger, in seconds."""
        return 2.0 if self.endpoint_url is None else 0.3

    def client(self, service: Any) -> Any:
        """Return a boto3 client of the stage."""
        config = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=10)
        return self.session.client(service, endpoint_url=self.endpoint_url, config=config)

    def output(self, key: str) -> str:
        """Return an output of the stage's stacks.

        Raises
        ------
        NotFoundError
            When the stack is not deployed, or has no such output.
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
    """The target as chosen on the command line.

    Parameters
    ----------
    stage, region, profile
        Stage on AWS; None for region and profile leaves them to the environment, as for any AWS tool.
    local_file
        File that describes the laptop cloud; None for a stage on AWS.
    token
        Token for an API that takes tokens.
    """

    stage: str
    region: str | None
    profile: str | None
    local_file: Path | None
    token: str | None = None

    def target(self) -> Target:
        """Return the chosen target.

        Raises
        ------
        ConfigError
            When stage, profile or region is not valid, or no laptop cloud is running.
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
    """Return the target of a command."""
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
        aws_session_token=about.get("session_token"),
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
