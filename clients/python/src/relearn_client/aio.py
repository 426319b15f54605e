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
from relearn_client.base import Base
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
    """Calls the API over kept connections. Tasks of one event loop may share one.

    Its parameters are those of `base.Base`.
    """

    def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient()

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
        """Ask for predictions.

        Parameters
        ----------
        model
            Name.
        instances
            Column → value, one mapping for each prediction.
        idempotency_key
            Names this call, so that the server counts it once however often it arrives; None makes one.
        repeatable
            False sends no key and asks only once: for an answer that is too large for the server to keep.
        caller
            Whom this is for, e.g. a customer's id: while a new version is tried, the same caller is answered by the same
            version.

        Raises
        ------
        RelearnClientError
            See `relearn_client.errors`.
        """
        return await self._carry_out(
            calls.predict(model, instances, idempotency_key, repeatable=repeatable, caller=caller)
        )

    async def models(self) -> list[ModelBrief]:
        """List the models."""
        return await self._carry_out(calls.models())

    async def model(self, name: str) -> Model:
        """Describe one model."""
        return await self._carry_out(calls.model(name))

    async def versions(self, model: str) -> list[Version]:
        """List a model's versions, the newest first."""
        return await self._carry_out(calls.versions(model))

    async def runs(self, model: str, *, limit: int | None = None, after: str | None = None) -> RunPage:
        """List a model's runs, the newest first, one page.

        Parameters
        ----------
        model
            Name.
        limit
            How many at most; None leaves it to the server.
        after
            Where the page begins: ``next`` of the page before; None begins with the newest.
        """
        return await self._carry_out(calls.runs(model, limit, after))

    async def run(self, model: str, run_id: str) -> Run:
        """Describe one run."""
        return await self._carry_out(calls.run(model, run_id))

    async def route(self, model: str) -> Route:
        """Tell which versions answer for a model, and who decided so."""
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
            Name.
        action
            ``"rollback"``, ``"promote"``, ``"freeze"`` or ``"unfreeze"``.
        why
            Kept in the route's history.
        version
            Needed to promote; of a rollback: another than the previous one, which a second rollback
            in a row does not go back to.
        revision
            The revision that was seen: when the route has another by now, nothing is changed.

        Raises
        ------
        RouteChangedError
            The route does not allow it, or someone else was first.
        RelearnClientError
            See `relearn_client.errors`.
        """
        return await self._carry_out(calls.change_route(model, action, why, version, revision))

    async def approve(self, model: str, version: int, *, why: str = "") -> Version:
        """Let a version that waits for it be deployed; its run goes on.

        Parameters
        ----------
        model, version
            Name of the model, and number of the version.
        why
            Kept with the version.

        Raises
        ------
        NotWaitingError
            It waits for no decision, or someone decided before: says who, and what.
        RelearnClientError
            See `relearn_client.errors`.
        """
        return await self._carry_out(calls.decide(model, version, "approve", why))

    async def reject(self, model: str, version: int, *, why: str) -> Version:
        """Refuse a version that waits for approval: it never serves, and what was new in its run is not tried again.

        Parameters and errors are those of `approve`; a reason is needed.
        """
        return await self._carry_out(calls.decide(model, version, "reject", why))

    async def feedback(self, model: str, truths: Iterable[tuple[str, Any]]) -> Feedback:
        """Tell what proved true. It may be told again at any time: what is known stays as it is.

        Parameters
        ----------
        model
            Name.
        truths
            Prediction id and truth of each; as many as there are, sent a thousand at a time.

        Raises
        ------
        InvalidFeedbackError
            A truth does not fit the model; of its thousand none was kept, those before it were.
        RelearnClientError
            See `relearn_client.errors`.
        """
        answers = [await self._carry_out(call) for call in calls.feedback(model, truths)]
        return Feedback.joined(model, answers)

    # files

    async def send(self, form: Form, file: File) -> None:
        """Send a file with a form. It is sent once: after a NoAnswerError, ask what became of it.

        Parameters
        ----------
        form
            Of `create_batch` or `create_upload`.
        file
            A path, bytes, or an open binary file; it is read in the event loop.

        Raises
        ------
        StorageError
            The file is empty or too large, or the form's time is over.
        NoAnswerError
            S3 could not be reached, or broke off.
        """
        await self._post(form, file)

    async def create_batch(self, model: str) -> Batch:
        """Begin a batch; its file is sent with its `form`, as JSON Lines with one instance a line."""
        return await self._carry_out(file_calls.create_batch(model))

    async def score(self, model: str, file: File) -> Batch:
        """Begin a batch and send its file."""
        batch = await self.create_batch(model)
        await self._post(file_calls.form_of(batch), file)
        return batch

    async def batches(self, model: str) -> list[BatchBrief]:
        """List a model's newest batches, the newest first."""
        return await self._carry_out(file_calls.batches(model))

    async def batch(self, model: str, batch_id: str) -> Batch:
        """Describe one batch."""
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
            How long to wait at most, and between two looks.

        Raises
        ------
        WaitTimeoutError
            It has not ended in that time.
        """
        patience = Patience(timeout_seconds, poll_seconds)
        return await self._wait(
            f"batch {batch_id} of {model}", lambda: self.batch(model, batch_id), ENDED, patience
        )

    def results(self, batch: Batch) -> AsyncIterator[BatchLine]:
        """Fetch a batch's predictions one by one, in the order of its file's lines, each with an id for feedback.

        Parameters
        ----------
        batch
            One that SUCCEEDED.

        Raises
        ------
        NoResultError
            It has no result.
        StorageError
            The link's time is over: ask for the batch again.
        """
        return self._fetch(storage.result_request(batch))

    async def create_upload(self, model: str, filename: str, *, table: str | None = None) -> Upload:
        """Begin an upload; its file is sent with its `form`.

        Parameters
        ----------
        model
            Name.
        filename
            What it is called; the end tells what it is: CSV, JSON Lines (both may be gzipped) or Parquet.
        table
            Which of the model's tables it is data of, for a model that has several.
        """
        return await self._carry_out(file_calls.create_upload(model, filename, table))

    async def upload_file(
        self, model: str, file: File, *, filename: str | None = None, table: str | None = None
    ) -> Upload:
        """Begin an upload and send its file.

        Parameters
        ----------
        model
            Name.
        file
            A path, bytes, or an open binary file.
        filename
            What it is called; None takes a path's last part.
        table
            Which of the model's tables it is data of, for a model that has several.

        Raises
        ------
        ValueError
            Content was given without a filename.
        """
        upload = await self.create_upload(model, storage.name_of(file, filename), table=table)
        await self._post(file_calls.form_of(upload), file)
        return upload

    async def uploads(self, model: str) -> list[UploadBrief]:
        """List a model's newest uploads, the newest first."""
        return await self._carry_out(file_calls.uploads(model))

    async def upload(self, model: str, upload_id: str) -> Upload:
        """Describe one upload."""
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
        """Wait until a run has used an upload, or nothing more will come of it.

        Parameters
        ----------
        model, upload_id
            Name of the model, and id of the upload.
        until
            ``"used"``, or ``"checked"``: its rows are counted, accepted or refused.
        timeout_seconds, poll_seconds
            How long to wait at most, and between two looks.

        Raises
        ------
        WaitTimeoutError
            It has not come so far in that time.
        """
        patience, over = Patience(timeout_seconds, poll_seconds), GOALS[until]
        what = f"upload {upload_id} of {model}"
        return await self._wait(what, lambda: self.upload(model, upload_id), over, patience)

    # how a call is carried out

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
