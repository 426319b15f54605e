"""Excludes uploads from every later snapshot, on a person's request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from relearn.errors import NotFoundError, NothingToExcludeError
from relearn.lifecycle import exclusions
from relearn.lifecycle.uploads import UploadState

_log = logging.getLogger(__name__)


def exclude(ledger: Ledger, detail: Mapping[str, Any]) -> None:
    """Exclude the upload that a message of `relearn.lifecycle.exclusions` names; idempotent.

    Raises
    ------
    NotFoundError
        The ledger has no such upload.
    ConflictError
        Another writer changed the upload at the same time; the message must be delivered again.
    """
    asked = exclusions.parse_detail(detail)
    upload = ledger.upload(asked.model, asked.upload_id)
    if upload is None:
        raise NotFoundError(f"model {asked.model} has no upload {asked.upload_id!r}")
    about = {"model": asked.model, "upload_id": asked.upload_id}
    try:
        exclusions.check(upload)
    except NothingToExcludeError as error:
        _log.info("nothing to exclude: %s", error, extra=about)
        return
    ledger.move_upload(upload, UploadState.EXCLUDED, asked.reason)
    _log.info("upload EXCLUDED", extra={**about, "reason": asked.reason})
