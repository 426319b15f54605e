"""The client for asyncio."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

import httpx

from relearn_client import aio_sending as sending
from relearn_client import calls, file_calls, storage, waiting, wire
from relearn_client.base import Base, trusted
from relearn_client.batches import Batch, BatchBrief
from relearn_client.calls import Call, Instance, T
from relearn_client.exchange import Outcome, Send
from relearn_client.feedback import Feedback
from relearn_client.forms import Form
from relearn_client.history import Run, RunPage, Version
from relearn_client.operations import Action, Route
from relearn_client.shapes import BatchLine, Model, ModelBrief, Predictions
from relearn_client.storage import File
from relearn_client.uploads import Upload, UploadBrief
from relearn_client.waiting import ENDED, GOALS, POLL_SECONDS, TIMEOUT_SECONDS, Goal, Patience, W


class AsyncClient(Base[httpx.AsyncClient]):
    """Client of the API over persistent connections. Tasks of one event loop may share one.

    Its parameters are those of `base.Base`.
    """

    def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=trusted())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._owns_http:
            await self._http.aclose()

    async def predict(
        self,
        model: str,
        instances: Sequence[Instance],
        *,
        idempotency_key: str | None = None,
        repeatable: bool = True,
        caller: str | None = None,
    ) -> Predictions:
        """Request predictions.

        Parameters
        ----------
        model
            Name of the model.
        instances
            Column → value, one mapping for each prediction.
        idempotency_key
            Idempotency key: the server counts the call once, however often it arrives. None generates one.
        repeatable
            False sends no key and makes only one attempt: for an answer that is too large for the server to
            keep.
        caller
            Identifies the caller, e.g. a customer's id: while a canary runs, the same caller is answered by
            the same version.

        Raises
        ------
        RelearnClientError
            See `relearn_client.errors`.
        ValueError
            When the key or the caller is malformed.
        """
        return await self._carry_out(
            calls.predict(model, instances, idempotency_key, repeatable=repeatable, caller=caller)
        )

    async def models(self) -> list[ModelBrief]:
        """List the models."""
        return await self._carry_out(calls.models())

    async def model(self, name: str) -> Model:
        """Return one model."""
        return await self._carry_out(calls.model(name))

    async def versions(self, model: str) -> list[Version]:
        """List a model's versions, newest first."""
        return await self._carry_out(calls.versions(model))

    async def runs(self, model: str, *, limit: int | None = None, after: str | None = None) -> RunPage:
        """List a model's runs, newest first, one page.

        Parameters
        ----------
        model
            Name of the model.
        limit
            Maximum number of runs; None leaves it to the server.
        after
            Token of the page, ``next`` of the previous page; None begins with the newest run.
        """
        return await self._carry_out(calls.runs(model, limit, after))

    async def run(self, model: str, run_id: str) -> Run:
        """Return one run."""
        return await self._carry_out(calls.run(model, run_id))

    async def route(self, model: str) -> Route:
        """Return which versions answer for a model, with the history of who decided it."""
        return await self._carry_out(calls.route(model))

    async def change_route(
        self,
        model: str,
        action: Action,
        *,
        why: str,
        version: int | None = None,
        revision: int | None = None,
    ) -> Route:
        """Change by hand which version answers; it takes effect within 5 seconds.

        Parameters
        ----------
        model
            Name of the model.
        action
            ``"rollback"``, ``"promote"``, ``"freeze"`` or ``"unfreeze"``.
        why
            Reason, kept in the route's history.
        version
            Required to promote. For a rollback, a version other than the previous one; required for a second
            rollback in a row.
        revision
            Revision that the change is based on; when the route has another by now, the change is refused.

        Raises
        ------
        RouteChangedError
            When the route does not allow the change, or its revision has changed.
        RelearnClientError
            See `relearn_client.errors`.
        """
        return await self._carry_out(calls.change_route(model, action, why, version, revision))

    async def approve(self, model: str, version: int, *, why: str = "") -> Version:
        """Approve a version that waits for approval; its run continues with the deployment.

        Parameters
        ----------
        model, version
            Name of the model, and number of the version.
        why
            Reason, kept with the version; may be empty.

        Raises
        ------
        NotWaitingError
            When it waits for no decision, or someone has decided already; the message says who and what.
        RelearnClientError
            See `relearn_client.errors`.
        """
        return await self._carry_out(calls.decide(model, version, "approve", why))

    async def reject(self, model: str, version: int, *, why: str) -> Version:
        """Reject a version that waits for approval.

        It never serves, and the new uploads of its run are not tried again.

        Parameters and errors are those of `approve`, but the reason is required.
        """
        return await self._carry_out(calls.decide(model, version, "reject", why))

    async def feedback(self, model: str, truths: Iterable[tuple[str, Any]]) -> Feedback:
        """Send ground truth of predictions; sending it again is safe, because the first value stays.

        Parameters
        ----------
        model
            Name of the model.
        truths
            Prediction id and ground truth of each, in any number; a request carries at most 1,000.

        Raises
        ------
        InvalidFeedbackError
            When a value does not fit the model; nothing of its request is kept, earlier requests are.
        RelearnClientError
            See `relearn_client.errors`.
        """
        answers = [await self._carry_out(call) for call in calls.feedback(model, truths)]
        return Feedback.joined(model, answers)

    # files

    async def send(self, form: Form, file: File) -> None:
        """Send a file with a presigned form, in one attempt.

        After a NoAnswerError, read the batch's or upload's state.

        Parameters
        ----------
        form
            Form of `create_batch` or `create_upload`.
        file
            A path, bytes, or an open binary file; it is read in the event loop.

        Raises
        ------
        StorageError
            When the file is empty or too large, or the form has expired.
        NoAnswerError
            When S3 cannot be reached, or the connection breaks.
        """
        await self._post(form, file)

    async def create_batch(self, model: str) -> Batch:
        """Create a batch; send its file with its `form`, as JSON Lines with one instance on each line."""
        return await self._carry_out(file_calls.create_batch(model))

    async def score(self, model: str, file: File) -> Batch:
        """Create a batch and send its file."""
        batch = await self.create_batch(model)
        await self._post(file_calls.form_of(batch), file)
        return batch

    async def batches(self, model: str) -> list[BatchBrief]:
        """List a model's newest batches, newest first."""
        return await self._carry_out(file_calls.batches(model))

    async def batch(self, model: str, batch_id: str) -> Batch:
        """Return one batch."""
        return await self._carry_out(file_calls.batch(model, batch_id))

    async def wait_for_batch(
        self,
        model: str,
        batch_id: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> Batch:
        """Wait until a batch has SUCCEEDED or FAILED.

        Parameters
        ----------
        model, batch_id
            Name of the model, and id of the batch.
        timeout_seconds, poll_seconds
            Maximum wait, and pause between two readings, in seconds.

        Raises
        ------
        WaitTimeoutError
            When it has not ended in that time.
        """
        patience = Patience(timeout_seconds, poll_seconds)
        return await self._wait(
            f"batch {batch_id} of {model}", lambda: self.batch(model, batch_id), ENDED, patience
        )

    def results(self, batch: Batch) -> AsyncIterator[BatchLine]:
        """Download a batch's predictions one by one, in the order of the file's lines, each with an id for feedback.

        Parameters
        ----------
        batch
            A batch that SUCCEEDED.

        Raises
        ------
        NoResultError
            When it has no result.
        StorageError
            When the link has expired: request the batch again.
        """
        return self._fetch(storage.result_request(batch))

    async def create_upload(self, model: str, filename: str, *, table: str | None = None) -> Upload:
        """Create an upload; send its file with its `form`.

        Parameters
        ----------
        model
            Name of the model.
        filename
            Name of the file, whose extension gives its format: CSV, JSON Lines (both may be gzipped) or
            Parquet.
        table
            Table of the model that the data belongs to; None for a model that has one.
        """
        return await self._carry_out(file_calls.create_upload(model, filename, table))

    async def upload_file(
        self, model: str, file: File, *, filename: str | None = None, table: str | None = None
    ) -> Upload:
        """Create an upload and send its file.

        Parameters
        ----------
        model
            Name of the model.
        file
            A path, bytes, or an open binary file.
        filename
            Name of the file; None uses the last part of a path.
        table
            Table of the model that the data belongs to; None for a model that has one.

        Raises
        ------
        ValueError
            When content is given without a filename.
        """
        upload = await self.create_upload(model, storage.name_of(file, filename), table=table)
        await self._post(file_calls.form_of(upload), file)
        return upload

    async def uploads(self, model: str) -> list[UploadBrief]:
        """List a model's newest uploads, newest first."""
        return await self._carry_out(file_calls.uploads(model))

    async def upload(self, model: str, upload_id: str) -> Upload:
        """Return one upload."""
        return await self._carry_out(file_calls.upload(model, upload_id))

    async def wait_for_upload(
        self,
        model: str,
        upload_id: str,
        *,
        until: Goal = "used",
        timeout_seconds: float = TIMEOUT_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> Upload:
        """Wait until a run has used an upload or ended without a decision about it, or its state is final.

        Parameters
        ----------
        model, upload_id
            Name of the model, and id of the upload.
        until
            ``"used"``, or ``"checked"``: its rows are counted as accepted or rejected.
        timeout_seconds, poll_seconds
            Maximum wait, and pause between two readings, in seconds.

        Raises
        ------
        WaitTimeoutError
            When it has not reached that state in that time.
        """
        patience, over = Patience(timeout_seconds, poll_seconds), GOALS[until]
        what = f"upload {upload_id} of {model}"
        return await self._wait(what, lambda: self.upload(model, upload_id), over, patience)

    # execution of a call

    async def _carry_out(self, call: Call[T]) -> T:
        steps = self._begin(call)
        send = next(steps)
        while True:
            outcome = await self._send(call, send)
            try:
                send = steps.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result

    async def _send(self, call: Call[T], send: Send) -> Outcome:
        await sending.pause(send.after)
        try:
            request = wire.request(self._url, call, send)
            return await sending.answer(self._http, request, self._auth, send.within)
        except (httpx.HTTPError, TimeoutError) as error:
            return wire.no_answer(self._url, send.within, error)

    async def _post(self, form: Form, file: File) -> None:
        with storage.form_request(form, file) as request:
            try:
                response = await self._http.send(request, auth=None, follow_redirects=True)
            except httpx.HTTPError as error:
                raise wire.no_answer(form.url, storage.TIMEOUT_SECONDS, error) from error
        storage.check(response)

    async def _fetch(self, request: httpx.Request) -> AsyncIterator[BatchLine]:
        lines = storage.Lines()
        try:
            async with aclosing(await self._http.send(request, auth=None, stream=True)) as response:
                if not response.is_success:
                    await response.aread()
                storage.check(response)
                async for part in response.aiter_bytes():
                    for prediction in lines.take(part):
                        yield prediction
                for prediction in lines.end():
                    yield prediction
        except httpx.HTTPError as error:
            raise wire.no_answer(storage.host(request), storage.TIMEOUT_SECONDS, error) from error

    async def _wait(
        self,
        what: str,
        look: Callable[[], Awaitable[W]],
        over: Callable[[W], bool],
        patience: Patience,
    ) -> W:
        for pause in patience.pauses(time.monotonic):
            if over(seen := await look()):
                return seen
            await sending.pause(pause)
        raise waiting.gave_up(what, seen, patience)
