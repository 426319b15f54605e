"""CloudFormation replaces, so loses, a resource whose logical id changes. The ids of those that hold state are frozen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.infra.synthesis import Synthesised

FROZEN = Path(__file__).with_name("frozen_ids.json")
STATEFUL = (
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::StepFunctions::StateMachine",
    "AWS::ApiGatewayV2::Api",
    "Custom::RelearnLifecycle",
)


@pytest.mark.parametrize("stage", ["dev", "laptop", "prod"])
def test_what_holds_state_keeps_its_logical_id(stage: str, request: pytest.FixtureRequest) -> None:
    synthesised: Synthesised = request.getfixturevalue(stage)
    found = {
        part: {
            logical_id: resource["Type"]
            for logical_id, resource in sorted(template["Resources"].items())
            if resource["Type"] in STATEFUL
        }
        for part, template in synthesised.templates.items()
    }
    frozen = json.loads(FROZEN.read_text())
    lost = {f"{part}/{k}" for part, ids in frozen.items() for k in ids} - {
        f"{part}/{k}" for part, ids in found.items() for k in ids
    }
    assert not lost, (
        f"a deployed stage would lose {sorted(lost)} with what is in it, because their logical ids changed. "
        "Give the constructs their old place and id back; a model that was removed on purpose is taken out of "
        f"{FROZEN.name} by hand."
    )
    known = {k for ids in frozen.values() for k in ids}
    new = [k for ids in found.values() for k in ids if k not in known]
    assert not new, f"{new} hold state too: add them to {FROZEN.name}, so that they are kept from now on"
