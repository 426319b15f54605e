"""The DynamoDB in memory answers as moto's does, refuses what DynamoDB refuses, and knows nothing that is not tested."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.aws.dynamo.online_features import Online
from lambdas.aws.dynamo.table import Put, Table, Update
from lambdas.aws.dynamo.version_stats import LiveCounts
from relearn.errors import ConflictError
from relearn.records import online_features
from relearn.traffic.version_stats import Live
from tests.support.dynamo import Dynamo
from tests.support.dynamo_expressions import UnknownRequestError
from tests.support.fake_sagemaker import REGION
from tests.support.moto_dynamodb import moto_dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ROOT = Path(__file__).parents[2]
NAME = "ledger"
ADAPTERS = {"table.py", "version_stats.py", "online_features.py"}
"""The files of `lambdas` that write expressions; the tests below let each of them meet both."""
KEYS = st.sampled_from(["A", "AB", "AB#1"])
VALUES = st.sampled_from(["x", "y", 2, 3, True, {"a": "x"}, ["x"]])  # no 1: moto takes True for it
PUTS = st.builds(
    lambda sk, value, expected: Put(pk="P", sk=sk, item={"v": value, "m": {}}, expected=expected),
    KEYS,
    VALUES,
    st.none() | st.builds(lambda value: {"v": value}, VALUES),
)
UPDATES = st.builds(
    lambda sk, value, name, expected, unless, makes: Update(
        pk="P",
        sk=sk,
        changes={name: value},
        expected={} if makes else expected,
        unless={} if makes else unless,
        makes=makes and name == "v",
    ),
    KEYS,
    VALUES,
    st.sampled_from(["v", "m.one"]),
    st.just({}) | st.builds(lambda name, value: {name: value}, st.sampled_from(["v", "m.one"]), VALUES),
    st.just({}) | st.builds(lambda value: {"w": value}, VALUES),
    st.booleans(),
)
WRITES = st.lists(
    st.lists(PUTS | UPDATES, min_size=1, max_size=2, unique_by=lambda write: write.sk), max_size=8
)
LIVES = st.lists(
    st.builds(
        Live,
        requests=st.integers(0, 9),
        rows=st.integers(0, 9),
        total=st.sampled_from([0.0, 0.5, -2.25, 1e9]),
        latency=st.dictionaries(st.integers(0, 3), st.integers(1, 5), max_size=2),
        answers=st.dictionaries(st.sampled_from(["a", "b c"]), st.integers(1, 5), max_size=2),
    ),
    max_size=4,
)


def behind_botocore() -> DynamoDBClient:
    session = boto3.Session("test", "test", region_name=REGION)
    Dynamo(NAME).attach(session)
    return session.client("dynamodb")


def in_process() -> DynamoDBClient:
    return Dynamo(NAME).client()


OURS = [behind_botocore, in_process]


def code(call: Callable[[], object]) -> str:
    """Give the name that DynamoDB has for the error of a call; empty when there is none."""
    try:
        call()
    except ConflictError:
        return "conflict"
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def after(client: DynamoDBClient, writes: list[list[Put | Update]]) -> list[Any]:
    """What there is to see after some writes."""
    table = Table(client, NAME)
    return [
        *(code(lambda members=members: table.write(*members)) for members in writes),  # type: ignore[misc]
        table.get("P", "A"),
        list(table.query("P", "AB")),
        list(table.query("P", "A", {"v": ["x", 2], "m": [{}]})),
        list(table.query("P", "A", {"v": [["x"]]})),
        list(table.query("P", "AB", newest=1)),
        list(table.query("P", "A", newest=2, before="AB#1")),
        table.get_many([("P", "A"), ("P", "AB"), ("P", "none")]),
        table.delete("P", "A", {"v": "x"}),
        list(table.query("P", "A")),
    ]


@settings(max_examples=8)
@given(writes=WRITES)
def test_all_tables_show_the_same_after_writes_with_conditions(writes: list[list[Put | Update]]) -> None:
    with moto_dynamodb(NAME) as moto:
        expected = after(moto, writes)
    for ours in OURS:
        assert after(ours(), writes) == expected


@settings(max_examples=4)
@given(lives=LIVES)
def test_all_tables_count_alike(lives: list[Live]) -> None:
    def total(client: DynamoDBClient) -> Live:
        counts = LiveCounts(client, NAME, lambda: datetime(2026, 5, 4, tzinfo=UTC))
        for live in lives:
            counts.count("flowers", 3, 1, live)
        return counts.total("flowers", 3, 1)

    with moto_dynamodb(NAME) as moto:
        expected = total(moto)
    assert [total(ours()) for ours in OURS] == [expected] * 2


def test_all_tables_keep_and_forget_online_features_alike() -> None:
    def kept(client: DynamoDBClient) -> list[Any]:
        online = Online(client, NAME)
        keys = [online_features.key("flowers", version, str(n)) for version in (1, 2) for n in range(40)]
        online.write(({"pk": pk, "sk": sk, "columns": "{}"} for pk, sk in keys), lambda: 9)
        seen = [client.scan(TableName=NAME)["Items"]]
        assert online.remove("flowers", 1, lambda: 9)
        seen.append(client.scan(TableName=NAME, ConsistentRead=True)["Items"])
        assert online.clear(lambda: 9)
        seen.append(client.scan(TableName=NAME, ConsistentRead=True)["Items"])
        return [sorted((item["pk"]["S"], item["sk"]["S"]) for item in items) for items in seen]

    with moto_dynamodb(NAME) as moto:
        expected = kept(moto)
    assert [len(items) for items in expected] == [80, 40, 0]
    assert [kept(ours()) for ours in OURS] == [expected] * 2


def test_all_tables_give_pages_of_a_megabyte_alike() -> None:
    def pages(client: DynamoDBClient, operation: str, **request: Any) -> list[int]:
        for number in range(7):
            item = {"pk": {"S": "P"}, "sk": {"S": str(number)}, "text": {"S": "x" * 390_000}}
            client.put_item(TableName=NAME, Item=item)
        read, found = getattr(client, operation), []
        while True:
            page = read(TableName=NAME, **request)
            found.append(len(page["Items"]))
            if "LastEvaluatedKey" not in page:
                return found
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "P"}}}
    with moto_dynamodb(NAME) as moto:
        expected = pages(moto, "query", **query)
        assert pages(moto, "scan") == expected == [2, 2, 2, 1]
    for ours in OURS:
        assert pages(ours(), "query", **query) == pages(ours(), "scan") == expected


def test_no_other_file_of_the_functions_writes_expressions() -> None:
    found = {path.name for path in (ROOT / "lambdas").rglob("*.py") if "Expression" in path.read_text()}
    assert found == ADAPTERS


KEY = {"pk": {"S": "P"}, "sk": {"S": "A"}}
LARGE = {"S": "x" * 420_000}
ONE = {":v": {"N": "1"}}


def update(expression: str, **more: Any) -> dict[str, Any]:
    return {"Key": KEY, "UpdateExpression": expression, **more}


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "an empty key": ("put_item", {"Item": {"pk": {"S": ""}, "sk": {"S": "A"}}}),
    "half a key": ("get_item", {"Key": {"pk": {"S": "P"}}}),
    "a key of a number": ("put_item", {"Item": {"pk": {"N": "1"}, "sk": {"S": "A"}}}),
    "a long key": ("put_item", {"Item": {"pk": {"S": "P"}, "sk": {"S": "A" * 1025}}}),
    "a large item": ("put_item", {"Item": {**KEY, "v": LARGE}}),
    "an update to a large item": (
        "update_item",
        update("SET v = :v", ExpressionAttributeValues={":v": LARGE}),
    ),
    "a reserved word": ("update_item", update("SET state = :v", ExpressionAttributeValues=ONE)),
    "a value that is not given": (
        "update_item",
        update("SET v = :w, x = :v", ExpressionAttributeValues=ONE),
    ),
    "a name that is not used": (
        "update_item",
        update("SET v = :v", ExpressionAttributeValues=ONE, ExpressionAttributeNames={"#n": "n"}),
    ),
    "another key": ("update_item", update("SET sk = :v", ExpressionAttributeValues={":v": {"S": "B"}})),
    "two paths that overlap": (
        "update_item",
        update("SET m = :v, m.x = :v", ExpressionAttributeValues=ONE),
    ),
    "a map that is not there": ("update_item", update("SET m.x = :v", ExpressionAttributeValues=ONE)),
    "a sum with a text": ("update_item", update("ADD t :v", ExpressionAttributeValues=ONE)),
    "an item twice at once": (
        "transact_write_items",
        {"TransactItems": [{"Put": {"TableName": NAME, "Item": KEY}}] * 2},
    ),
    "a key twice": ("batch_get_item", {"RequestItems": {NAME: {"Keys": [KEY, KEY]}}}),
    "101 keys": (
        "batch_get_item",
        {"RequestItems": {NAME: {"Keys": [{**KEY, "sk": {"S": str(n)}} for n in range(101)]}}},
    ),
    "a write twice": ("batch_write_item", {"RequestItems": {NAME: [{"DeleteRequest": {"Key": KEY}}] * 2}}),
    "another table": ("get_item", {"TableName": "other", "Key": KEY}),
    "another table's write": ("put_item", {"TableName": "other", "Item": KEY}),
    "another table's page": ("scan", {"TableName": "other"}),
    "a condition": ("delete_item", {"Key": KEY, "ConditionExpression": "attribute_not_exists(pk)"}),
    "conditions of several": (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": NAME, "Item": {**KEY, "sk": {"S": "B"}}}},
                {
                    "Put": {
                        "TableName": NAME,
                        "Item": KEY,
                        "ConditionExpression": "attribute_not_exists(pk)",
                    }
                },
            ]
        },
    ),
}


def refusal(client: DynamoDBClient, operation: str, request: dict[str, Any]) -> tuple[str, list[str]]:
    """Give the name of the error of a request, and the reasons of a transaction's."""
    client.put_item(TableName=NAME, Item={**KEY, "t": {"S": "text"}})
    here = {} if operation.startswith(("batch", "transact")) else {"TableName": NAME}
    with pytest.raises(ClientError) as told:
        getattr(client, operation)(**here | request)
    found: Any = told.value.response
    return found["Error"]["Code"], [reason["Code"] for reason in found.get("CancellationReasons", ())]


