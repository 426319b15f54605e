"""Settings of a laptop cloud."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one laptop cloud.

    Parameters
    ----------
    assembly : Path
        The synthesised CDK app (``cdk.out``).
    scratch : Path
        Folder of this cloud alone; removed when it stops.
    account, region : str
        AWS account and region that the cloud simulates.
    port, api_port : int
        Loopback ports of the AWS APIs and of the deployed HTTP API; 0 takes a free one.
    keep : Path | None
        Folder in which the state is kept between runs; None keeps nothing.
    images : Path | None
        Folder of the images that an assembly names by digest, as `local.images` reads them; None: there are none.
    repository : Path
        Folder that holds ``node_modules`` with the CDK command.
    access_key, secret_key : str
        Credentials of the account's administrator; generated for each cloud.
    """

    assembly: Path
    scratch: Path
    account: str = "123456789012"
    region: str = "us-east-1"
    port: int = 0
    api_port: int = 0
    keep: Path | None = None
    images: Path | None = None
    repository: Path = field(default=ROOT)
    access_key: str = field(default_factory=lambda: f"AKIA{secrets.token_hex(8).upper()}")
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
