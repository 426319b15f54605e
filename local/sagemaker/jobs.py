"""What training and transform jobs have in common: they are described, listed, stopped and told of in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.sagemaker import model
from local.sagemaker.context import Context, announce
from local.sagemaker.errors import invalid
from local.sagemaker.state import page

if TYPE_CHECKING:
    Record = dict[str, Any]

ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """The jobs of one kind.

    Parameters
    ----------
    kind : str
        As in the names of SageMaker's fields: ``"Training"``.
    table : str
        Where their records are.
    missing : str
        What SageMaker says when there is no such job; ``{name}`` is its name.
    """

    kind: str
    table: str
    missing: str

    @property
    def name(self) -> str:
        """Return the field that names a job."""
        return f"{self.kind}JobName"

    @property
    def status(self) -> str:
        """Return the field that says how a job is."""
        return f"{self.kind}JobStatus"

    def describe(self, context: Context, request: Record) -> Record:
        """Return the job that a request names.

        Raises
        ------
        ApiError
            There is none.
        """
        job = context.state.get(self.table, request[self.name])
        if job is None:
            raise invalid(self.missing.format(name=request[self.name]))
        return job

    def summaries(self, context: Context, request: Record) -> Record:
        """Return the page of jobs that a request asks for."""
        jobs, more = page(context.state.all(self.table), request, name=self.name, status=self.status)
        return {f"{self.kind}JobSummaries": jobs, **more}

    def going(self, context: Context, request: Record) -> Record:
        """Return the job that a request wants to stop.

        Raises
        ------
        ApiError
            It has ended, or there is none.
        """
        job = self.describe(context, request)
        if self.has_ended(job):
            raise invalid(
                f"The request was rejected because the {self.kind.lower()} job is in status {job[self.status]}"
            )
        return job

    def has_ended(self, job: Record) -> bool:
        """Tell whether a job is over."""
        return job[self.status] in ENDED

    def announce(self, job: Record) -> None:
        """Say on the event bus how a job is."""
        shape = model.service().operation_model(f"Describe{self.kind}Job").output_shape
        if shape is not None:
            detail = model.in_milliseconds(job, shape)
            announce(f"SageMaker {self.kind} Job State Change", job[f"{self.kind}JobArn"], detail)