@pytest.fixture(scope="module")
def moto() -> Any:
    with moto_dynamodb(NAME) as client:
        yield client


@pytest.mark.parametrize("what", REFUSED)
def test_what_moto_refuses_is_refused_by_the_same_name(moto: DynamoDBClient, what: str) -> None:
    expected = refusal(moto, *REFUSED[what])
    assert [refusal(ours(), *REFUSED[what]) for ours in OURS] == [expected] * 2


INVALID: dict[str, tuple[str, dict[str, Any]]] = {
    "a value that is not used": (
        "put_item",
        {"Item": KEY, "ConditionExpression": "attribute_exists(pk)", "ExpressionAttributeValues": ONE},
    ),
    "26 writes": (
        "batch_write_item",
        {"RequestItems": {NAME: [{"PutRequest": {"Item": {**KEY, "sk": {"S": str(n)}}}} for n in range(26)]}},
    ),
    "39 digits": ("put_item", {"Item": {**KEY, "v": {"N": "1" * 39}}}),
    "a number out of range": ("put_item", {"Item": {**KEY, "v": {"L": [{"N": "1e126"}]}}}),
    "a filter on a key": (
        "query",
        {
            "KeyConditionExpression": "pk = :v",
            "FilterExpression": "sk = :v",
            "ExpressionAttributeValues": {":v": {"S": "P"}},
        },
    ),
    "a prefix that is no text": (
        "put_item",
        {"Item": KEY, "ConditionExpression": "begins_with(t, :v)", "ExpressionAttributeValues": ONE},
    ),
    "101 members": (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": NAME, "Item": {**KEY, "sk": {"S": str(n)}}}} for n in range(101)
            ]
        },
    ),
    "a transaction of more than 4 MB": (
        "transact_write_items",
        {
            "TransactItems": [
                {
                    "Put": {
                        "TableName": NAME,
                        "Item": {**KEY, "sk": {"S": str(n)}, "v": {"S": "x" * 400_000}},
                    }
                }
                for n in range(11)
            ]
        },
    ),
    "a long expression": (
        "update_item",
        update("SET v = :v" + " " * 4096, ExpressionAttributeValues=ONE),
    ),
    "101 operands": (
        "put_item",
        {
            "Item": KEY,
            "ConditionExpression": f"v IN ({', '.join(f':{n}' for n in range(101))})",
            "ExpressionAttributeValues": {f":{n}": {"S": "x"} for n in range(101)},
        },
    ),
}
"""What moto lets through, and DynamoDB does not (Developer Guide, "Constraints", "Expressions")."""


