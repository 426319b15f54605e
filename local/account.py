"""Everything that needs MiniStack imported, in one place: import this after the environment is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.core import lambda_runtime

from local import hooks, kept, sessions
from local.forks import ForkServer
from local.glue import runs
from local.hooks import executions
from local.hooks.durable import Durable
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
)  # importing them fills the operations' table


class Account:
    """The account's own part: MiniStack with our hooks, and SageMaker.

    Parameters
    ----------
    settings : Settings
        The cloud.
    images : Images
        Its container images.
    endpoint : str
        Where the AWS APIs answer.
    issuer : Issuer
        Who issues tokens for the deployed API.
    """

    def __init__(self, settings: Settings, images: Images, endpoint: str, issuer: Issuer) -> None:
        state = State(settings.keep / "sagemaker.json" if settings.keep else None)
        self.context = Context(settings=settings, state=state, images=images, endpoint=endpoint)
        self._forks = ForkServer()
        hooks.install(self.context, issuer, self._forks)
        self.durable = Durable(settings.keep / kept.GENERATIONS) if settings.keep else None
        if self.durable:
            self.durable.answer_after_writing_tables()

    def client(self, service: str) -> Any:
        """Return a boto3 client that acts as the account's administrator."""
        return sessions.connect(service)

    def resume(self) -> None:
        """Bring back what ran before, when the state was kept; what was under way has failed."""
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
        """End the processes that run Lambda functions."""
        lambda_runtime.reset()
        self._forks.close()
