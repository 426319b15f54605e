"""Command line and environment of a container on the laptop.

A container is the image's command in the image's directory. An image brings its own code and the packages of
its requirements; the virtual environment has the same packages. Python starts without ``site``, so a ``.pth``
file of the virtual environment cannot add code that the image lacks.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from typing import TYPE_CHECKING

from local import environment, sessions
from local.forks import ForkServer

if TYPE_CHECKING:
    from pathlib import Path

    from local.sagemaker.context import Context

PLATFORM = "linux/amd64"
"""Platform of ml.m5 instances and of serverless endpoints."""
_OPTIONS = ("-S",)
_IMPORTS = {
    "ibis-framework": ("ibis", "ibis.backends.duckdb"),
    "pandas": ("pandas",),
    "pyarrow": ("pyarrow.parquet",),
    "scikit-learn": (
        "sklearn.compose",
        "sklearn.ensemble",
        "sklearn.feature_extraction.text",
        "sklearn.linear_model",
        "sklearn.model_selection",
    ),
    "skl2onnx": ("skl2onnx",),
}
"""Modules that take long to import, by requirement; none may start a thread, which a fork would lack."""
_QUIET_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "4"}
"""Let threads of OpenMP and OpenBLAS sleep while they wait, not spin: containers share this machine, and an instance is theirs alone."""
_REQUIREMENT = re.compile(r"^([a-z0-9-]+)==", re.MULTILINE)


def command(context: Context, image: str, verb: str) -> list[str]:
    """Return the command line of the verb ``train`` or ``serve`` of an image.

    SageMaker's instances start no program of another architecture (aws/deep-learning-containers#1157): such a
    container says so and ends, and neither CreateModel nor CreateTrainingJob looks at it before.
    """
    if not _starts(context, image):
        return [
            sys.executable,
            *_OPTIONS,
            "-c",
            "raise SystemExit('exec /usr/local/bin/python: exec format error')",
        ]
    return [sys.executable, *_OPTIONS, "-m", "training", verb]


def server(context: Context, image: str, code: Path) -> ForkServer | None:
    """Return the server that forks an image's jobs.

    None when the image's program does not start, or none of its requirements takes long to import.
    """
    if not _starts(context, image):
        return None
    file = code / "training" / "requirements.txt"
    named = _REQUIREMENT.findall(file.read_text()) if file.exists() else []
    imports = [module for package in named for module in _IMPORTS.get(package, ())]
    if not imports:
        return None
    with context.starting:
        if code not in context.servers:
            shared = {**_shared(context), "PYTHONPATH": os.pathsep.join(_packages())}
            context.servers[code] = ForkServer(imports, options=_OPTIONS, environment=shared)
        return context.servers[code]


def _starts(context: Context, image: str) -> bool:
    """Return whether an instance starts the image's program; one that an earlier run pulled did so then."""
    return context.images.platform(image) in (PLATFORM, None)


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
    return {
        **_shared(context),
        **({} if isolated else _credentials(context, role_arn)),
        "AWS_REGION": context.settings.region,
        "AWS_DEFAULT_REGION": context.settings.region,
        "HOME": str(root),
        "TMPDIR": str(root / "tmp"),
        "PYTHONPATH": os.pathsep.join([str(code), *_packages()]),
        "SAGEMAKER_BASE_DIR": str(root),
    }


def _shared(context: Context) -> dict[str, str]:
    return {
        **environment.base(os.environ),
        **environment.no_aws_files(),
        "XDG_CACHE_HOME": str(context.settings.scratch / "caches"),  # shared, as an image's layers are
        "PYTHONUNBUFFERED": "1",
        **_QUIET_THREADS,
    }


def _packages() -> list[str]:
    return list(dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))))


def _credentials(context: Context, role_arn: str) -> dict[str, str]:
    key, secret, token = sessions.assume(role_arn, "SageMaker")
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token or "",
        "AWS_ENDPOINT_URL": context.endpoint,
    }
