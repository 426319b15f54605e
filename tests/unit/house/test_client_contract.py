"""The client and the API speak of the same things: every operation has a call, every problem an exception."""

from __future__ import annotations

import re
from typing import Any

import pytest

from relearn.api import operations, problems
from relearn.api.problems import Kind
from relearn_client import ProblemError, ServerError, calls, file_calls
from relearn_client.errors import Problem, error_for

CALLS: dict[str, calls.Call[Any]] = {
    "predict": calls.predict("m", []),
    "listModels": calls.models(),
    "getModel": calls.model("m"),
    "listVersions": calls.versions("m"),
    "getRoute": calls.route("m"),
    "changeRoute": calls.change_route("m", "rollback", "why", revision=3),
    "decideVersion": calls.decide("m", 2, "approve", ""),
    "listRuns": calls.runs("m", limit=5),
    "getRun": calls.run("m", "r"),
    "createBatch": file_calls.create_batch("m"),
    "listBatches": file_calls.batches("m"),
    "getBatch": file_calls.batch("m", "b"),
    "createUpload": file_calls.create_upload("m", "f.csv"),
    "listUploads": file_calls.uploads("m"),
    "getUpload": file_calls.upload("m", "u"),
    "giveFeedback": calls.feedback("m", [("p", 1)])[0],
}


@pytest.mark.parametrize("operation", CALLS)
def test_a_call_is_an_operation_of_the_api(operation: str) -> None:
    call = CALLS[operation]
    found = next(one for one in operations.OPERATIONS if one.id == operation)
    template = re.sub(r"\{\w+\}", "[a-z2]", found.path)
    assert re.fullmatch(template, call.path.partition("?")[0])
    assert call.method == found.method
    assert call.repeatable


@pytest.mark.parametrize("kind", problems.ALL, ids=[kind.slug for kind in problems.ALL])
def test_a_problem_is_an_exception_on_the_right_side(kind: Kind) -> None:
    error = error_for(Problem(int(kind.status), kind.uri, kind.title))
    assert isinstance(error, ServerError) == (kind.status >= 500)
    assert type(error) is not ProblemError
