"""A service takes on a role only for whom the role's trust policy names."""

from __future__ import annotations

from typing import Any

import pytest
from ministack.core.responses import get_account_id

from local import principals

SERVICE = "sagemaker.amazonaws.com"


def trust(service: str = SERVICE, **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return {
        "Version": "2012-10-17",
        "Statement": [{**statement, "Condition": condition} if condition else statement],
    }


@pytest.mark.parametrize(
    ("document", "trusts"),
    [
        (trust(), True),
        (trust("lambda.amazonaws.com"), False),
        (trust(StringEquals={"aws:SourceAccount": get_account_id()}), True),
        (trust(StringEquals={"aws:SourceAccount": "999999999999"}), False),
        (trust("lambda.amazonaws.com", StringEquals={"aws:SourceAccount": get_account_id()}), False),
    ],
    ids=[
        "anybody's",
        "another service",
        "this account's",
        "another account's",
        "another service of this account",
    ],
)
def test_a_role_is_taken_on_for_the_account_that_its_trust_names(
    document: dict[str, Any], *, trusts: bool
) -> None:
    assert principals._trusts(document, SERVICE) is trusts
