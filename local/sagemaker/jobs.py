"""The common part of training and transform jobs: describe, list, stop and announce."""

from __future__ import annotations

from dataclasses import dataclass

from local.sagemaker import model
from local.sagemaker.context import Context, announce
from local.sagemaker.errors import invalid
from local.sagemaker.state import Record, page

ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """The jobs of one kind.

    Parameters
    ----------
    kind : str
        Prefix of SageMaker's field names, such as ``"Training"``.
    table : str
        Table of their records.
    missing : str
        SageMaker's message when a job does not exist, with the placeholder ``{name}``.
    """

    kind: str
    table: str
    missing: str

    @property
    def name(self) -> str:
        """Field that holds a job's name."""
        return f"{self.kind}JobName"

    @property
    def status(self) -> str:
        """Field that holds a job's status."""
        return f"{self.kind}JobStatus"

    def describe(self, context: Context, request: Record) -> Record:
        """Return the job that a request names.

        Raises
        ------
        ApiError
            ``ValidationException`` when it does not exist.
        """
        job = context.state.get(self.table, request[self.name])
        if job is None:
            raise invalid(self.missing.format(name=request[self.name]))
        return job

    def summaries(self, context: Context, request: Record) -> Record:
        """Return the requested page of jobs."""
        jobs, more = page(context.state.all(self.table), request, name=self.name, status=self.status)
        return {f"{self.kind}JobSummaries": jobs, **more}

    def going(self, context: Context, request: Record) -> Record:
        """Return the job that a request is to stop.

        Raises
        ------
        ApiError
            ``ValidationException`` when it has ended or does not exist.
        """
        job = self.describe(context, request)
        if self.has_ended(job):
            raise invalid(
                f"The request was rejected because the {self.kind.lower()} job is in status {job[self.status]}"
            )
        return job

    def has_ended(self, job: Record) -> bool:
        """Whether a job has ended."""
        return job[self.status] in ENDED

    def announce(self, job: Record) -> None:
        """Put an event with a job's state on the event bus."""
        shape = model.service().operation_model(f"Describe{self.kind}Job").output_shape
        if shape is not None:
            detail = model.in_milliseconds(job, shape)
            announce(f"SageMaker {self.kind} Job State Change", job[f"{self.kind}JobArn"], detail)
