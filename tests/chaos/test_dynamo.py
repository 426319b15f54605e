"""The simulator's DynamoDB answers as moto's does."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from lambdas.aws.dynamo.table import Put, Table, Update
from relearn.errors import ConflictError
from tests.chaos.dynamo import Dynamo
from tests.support.fake_sagemaker import REGION

NAME = "ledger"
KEYS = st.sampled_from(["A", "AB", "AB#1"])
VALUES = st.sampled_from(["x", "y", 2, 3, True, {"a": "x"}, ["x"]])  # no 1: moto takes True for it
PUTS = st.builds(
    lambda sk, value, expected: Put(pk="P", sk=sk, item={"v": value, "m": {}}, expected=expected),
    KEYS,
    VALUES,
    st.none() | st.builds(lambda value: {"v": value}, VALUES),
)
UPDATES = st.builds(
    lambda sk, value, name, expected, unless: Update(
        pk="P", sk=sk, changes={name: value}, expected=expected, unless=unless
    ),
    KEYS,
    VALUES,
    st.sampled_from(["v", "m.one"]),
    st.just({}) | st.builds(lambda value: {"v": value}, VALUES),
    st.just({}) | st.builds(lambda value: {"w": value}, VALUES),
)
WRITES = st.lists(
    st.lists(PUTS | UPDATES, min_size=1, max_size=2, unique_by=lambda write: write.sk), max_size=8
)


def moto() -> Table:
    client = boto3.client("dynamodb", region_name=REGION)
    key: Any = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    attributes: Any = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    client.create_table(
        TableName=NAME, KeySchema=key, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
    )
    return Table(client, NAME)


def ours() -> Table:
    session = boto3.Session("chaos", "chaos", region_name=REGION)
    Dynamo(NAME).attach(session)
    return Table(session.client("dynamodb"), NAME)


def after(table: Table, writes: list[list[Put | Update]]) -> list[Any]:
    """What there is to see after some writes."""
    seen: list[Any] = []
    for members in writes:
        try:
            table.write(*members)
        except ConflictError:
            seen.append("conflict")
        except ClientError as error:
            seen.append(error.response["Error"]["Code"])
        else:
            seen.append("written")
    return [
        *seen,
        table.get("P", "A"),
        list(table.query("P", "AB")),
        list(table.query("P", "A", {"v": ["x", 2]})),
        list(table.query("P", "AB", newest=1)),
        table.get_many([("P", "A"), ("P", "AB"), ("P", "none")]),
        table.delete("P", "A", {"v": "x"}),
        list(table.query("P", "A")),
    ]


@pytest.mark.parametrize(
    "large",
    [Put(pk="P", sk="A", item={"v": "x" * 420_000}, whole=("v",)), Put(pk="P", sk="A" * 1025, item={})],
    ids=["item", "key"],
)
def test_both_tables_refuse_what_dynamodb_does_not_take(large: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.aws.dynamo.table.weigh", lambda _write: None)
    seen = []
    with mock_aws():
        for table in (moto(), ours()):
            with pytest.raises(ClientError) as told:
                table.write(large)
            seen.append(told.value.response["Error"]["Code"])
    assert seen == ["ValidationException"] * 2


@settings(max_examples=8, deadline=None)
@given(writes=WRITES)
def test_both_tables_tell_the_same(writes: list[list[Put | Update]]) -> None:
    with mock_aws():
        expected = after(moto(), writes)
        assert after(ours(), writes) == expected
