"""What the client for asyncio does with files: what `files.Files` does, awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator

from relearn_client import file_calls, storage
from relearn_client.aio_carrier import AsyncCarrier
from relearn_client.batches import Batch, BatchBrief
from relearn_client.forms import Form
from relearn_client.shapes import BatchLine
from relearn_client.storage import File
from relearn_client.uploads import Upload, UploadBrief
from relearn_client.waiting import ENDED, GOALS, POLL_SECONDS, TIMEOUT_SECONDS, Goal, Patience


class AsyncFiles(AsyncCarrier):
    """The calls about files."""

    async def send(self, form: Form, file: File) -> None:
        """Send a file with a form, as `Client.send` does; the file is read in the event loop."""
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
        """Wait until a batch has SUCCEEDED or FAILED, as `Client.wait_for_batch` does."""
        patience = Patience(timeout_seconds, poll_seconds)
        return await self._wait(
            f"batch {batch_id} of {model}", lambda: self.batch(model, batch_id), ENDED, patience
        )

    def results(self, batch: Batch) -> AsyncIterator[BatchLine]:
        """Fetch a batch's predictions one by one, as `Client.results` does."""
        return self._fetch(storage.result_request(batch))

    async def create_upload(self, model: str, filename: str, *, table: str | None = None) -> Upload:
        """Begin an upload; its file is sent with its `form`."""
        return await self._carry_out(file_calls.create_upload(model, filename, table))

    async def upload_file(
        self, model: str, file: File, *, filename: str | None = None, table: str | None = None
    ) -> Upload:
        """Begin an upload and send its file."""
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
        """Wait until a run has used an upload, or nothing more will come of it, as `Client.wait_for_upload` does."""
        patience, over = Patience(timeout_seconds, poll_seconds), GOALS[until]
        what = f"upload {upload_id} of {model}"
        return await self._wait(what, lambda: self.upload(model, upload_id), over, patience)
