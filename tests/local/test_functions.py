"""Functions are replaced as on AWS: what they are doing comes to its end."""

from __future__ import annotations

import io
import json
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

from tests.local.conftest import Running, until

SLOW = """
import time

def handler(event, context):
    time.sleep(event["seconds"])
    return "{answer}"
"""


def zipped(answer: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("code.py", SLOW.format(answer=answer))
    return content.getvalue()


def test_an_invocation_ends_although_its_functions_code_is_replaced(cloud: Running, name: str) -> None:
    client = cloud.client("lambda")
    client.create_function(
        FunctionName=name,
        Role=f"arn:aws:iam::123456789012:role/{cloud.outputs['FunctionRole']}",
        Runtime="python3.14",
        Handler="code.handler",
        Code={"ZipFile": zipped("old")},
        Timeout=30,
    )

    def answer(seconds: float) -> str:
        payload = json.dumps({"seconds": seconds})
        return str(json.load(client.invoke(FunctionName=name, Payload=payload)["Payload"]))

    until(lambda: client.get_function(FunctionName=name)["Configuration"]["State"] == "Active")
    assert answer(0) == "old"
    with ThreadPoolExecutor() as threads:
        under_way = threads.submit(answer, 3)
        time.sleep(1)  # by now the function has begun
        client.update_function_code(FunctionName=name, ZipFile=zipped("new"))
        assert under_way.result() == "old"
    until(lambda: answer(0) == "new")
