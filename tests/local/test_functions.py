"""Functions are replaced as on AWS: what they are doing comes to its end."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.conftest import Running, until

SLOW = """
import time

def handler(event, context):
    time.sleep(event["seconds"])
    return "{answer}"
"""


IMPORTS = """
import importlib, os

def tried(name):
    try:
        importlib.import_module(name)
    except ImportError as error:
        return type(error).__name__
    return "imported"

def handler(event, context):
    if event.get("die"):
        os._exit(3)
    import urllib3
    found = {name: tried(name) for name in ("boto3", "urllib3", "brotli", "certifi", "numpy")}
    return {**found, "own": hasattr(urllib3, "OWN"), "process": os.getpid()}
"""


def zipped(files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for path, text in files.items():
            file.writestr(path, text)
    return content.getvalue()


def create(cloud: Running, name: str, files: Mapping[str, str]) -> None:
    """Make a function of modules; ``code.handler`` is its handler."""
    client = cloud.client("lambda")
    client.create_function(
        FunctionName=name,
        Role=f"arn:aws:iam::123456789012:role/{cloud.outputs['FunctionRole']}",
        Runtime="python3.14",
        Handler="code.handler",
        Code={"ZipFile": zipped(files)},
        Timeout=30,
    )
    until(lambda: client.get_function(FunctionName=name)["Configuration"]["State"] == "Active")


def asked(cloud: Running, name: str, files: Mapping[str, str]) -> Any:
    """Make a function and invoke it; what it answers."""
    create(cloud, name, files)
    return json.load(cloud.client("lambda").invoke(FunctionName=name, Payload="{}")["Payload"])


def test_an_invocation_ends_although_its_functions_code_is_replaced(cloud: Running, name: str) -> None:
    client = cloud.client("lambda")
    create(cloud, name, {"code.py": SLOW.format(answer="old")})

    def answer(seconds: float) -> str:
        payload = json.dumps({"seconds": seconds})
        return str(json.load(client.invoke(FunctionName=name, Payload=payload)["Payload"]))

    assert answer(0) == "old"
    with ThreadPoolExecutor() as threads:
        under_way = threads.submit(answer, 3)
        time.sleep(1)  # by now the function has begun
        client.update_function_code(FunctionName=name, ZipFile=zipped({"code.py": SLOW.format(answer="new")}))
        assert under_way.result() == "old"
    until(lambda: answer(0) == "new")


def test_a_function_imports_the_sdk_and_not_what_else_is_installed_here(cloud: Running, name: str) -> None:
    found = asked(cloud, name, {"code.py": IMPORTS})
    assert found["boto3"] == found["urllib3"] == "imported"
    assert found["brotli"] == found["certifi"] == found["numpy"] == "ModuleNotFoundError"


def test_a_module_in_the_functions_code_stands_before_the_runtimes_of_the_same_name(
    cloud: Running, name: str
) -> None:
    assert asked(cloud, name, {"code.py": IMPORTS, "urllib3.py": "OWN = True"})["own"]


ANSWERS = """
def handler(event, context):
    return "x" * event["characters"]
"""


def test_an_answer_larger_than_lambda_returns_fails_the_invocation(cloud: Running, name: str) -> None:
    """Lambda quotas: 6 MB for the answer of a synchronous invocation; else Function.ResponseSizeTooLarge."""
    create(cloud, name, {"code.py": ANSWERS})

    def answer(characters: int) -> Any:
        asked = cloud.client("lambda").invoke(
            FunctionName=name, Payload=json.dumps({"characters": characters})
        )
        return asked.get("FunctionError"), json.load(asked["Payload"])

    most = 6_291_556 - len('""')
    assert answer(most) == (None, "x" * most)
    failed, said = answer(most + 1)
    assert (failed, said["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert "(6291556 bytes)" in said["errorMessage"]


@pytest.mark.parametrize(("kind", "most"), [("RequestResponse", 6_291_456), ("Event", 1_048_576)])
def test_an_event_larger_than_lambda_takes_is_refused(
    cloud: Running, name: str, kind: str, most: int
) -> None:
    """Lambda quotas: 6 MB for a synchronous invocation, 1 MB for an asynchronous one."""
    create(cloud, name, {"code.py": "def handler(event, context): return len(event)"})
    client, most = cloud.client("lambda"), most - len('""')
    assert "FunctionError" not in client.invoke(
        FunctionName=name, InvocationType=kind, Payload=json.dumps("x" * most)
    )
    with pytest.raises(client.exceptions.RequestTooLargeException, match=str(most + 3)):
        client.invoke(FunctionName=name, InvocationType=kind, Payload=json.dumps("x" * (most + 1)))


def test_a_function_that_ends_its_process_is_started_again(cloud: Running, name: str) -> None:
    first = asked(cloud, name, {"code.py": IMPORTS})["process"]
    client = cloud.client("lambda")
    assert "FunctionError" in client.invoke(FunctionName=name, Payload=json.dumps({"die": True}))
    again = json.load(client.invoke(FunctionName=name, Payload="{}")["Payload"])["process"]
    assert again != first
