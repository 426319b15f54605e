"""Command line and environment of a container on the laptop.

A container is the image's command in the image's directory. An image brings its own code and the packages of
its requirements; the virtual environment has the same packages. Python starts without ``site``, so a ``.pth``
file of the virtual environment cannot add code that the image lacks.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import TYPE_CHECKING

from local import environment, sessions

if TYPE_CHECKING:
    from pathlib import Path

    from local.sagemaker.context import Context


def command(verb: str) -> list[str]:
    """Return the command line of the verb ``train`` or ``serve``."""
    return [sys.executable, "-S", "-m", "training", verb]


def variables(context: Context, *, role_arn: str, root: Path, code: Path, isolated: bool) -> dict[str, str]:
    """Return the environment variables of every container.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    role_arn : str
        Role whose credentials the container gets; on AWS they come from the instance's metadata.
    root : Path
        The folder that stands for ``/opt/ml``.
    code : Path
        The image's directory.
    isolated : bool
        Whether network isolation is enabled; the container then gets no credentials, as on AWS.
    """
    packages = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    return {
        **environment.base(os.environ),
        **environment.no_aws_files(),
        **({} if isolated else _credentials(context, role_arn)),
        "AWS_REGION": context.settings.region,
        "AWS_DEFAULT_REGION": context.settings.region,
        "HOME": str(root),
        "TMPDIR": str(root / "tmp"),
        "XDG_CACHE_HOME": str(context.settings.scratch / "caches"),  # shared, as an image's layers are
        "PYTHONPATH": os.pathsep.join([str(code), *packages]),
        "PYTHONUNBUFFERED": "1",
        "SAGEMAKER_BASE_DIR": str(root),
    }


def _credentials(context: Context, role_arn: str) -> dict[str, str]:
    key, secret, token = sessions.assume(role_arn, "SageMaker")
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token or "",
        "AWS_ENDPOINT_URL": context.endpoint,
    }
