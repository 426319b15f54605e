"""Limits of AWS that MiniStack enforces by itself, without a hook: an upgrade that drops one fails here.

No cloud is started: the services of MiniStack are called in this process.
"""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from typing import Any
from urllib.parse import urlencode

import pytest
from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id
from ministack.services import dynamodb, lambda_svc, s3, sns, sqs, sts
from ministack.services.cloudformation import engine

ITEM_BYTES = 400 * 1024
SLEEPS = "import time\ndef handler(event, context):\n    time.sleep(600)\n"


def asked(service: Any, target: str, **request: Any) -> tuple[int, str]:
    """Send a request in the JSON protocol; its status and its answer."""
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
    answer = service.handle_request("POST", "/", headers, json.dumps(request).encode(), {})
    status, _, body = asyncio.run(answer)
    return status, body.decode() if isinstance(body, bytes) else body


@pytest.fixture
def table(request: pytest.FixtureRequest) -> str:
    name = str(request.node.originalname)
    made = asked(
        dynamodb, "DynamoDB_20120810.CreateTable",
        TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )  # fmt: skip
    assert made[0] == 200, made
    return name


def item(sk: str, size: int) -> dict[str, Any]:
    """An item of a size in bytes: names and values count."""
    known = len("pk" + "p" + "sk" + sk + "v")
    return {"pk": {"S": "p"}, "sk": {"S": sk}, "v": {"S": "x" * (size - known)}}


def test_a_template_has_500_resources_and_no_more() -> None:
    def checked(resources: int) -> None:
        engine._validate_template_limits({"Resources": {f"R{number}": {} for number in range(resources)}})

    checked(500)
    with pytest.raises(ValueError, match="resources, 501, is greater than maximum allowed, 500"):
        checked(501)


def test_an_item_has_400_kilobytes_and_no_more(table: str) -> None:
    put = "DynamoDB_20120810.PutItem"
    assert asked(dynamodb, put, TableName=table, Item=item("a", ITEM_BYTES))[0] == 200
    status, said = asked(dynamodb, put, TableName=table, Item=item("a", ITEM_BYTES + 1))
    assert (status, "Item size has exceeded" in said) == (400, True)


def test_a_transaction_has_100_items_and_no_more(table: str) -> None:
    def written(count: int) -> int:
        puts = [{"Put": {"TableName": table, "Item": item(f"{n:03}", 20)}} for n in range(count)]
        return asked(dynamodb, "DynamoDB_20120810.TransactWriteItems", TransactItems=puts)[0]

    assert (written(100), written(101)) == (200, 400)


def test_a_page_of_a_query_ends_after_a_megabyte(table: str) -> None:
    for sk in "abc":
        asked(dynamodb, "DynamoDB_20120810.PutItem", TableName=table, Item=item(sk, ITEM_BYTES))
    status, said = asked(
        dynamodb, "DynamoDB_20120810.Query",
        TableName=table, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "p"}},
    )  # fmt: skip
    page = json.loads(said)
    assert (status, page["Count"], page["LastEvaluatedKey"]["sk"]) == (200, 2, {"S": "b"})


def test_a_message_of_a_queue_has_a_megabyte_and_no_more() -> None:
    url = json.loads(asked(sqs, "AmazonSQS.CreateQueue", QueueName="sized")[1])["QueueUrl"]

    def sent(size: int) -> int:
        return asked(sqs, "AmazonSQS.SendMessage", QueueUrl=url, MessageBody="x" * size)[0]

    assert (sent(1_048_576), sent(1_048_577)) == (200, 400)


