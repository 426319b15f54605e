"""Records of upload forms in the ledger: ``pk = FORM#<model>``, ``sk`` the form's id.

Their own partition keeps the permissions of the function that creates forms apart: it may write nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from lambdas.aws.dynamo.table import LONGEST_ID, Put, Records
from relearn.api import upload_forms
from relearn.api.upload_forms import UploadForm, UploadRequest
from relearn.errors import ConflictError, NotFoundError
from relearn.ledger.items import known
from relearn.naming import ledger_keys


class FormRecords(Records):
    """Reads and writes forms."""

    def create(
        self, model: str, asked: UploadRequest, new_id: Callable[[], str], *, ends_at: datetime
    ) -> UploadForm:
        """Create the record of a form that is valid from now.

        Parameters
        ----------
        model
            Name of the model.
        asked
            The request for an upload.
        new_id
            Returns a new id; called again when the id is taken.
        ends_at
            End of its validity, time-zone aware.
        """
        while True:
            now = self._clock()
            form = UploadForm(
                form_id=new_id(),
                model=model,
                filename=asked.filename,
                table=asked.table,
                created_at=now.isoformat(timespec="milliseconds"),
                ends_at=ends_at.isoformat(timespec="milliseconds"),
            )
            item = {**asdict(form), ledger_keys.EXPIRES_AT: int((now + upload_forms.KEPT).timestamp())}
            try:
                self._table.write(Put(pk=ledger_keys.FORMS + model, sk=form.form_id, item=item))
            except ConflictError:
                continue
            return form

    def form(self, model: str, form_id: str) -> UploadForm:
        """Return a form.

        Raises
        ------
        NotFoundError
            The model has no such form.
        """
        item = self._table.get(ledger_keys.FORMS + model, form_id) if len(form_id) <= LONGEST_ID else None
        if item is None:
            raise NotFoundError(f"model {model} has no upload {form_id[:LONGEST_ID]!r}")
        return UploadForm(**known(UploadForm, item))
