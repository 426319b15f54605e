"""The environment of the laptop cloud's process, and so of everything that runs below it.

MiniStack reads its settings from the environment when it is imported, and hands the environment on to every
Lambda it runs. A Lambda on AWS sees nothing of a developer's shell, so neither does one here: what is not
needed to run a program is dropped, above all AWS profiles and Python's own switches.
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
    """Return what of a shell's environment the laptop cloud keeps."""
    return {key: environment[key] for key in _KEPT if key in environment}


def no_aws_files() -> dict[str, str]:
    """Return what keeps an AWS SDK from reading the developer's own profile or asking an instance for one."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(settings: Settings, endpoint: str) -> dict[str, str]:
    """Return what points an AWS SDK or the AWS CLI at the laptop cloud as the account's administrator."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": settings.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.secret_key,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
    }


def isolate(settings: Settings, port: int) -> None:
    """Make this process's environment the laptop cloud's; call before MiniStack is imported."""
    kept = base(os.environ)
    os.environ.clear()
    os.environ.update(kept | no_aws_files() | _ministack(settings, port))
    tempfile.tempdir = str(settings.scratch)


def _ministack(settings: Settings, port: int) -> dict[str, str]:
    """MiniStack's settings: this account, IAM enforced, loopback only, and never a Docker daemon."""
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
        "TZ": "UTC",  # as Lambda has it
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