@pytest.mark.parametrize("ours", OURS)
@pytest.mark.parametrize("what", INVALID)
def test_what_moto_lets_through_is_refused_as_dynamodb_does(
    ours: Callable[[], DynamoDBClient], what: str
) -> None:
    assert refusal(ours(), *INVALID[what]) == ("ValidationException", [])


UNKNOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "operation": ("ListTables", {}),
    "parameter": ("PutItem", {"TableName": NAME, "Item": KEY, "ReturnValues": "ALL_OLD"}),
    "function": (
        "PutItem",
        {
            "TableName": NAME,
            "Item": KEY,
            "ConditionExpression": "size(v) = :v",
            "ExpressionAttributeValues": ONE,
        },
    ),
    "operator": (
        "PutItem",
        {"TableName": NAME, "Item": KEY, "ConditionExpression": "v > :v", "ExpressionAttributeValues": ONE},
    ),
    "section": ("UpdateItem", {"TableName": NAME, **update("REMOVE v")}),
    "key condition": (
        "Query",
        {
            "TableName": NAME,
            "KeyConditionExpression": "pk = :v AND sk > :v",
            "ExpressionAttributeValues": {":v": {"S": "P"}},
        },
    ),
    "type": ("PutItem", {"TableName": NAME, "Item": {**KEY, "v": {"SS": ["x"]}}}),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_our_code_never_asked_is_an_error(what: str) -> None:
    with pytest.raises(UnknownRequestError, match="known here"):
        Dynamo(NAME).call(*UNKNOWN[what])