def test_a_message_of_a_topic_has_256_kilobytes_and_no_more() -> None:
    def called(**fields: str) -> tuple[int, bytes]:
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = sns.handle_request("POST", "/", form, urlencode(fields).encode(), {})
        status, _, body = asyncio.run(answer)
        return status, body

    topic = (
        called(Action="CreateTopic", Name="sized")[1].decode().partition("<TopicArn>")[2].partition("<")[0]
    )
    sizes = (262_144, 262_145)
    assert [called(Action="Publish", TopicArn=topic, Message="x" * size)[0] for size in sizes] == [200, 400]


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_a_function_and_its_layers_have_250_megabytes_unpacked(
    monkeypatch: pytest.MonkeyPatch, *, more: int, refused: bool
) -> None:
    assert lambda_svc._UNZIPPED_LIMIT_BYTES == 250 * 1024**2
    monkeypatch.setattr(lambda_svc, "_UNZIPPED_LIMIT_BYTES", 2000)
    monkeypatch.setattr(lambda_svc, "_resolve_layer_zip", lambda _layer: zipped("python/a.py", "x" * 1000))
    answer = lambda_svc._validate_total_unzipped_size(zipped("code.py", "x" * (1000 + more)), ["layer"])
    assert (answer is not None) is refused


def zipped(name: str, text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr(name, text)
    return content.getvalue()


def test_a_function_ends_at_its_timeout_with_the_name_that_lambda_gives_it() -> None:
    config = {
        "FunctionName": "sleeps", "FunctionArn": f"arn:aws:lambda:us-east-1:{get_account_id()}:function:sleeps",
        "Runtime": "python3.14", "Handler": "code.handler", "Timeout": 1, "MemorySize": 128, "Role": "arn:aws:iam::1:role/r",
    }  # fmt: skip
    try:
        answer = lambda_svc._execute_function_warm(
            {"config": config, "code_zip": zipped("code.py", SLEEPS)}, {}, "request"
        )
    finally:
        lambda_runtime.reset()
    assert (answer["error"], answer["body"]["errorType"]) == (True, "Sandbox.Timedout")


def test_a_function_has_no_more_invocations_at_once_than_are_reserved() -> None:
    function = {"concurrency": 1}
    config = {"FunctionName": "reserved"}
    slot, _ = lambda_svc._acquire_execution_slot(function, config)
    try:
        assert lambda_svc._acquire_execution_slot(function, config) == (None, "function")
    finally:
        lambda_svc._release_execution_slot(slot)


def test_a_queue_gives_a_function_no_more_batches_at_once_than_its_mapping_says() -> None:
    mapping = {"ScalingConfig": {"MaximumConcurrency": 2}}
    assert lambda_svc._sqs_esm_concurrency(mapping, {}, {}) == 2
    assert lambda_svc._sqs_esm_concurrency(mapping, {"concurrency": 1}, {}) == 1


def test_a_presigned_link_ends_when_it_says() -> None:
    link = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": "key/20200101/us-east-1/s3/aws4_request",
        "X-Amz-Date": "20200101T000000Z", "X-Amz-Expires": "60", "X-Amz-SignedHeaders": "host", "X-Amz-Signature": "0" * 64,
    }  # fmt: skip
    answer = s3._verify_presigned_sigv4(
        "GET", "/bucket/key", {}, {name: [value] for name, value in link.items()}
    )
    assert (answer[0], b"Request has expired" in answer[2]) == (403, True)


@pytest.mark.parametrize(("there", "status"), [(None, None), ({"etag": '"a"'}, 412)])
def test_an_object_is_not_written_over_where_it_must_not_be_there(there: Any, status: int | None) -> None:
    answer = s3._check_put_preconditions({"if-none-match": "*"}, there)
    assert (answer[0] if answer else None) == status


def test_temporary_credentials_end() -> None:
    session = {
        "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/r/s",
        "SecretAccessKey": "s",
        "SessionToken": "t",
    }
    sts.register_session("ASIALIMITS", {**session, "Expiration": time.time() - 1})
    found = iam_evaluator.resolve_credential("ASIALIMITS", get_account_id(), "t")
    assert isinstance(found, iam_evaluator.CredentialResolutionError)
    assert found.code == "ExpiredTokenException"
