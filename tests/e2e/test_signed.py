"""Where requests are signed: who does not sign, or may not call, is refused; and a policy lets in as far as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from relearn.api import operations
from tests.e2e.callers import caller
from tests.e2e.client import Stage
from tests.e2e.clouds import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.local]

FORBIDDEN = {"message": "Forbidden"}


def path_of(operation: operations.Operation) -> str:
    return operation.path.replace("{model}", "iris").replace("{file}", "nothing.js").replace("{run}", "none")


def body_of(operation: operations.Operation) -> object:
    return None if operation.method == "GET" else {}


@pytest.mark.parametrize("operation", operations.OPERATIONS, ids=lambda operation: operation.id)
def test_no_operation_answers_who_does_not_sign(stage: Stage, operation: operations.Operation) -> None:
    status, headers, answer = stage.http(path_of(operation), body_of(operation), signed=False)
    assert (status, answer) == (403, FORBIDDEN)
    assert headers["content-type"] == "application/json"


def test_nor_is_it_told_what_there_is_not(stage: Stage) -> None:
    status, _, answer = stage.http("/nothing", signed=False)
    assert (status, answer) == (403, FORBIDDEN)


@pytest.fixture(scope="module")
def only_predicts(stage: Stage) -> Iterator[Stage]:
    """The stage for who has the role that docs/reference/API.md shows: it may predict."""
    if stage.endpoint_url is None:
        pytest.skip("no roles are made in an account")
    with caller(stage, "predicts-and-nothing-else", shown_policy(stage)) as web:
        yield web


def shown_policy(stage: Stage) -> str:
    """The policy of the page, for this stage's API."""
    account = stage.client("sts").get_caller_identity()["Account"]
    page = (ROOT / "docs" / "reference" / "API.md").read_text()
    (shown,) = (
        block for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if '"Statement"' in block
    )
    found = re.search(r"//(\w+)\.execute-api\.", stage.outputs["ApiUrl"])
    assert found
    meant = f"arn:aws:execute-api:{stage.session.region_name}:{account}:{found[1]}/"
    made, count = re.subn(r"arn:aws:execute-api:[\w-]+:\d{12}:\w+/", meant, shown)
    assert count == 1
    return made


def test_a_role_that_may_predict_predicts(stage: Stage, only_predicts: Stage) -> None:
    stage.wait("the first iris model", lambda: stage.live_version("iris"))
    answer = only_predicts.predict("iris", *stage.sample("iris"))
    assert answer["version"] == stage.live_version("iris")


@pytest.mark.parametrize(
    "operation",
    [one for one in operations.OPERATIONS if one is not operations.PREDICT],
    ids=lambda one: one.id,
)
def test_and_does_nothing_else(only_predicts: Stage, operation: operations.Operation) -> None:
    status, _, answer = only_predicts.http(path_of(operation), body_of(operation))
    assert (status, answer) == (403, FORBIDDEN)
