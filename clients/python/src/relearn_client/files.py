"""What the client for ordinary code does with files: it uploads them to learn from, and has them scored."""

from __future__ import annotations

from collections.abc import Iterator

from relearn_client import file_calls, storage
from relearn_client.batches import Batch, BatchBrief
from relearn_client.carrier import Carrier
from relearn_client.forms import Form
from relearn_client.shapes import BatchLine
from relearn_client.storage import File
from relearn_client.uploads import Upload, UploadBrief
from relearn_client.waiting import ENDED, GOALS, POLL_SECONDS, TIMEOUT_SECONDS, Goal, Patience


class Files(Carrier):
    """The calls about files."""

    def send(self, form: Form, file: File) -> None:
        """Send a file with a form. It is sent once: after a NoAnswerError, ask what became of it.

        Parameters
        ----------
        form
            Of `create_batch` or `create_upload`.
        file
            A path, bytes, or an open binary file.

        Raises
        ------
        StorageError
            The file is empty or too large, or the form's time is over.
        NoAnswerError
            S3 could not be reached, or broke off.
        """
        self._post(form, file)

    def create_batch(self, model: str) -> Batch:
        """Begin a batch; its file is sent with its `form`, as JSON Lines with one instance a line."""
        return self._carry_out(file_calls.create_batch(model))

    def score(self, model: str, file: File) -> Batch:
        """Begin a batch and send its file."""
        batch = self.create_batch(model)
        self._post(file_calls.form_of(batch), file)
        return batch

    def batches(self, model: str) -> list[BatchBrief]:
        """List a model's newest batches, the newest first."""
        return self._carry_out(file_calls.batches(model))

    def batch(self, model: str, batch_id: str) -> Batch:
        """Describe one batch."""
        return self._carry_out(file_calls.batch(model, batch_id))

    def wait_for_batch(
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
            Which.
        timeout_seconds, poll_seconds
            How long to wait at most, and between two looks.

        Raises
        ------
        WaitTimeoutError
            It has not ended in that time.
        """
        patience = Patience(timeout_seconds, poll_seconds)
        return self._wait(
            f"batch {batch_id} of {model}", lambda: self.batch(model, batch_id), ENDED, patience
        )

    def results(self, batch: Batch) -> Iterator[BatchLine]:
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

    def create_upload(self, model: str, filename: str, *, table: str | None = None) -> Upload:
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
        return self._carry_out(file_calls.create_upload(model, filename, table))

    def upload_file(
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
        upload = self.create_upload(model, storage.name_of(file, filename), table=table)
        self._post(file_calls.form_of(upload), file)
        return upload

    def uploads(self, model: str) -> list[UploadBrief]:
        """List a model's newest uploads, the newest first."""
        return self._carry_out(file_calls.uploads(model))

    def upload(self, model: str, upload_id: str) -> Upload:
        """Describe one upload."""
        return self._carry_out(file_calls.upload(model, upload_id))

    def wait_for_upload(
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
            Which.
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
        return self._wait(what, lambda: self.upload(model, upload_id), over, patience)
