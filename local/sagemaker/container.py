"""How a container runs on the laptop: the image's command in the image's directory, and nothing else of ours.

An image brings its own code and the packages of its requirements; the same packages are in the virtual
environment. Python starts without ``site``, so a path file there cannot lend the container code that its
image lacks.
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
    """Return the command line of ``train`` or ``serve``."""
    return [sys.executable, "-S", "-m", "training", verb]


def variables(context: Context, *, role_arn: str, root: Path, code: Path, isolated: bool) -> dict[str, str]:
    """Return what every container's environment holds.

    Parameters
    ----------
    context : Context
        The SageMaker.
    role_arn : str
        Whose credentials it gets; on AWS from the instance's metadata.
    root : Path
        What stands for ``/opt/ml``.
    code : Path
        The image's directory.
    isolated : bool
        Network isolation: it gets no credentials, as on AWS.
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
