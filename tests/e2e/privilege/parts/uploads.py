"""The function that gives forms away and tells what became of their files."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.ledger import Item
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part

PATH = "/v1/models/{model}/uploads"
FORM = "20260101t000000-00000f"
REJECTED = {"line": 2, "errors": [{"column": "species", "value": "rose", "reason": "not one of them"}]}


def form(form_id: str) -> Item:
    """Write the ledger's record of a form."""
    times = {"created_at": "2026-01-01T00:00:00.000+00:00", "ends_at": "2026-01-01T01:00:00.000+00:00"}
    return {
        "pk": f"FORM#{MODEL}", "sk": form_id, "form_id": form_id, "model": MODEL, "filename": "new.csv", **times
    }  # fmt: skip


def uploads(bench: Bench, moments: Moments) -> Part:
    rest = moments["Rest"].book
    like = rest.of(MODEL, "UPLOAD#")[0]
    book = rest.add(form(FORM)).add({**like, "rows_rejected": 1})
    lake = f"quarantine/{MODEL}/{like['upload_id']}/rows.jsonl"
    bench.stage.client("s3").put_object(
        Bucket=bench.stage.outputs["LakeBucket"], Key=lake, Body=json.dumps(REJECTED).encode() + b"\n"
    )
    bench.stage.put(MODEL, f"{FORM}/new.csv", b"not taken in yet")

    def a_form_is_made() -> None:
        bench.ledger.write(book)
        ask(bench, "POST", PATH, 201, body={"filename": "new.csv"})

    def uploads_are_listed() -> None:
        bench.ledger.write(book)
        ask(bench, "GET", PATH, 200)

    def a_file_is_seen_before_it_is_taken_in() -> None:
        bench.ledger.write(book)
        found = ask(bench, "GET", PATH + "/{upload}", 200, upload=FORM)
        if found["state"] != "RECEIVED":
            raise Broken(f"the upload is {found}")

    def rejected_rows_are_shown() -> None:
        bench.ledger.write(book)
        found = ask(bench, "GET", PATH + "/{upload}", 200, upload=like["upload_id"])
        if found["rejected_rows"] != [REJECTED]:
            raise Broken(f"the upload is {found}")

    scenes = [
        a_form_is_made,
        uploads_are_listed,
        a_file_is_seen_before_it_is_taken_in,
        rejected_rows_are_shown,
    ]
    return Part(bench.of_function("uploads"), scenes)


def ask(bench: Bench, method: str, path: str, status: int, *, upload: str = "", body: object = None) -> Any:
    """Call the function as the API does."""
    event = {
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "headers": {"content-type": "application/json"},
        "requestContext": {"requestId": "r", "http": {"method": method}},
        "pathParameters": {"model": MODEL, "upload": upload},
        "body": json.dumps(body),
    }
    answer = bench.invoke("uploads", event)
    if answer["statusCode"] != status:
        raise Broken(f"{method} {path} answers {answer}")
    given = answer["body"]
    return json.loads(base64.b64decode(given) if answer.get("isBase64Encoded") else given)


PARTS = {"uploads": uploads}
