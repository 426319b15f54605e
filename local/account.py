"""The simulated AWS account: imports MiniStack, so import it only after the environment is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.core import lambda_runtime

from local import hooks, kept, sessions
from local.forks import ForkServer
from local.glue import runs
from local.hooks import executions
from local.hooks.durable import Durable
from local.hooks.functions import SDK
from local.sagemaker import containers, endpoints, packages, tags, training, transforms, tuning
from local.sagemaker.context import Context
from local.sagemaker.state import State

if TYPE_CHECKING:
    from local.api_gateway.issuer import Issuer
    from local.images import Images
    from local.settings import Settings

ROOMS = (
    containers,
    endpoints,
    packages,
    tags,
    training,
    transforms,
    tuning,
)  # importing them fills the table of operations


class Account:
    """MiniStack with the hooks installed, and the SageMaker of the laptop cloud.

    Parameters
    ----------
    settings : Settings
        Settings of the cloud.
    images : Images
        Container images of the assembly.
    endpoint : str
        URL of the AWS APIs.
    issuer : Issuer
        Issuer of the tokens that the deployed API accepts.
    """

    def __init__(self, settings: Settings, images: Images, endpoint: str, issuer: Issuer) -> None:
        state = State(settings.keep / "sagemaker.json" if settings.keep else None)
        self.context = Context(settings=settings, state=state, images=images, endpoint=endpoint)
        self._forks = ForkServer(("traceback", "boto3", "botocore.handlers"), allowed=SDK)
        hooks.install(self.context, issuer, self._forks)
        self.durable = Durable(settings.keep / kept.GENERATIONS) if settings.keep else None
        if self.durable:
            self.durable.answer_after_writing_tables()

    def client(self, service: str) -> Any:
        """Return a boto3 client that acts as the account's administrator."""
        return sessions.connect(service)

    def resume(self) -> None:
        """Restore jobs and endpoints from kept state.

        Executions and job runs that were interrupted become failed.
        """
        executions.fail_interrupted_executions()
        runs.resume()
        training.resume(self.context)
        transforms.resume(self.context)
        tuning.resume(self.context)
        endpoints.resume(self.context)

    def close(self) -> None:
        """Stop every job and endpoint."""
        self.context.closing.set()
        endpoints.close()

    def end_workers(self) -> None:
        """Terminate the worker processes of Lambda functions and the fork servers."""
        lambda_runtime.reset()
        for server in (self._forks, *self.context.servers.values()):
            server.close()
