"""The environment of the laptop cloud's process, which every child process inherits.

MiniStack reads its settings from the environment at import and passes the environment on to every Lambda it
runs. A Lambda on AWS sees nothing of a developer's shell. Therefore variables that are not needed to run a
program are dropped, above all AWS profiles and Python's own switches.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from local.kept import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.settings import Settings

_KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TERM",
    "COLUMNS",
    "NO_COLOR",
    "VIRTUAL_ENV",
    "JAVA_HOME",
    "SYSTEMROOT",
)


def base(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a shell's environment that the laptop cloud keeps."""
    return {key: environment[key] for key in _KEPT if key in environment}


def no_aws_files() -> dict[str, str]:
    """Return variables that disable an AWS SDK's profile files and instance metadata."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(settings: Settings, endpoint: str) -> dict[str, str]:
    """Return variables that connect an AWS SDK or the AWS CLI as the account's administrator."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": settings.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.secret_key,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
    }


def isolate(settings: Settings, port: int) -> None:
    """Replace this process's environment by the laptop cloud's; call before MiniStack is imported."""
    kept = base(os.environ)
    os.environ.clear()
    os.environ.update(kept | no_aws_files() | _ministack(settings, port))
    tempfile.tempdir = str(settings.scratch)


def _ministack(settings: Settings, port: int) -> dict[str, str]:
    """Return MiniStack's settings: account, enforced IAM, loopback only, no Docker daemon."""
    chosen = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "localhost",
        "MINISTACK_ACCOUNT_ID": settings.account,
        "MINISTACK_REGION": settings.region,
        **client(settings, f"http://127.0.0.1:{port}"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{settings.scratch}/no-docker.sock",
        "LOG_LEVEL": "WARNING",
        "TZ": "UTC",  # as in Lambda
        "TMPDIR": str(settings.scratch),
    }
    if settings.keep:
        chosen |= {
            "PERSIST_STATE": "1",
            "STATE_DIR": str(settings.keep / MINISTACK),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(settings.keep / "s3"),
        }
    return chosen
