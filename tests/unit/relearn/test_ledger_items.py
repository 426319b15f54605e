"""Items of the ledger that an older version wrote are read too."""

from __future__ import annotations

from relearn.ledger import items
from relearn.lifecycle.uploads import UploadState

ITEM = {
    "pk": "MODEL#iris", "sk": "UPLOAD#u", "upload_id": "u", "model": "iris", "table": "main", "key": "incoming/iris/a.csv",
    "version_id": "v", "sequencer": "1", "size_bytes": 1, "received_at": "2026-05-04T10:00:00.000+00:00", "state": "ACCEPTED",
}  # fmt: skip


def test_an_upload_that_was_never_tried_again_has_no_earlier_ends() -> None:
    upload = items.upload(ITEM)
    assert (upload.state, upload.earlier) == (UploadState.ACCEPTED, ())


def test_what_an_item_has_beside_an_upload_is_passed_over() -> None:
    assert items.upload({**ITEM, "of another version": 1}) == items.upload(ITEM)
