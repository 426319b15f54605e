"""Settings of a laptop cloud."""

import secrets
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ColdStarts:
    """How functions and serverless endpoints scale to zero and start anew.

    Parameters
    ----------
    idle_seconds : float
        Time without a request after which nothing of it runs any more.
    function_seconds, endpoint_seconds : float
        Time that a function, and a serverless endpoint, takes to start, in addition to what it takes here.
    """

    idle_seconds: float = 300.0
    function_seconds: float = 2.0
    endpoint_seconds: float = 10.0

    @classmethod
    def of(cls, text: str) -> Self:
        """Read up to three numbers of seconds, separated by commas, in the order of the parameters.

        Raises
        ------
        ValueError
            When it is something else.
        """
        numbers = [float(part) for part in text.split(",")] if text else []
        if len(numbers) > len(fields(cls)) or not all(0 <= number < float("inf") for number in numbers):
            raise ValueError(f"got {text!r}; allowed: up to three numbers of seconds, separated by commas")
        return cls(*numbers)


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
    cold_starts : ColdStarts | None
        How functions and serverless endpoints scale to zero; None: what was started stays.
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
    cold_starts: ColdStarts | None = None
    repository: Path = field(default=ROOT)
    access_key: str = field(default_factory=lambda: f"AKIA{secrets.token_hex(8).upper()}")
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
