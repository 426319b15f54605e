"""CloudFormation neither drops nor changes an export that another stack imports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.conftest import Running, until


@pytest.fixture
def stacks(cloud: Running, name: str) -> Iterator[tuple[str, str]]:
    """A stack that exports its topic's name and a text, and one that imports them."""
    stem = re.sub("[^a-z]+", "-", name)
    exporting, importing = f"{stem}-a", f"{stem}-b"
    client = cloud.client("cloudformation")
    client.create_stack(StackName=exporting, TemplateBody=exports(name, "first"))
    ended(cloud, exporting)
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": f"{name}:text"}}}
    client.create_stack(StackName=importing, TemplateBody=json.dumps({"Resources": {"Other": topic}}))
    ended(cloud, importing)
    yield exporting, importing
    for stack in (importing, exporting):
        client.delete_stack(StackName=stack)


def exports(name: str, value: str | None) -> str:
    outputs = {"Text": {"Value": value, "Export": {"Name": f"{name}:text"}}} if value else {}
    return json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs})


def ended(cloud: Running, stack: str) -> Any:
    client = cloud.client("cloudformation")
    found = until(
        lambda: next(
            (
                one
                for one in client.describe_stacks(StackName=stack)["Stacks"]
                if not one["StackStatus"].endswith("IN_PROGRESS")
            ),
            None,
        )
    )
    assert found is not None
    return found["StackStatus"]


def reasons(cloud: Running, stack: str) -> str:
    events = cloud.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return "\n".join(event.get("ResourceStatusReason", "") for event in events)


@pytest.mark.parametrize(("value", "verb"), [(None, "delete"), ("second", "update")])
def test_an_export_in_use_stays_as_it_is(
    cloud: Running, name: str, stacks: tuple[str, str], value: str | None, verb: str
) -> None:
    """CloudFormation User Guide: "you can't delete or modify" an output value that another stack references."""
    exporting, importing = stacks
    client = cloud.client("cloudformation")
    client.update_stack(StackName=exporting, TemplateBody=exports(name, value))
    assert ended(cloud, exporting) == "UPDATE_ROLLBACK_COMPLETE"
    assert f"Cannot {verb} export {name}:text as it is in use by {importing}." in reasons(cloud, exporting)


def test_an_export_that_nobody_imports_any_more_goes(
    cloud: Running, name: str, stacks: tuple[str, str]
) -> None:
    exporting, importing = stacks
    client = cloud.client("cloudformation")
    client.update_stack(
        StackName=importing, TemplateBody=json.dumps({"Resources": {"Other": {"Type": "AWS::SNS::Topic"}}})
    )
    assert ended(cloud, importing) == "UPDATE_COMPLETE"
    client.update_stack(StackName=exporting, TemplateBody=exports(name, None))
    assert ended(cloud, exporting) == "UPDATE_COMPLETE"
