"""The role that signs presigned links and forms, and the functions that assume it."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from tests.e2e.forms import post_form
from tests.e2e.privilege import policies
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.parts import batches, uploads
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part

SCORED = "20260101t000000-000002"


def links(bench: Bench, moments: Moments) -> Part:
    rest = moments["Rest"].book
    bucket, key = bench.stage.outputs["LakeBucket"], f"batches/{MODEL}/{SCORED}/answers.jsonl"
    bench.stage.client("s3").put_object(Bucket=bucket, Key=key, Body=b"{}\n")
    trusts = [trust for trust in policies.of_trusts(bench.stage) if bench.name("links") in trust.role]
    (role,) = {trust.role for trust in trusts}

    def send(form: Any) -> None:
        status, said = post_form(form, b"{}")
        if status != 204:
            raise Broken(f"the form is refused: {said}")

    def a_file_to_learn_from_is_sent() -> None:
        bench.ledger.write(rest)
        bench.restart("uploads")
        send(uploads.ask(bench, "POST", uploads.PATH, 201, body={"filename": "new.csv"})["form"])

    def a_file_to_score_is_sent() -> None:
        bench.ledger.write(rest)
        bench.restart("batches")
        send(batches.ask(bench, "POST", batches.PATH, 201)["upload"])

    def a_result_is_fetched() -> None:
        bench.ledger.write(rest.add({**batches.record(SCORED, "SUCCEEDED"), "failed": 0}))
        found = batches.ask(bench, "GET", batches.PATH + "/{batch}", 200, batch=SCORED)
        try:
            with urllib.request.urlopen(found["result"]["url"], timeout=120) as answer:  # noqa: S310
                assert answer.read()
        except urllib.error.HTTPError as error:
            raise Broken(f"the link answers {error.code}") from error

    scenes = [a_file_to_learn_from_is_sent, a_file_to_score_is_sent, a_result_is_fetched]
    return Part([*trusts, *bench.of_role(role)], scenes)


PARTS = {"links": links}
