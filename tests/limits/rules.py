"""Limits of AWS that templates can meet, each with what the templates of a stage have of it."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.limits.copies import Assembly

Template = Mapping[str, Any]
ACCOUNT = "all stacks"
"""What has a quota of the account or region."""
_LONGEST = {"AWS::AccountId": 12, "AWS::Partition": 10, "AWS::Region": 14, "AWS::URLSuffix": 17}
"""Length of the longest value of a pseudo parameter."""
_ARN = 120
"""Length of a long ARN or name, for what is known only when it is deployed."""


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a limit one thing uses.

    Parameters
    ----------
    limit
        The limit, and whose it is.
    what
        Stack and logical id of what uses it.
    found, allowed
        What it has, and what AWS takes; both in the limit's unit.
    """

    limit: str
    what: str
    found: int
    allowed: int

    @property
    def share(self) -> float:
        return self.found / self.allowed


def uses(found: Iterable[Use]) -> list[Use]:
    """Return of each limit the thing that is nearest to it, the nearest first.

    Parameters
    ----------
    found
        What `every` returns.
    """
    nearest: dict[str, Use] = {}
    for use in found:
        if use.limit not in nearest or use.found > nearest[use.limit].found:
            nearest[use.limit] = use
    return sorted(nearest.values(), key=lambda use: -use.share)


def every(assembly: Assembly) -> Iterator[Use]:
    """Yield what each thing of a stage has of each limit; ``what`` begins with the stack, or is `ACCOUNT`."""
    sizes = _sizes(assembly.folder)
    for name, template in assembly.templates.items():
        yield from _of_stack(name, template)
        yield from _of_resources(name, template)
        yield from _of_calls(name, template)
        yield from _of_code(name, template, sizes)
    yield from _of_account(assembly.templates.values(), sizes)
    yield from _of_site(assembly.folder)


def size(value: Any) -> int:
    """Return the length of a value of a template once it is deployed, at most, in characters of compact JSON."""
    if _is_function(value):
        return _of_function_call(*next(iter(value.items())))
    if isinstance(value, dict):
        return 1 + sum(len(json.dumps(key)) + 2 + _inside(item) for key, item in value.items())
    if isinstance(value, list):
        return 1 + sum(1 + _inside(item) for item in value)
    return len(value.encode() if isinstance(value, str) else json.dumps(value))


def _inside(value: Any) -> int:
    return size(value) + 2 * (isinstance(value, str) or _is_function(value))


def _is_function(value: Any) -> bool:
    """Whether a value is an intrinsic function, which becomes a text."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))


def _of_function_call(name: str, given: Any) -> int:
    match name:
        case "Ref":
            return _LONGEST.get(given, _ARN)
        case "Fn::Join":
            separator, parts = given
            return sum(map(size, parts)) + len(separator) * (len(parts) - 1)
        case "Fn::Sub" if isinstance(given, str):
            return len(given) + _ARN
    return _ARN


def _sizes(folder: Path) -> dict[str, int]:
    """Return the unpacked size of each asset, in bytes, by its hash."""
    return {
        path.name.partition(".")[2]: sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        for path in folder.glob("asset.*")
        if path.is_dir()
    }


def _asset(place: Mapping[str, Any]) -> str:
    """Return the hash of an asset's place in S3."""
    return str(place["S3Key"]).partition(".")[0]


def _of_code(name: str, template: Template, sizes: Mapping[str, int]) -> Iterator[Use]:
    """Lambda quotas: 250 MB of a function's code and layers, unpacked."""
    layers = {
        logical_id: sizes[_asset(resource["Properties"]["Content"])]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    }
    for logical_id, resource in template["Resources"].items():
        given = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function" and "S3Key" in given["Code"]:
            own = [layers[layer["Ref"]] for layer in given.get("Layers", []) if "Ref" in layer]
            unpacked = sizes[_asset(given["Code"])] + sum(own)
            yield Use(
                "Lambda: bytes of code and layers, unpacked", f"{name}/{logical_id}", unpacked, 262_144_000
            )


def _of_account(templates: Iterable[Template], sizes: Mapping[str, int]) -> Iterator[Use]:
    """Quotas of an account and region before anybody asks for more.

    IAM and STS quotas, IAM User Guide; CloudWatch service quotas; Lambda quotas: each function stores its own code;
    Amazon EventBridge quotas: rules of a bus.
    """
    kinds: Counter[str] = Counter()
    stored = 0
    for resource in (one for template in templates for one in template["Resources"].values()):
        kinds[resource["Type"]] += 1
        if resource["Type"] == "AWS::Lambda::Function" and "S3Key" in resource["Properties"]["Code"]:
            stored += sizes[_asset(resource["Properties"]["Code"])]
    yield Use("IAM: roles of an account (adjustable)", ACCOUNT, kinds["AWS::IAM::Role"], 1_000)
    yield Use("CloudWatch: alarms of a region (adjustable)", ACCOUNT, kinds["AWS::CloudWatch::Alarm"], 5_000)
    yield Use("EventBridge: rules of a bus (adjustable)", ACCOUNT, kinds["AWS::Events::Rule"], 300)
    yield Use("Lambda: stored code of a region (adjustable)", ACCOUNT, stored, 75 * 1024**3)


def _of_site(folder: Path) -> Iterator[Use]:
    """Lambda quotas: 6 MB of an answer, in which content is base64; the API's document grows with the models, zipped."""
    for path in folder.glob("asset.*/lambdas/data/site/openapi.json.gz"):
        answer = math.ceil(path.stat().st_size / 3) * 4
        yield Use("Lambda: bytes of an answer", "Serving/Docs, openapi.json", answer, 6_291_456)


def _of_stack(name: str, template: Template) -> Iterator[Use]:
    """CloudFormation quotas, CloudFormation User Guide."""
    yield Use("CloudFormation: resources of a stack", name, len(template["Resources"]), 500)
    yield Use(
        "CloudFormation: bytes of a template in S3",
        name,
        len(json.dumps(template, separators=(",", ":"), ensure_ascii=False).encode()),
        1_000_000,
    )
    yield Use("CloudFormation: outputs of a stack", name, len(template.get("Outputs", {})), 200)
    yield Use("CloudFormation: parameters of a stack", name, len(template.get("Parameters", {})), 200)


def _of_resources(name: str, template: Template) -> Iterator[Use]:
    for logical_id, resource in template["Resources"].items():
        where, given = f"{name}/{logical_id}", resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::IAM::Role":
                yield from _of_role(where, given)
            case "AWS::Lambda::Function":
                yield from _of_function(where, given)
            case "AWS::StepFunctions::StateMachine":
                # Step Functions Developer Guide, quotas: 1 MB of a definition.
                yield Use(
                    "Step Functions: bytes of a definition", where, size(given["DefinitionString"]), 1_048_576
                )
            case "AWS::CloudWatch::Dashboard":
                yield from _of_dashboard(where, given)
            case "AWS::SNS::TopicPolicy":
                # Amazon SNS quotas: a topic policy has at most 30 KB.
                yield Use("SNS: bytes of a topic's policy", where, size(given["PolicyDocument"]), 30_720)
            case "AWS::S3::BucketPolicy":
                # S3 User Guide: bucket policies are limited to 20 KB.
                yield Use("S3: bytes of a bucket's policy", where, size(given["PolicyDocument"]), 20_480)


def _of_calls(name: str, template: Template) -> Iterator[Use]:
    """Lambda quotas: 20 KB of a function's resource-based policy. API Gateway quotas for HTTP APIs: 300 of each."""
    permissions: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for resource in template["Resources"].values():
        kind = resource["Type"].rpartition("::")[2]
        if resource["Type"] == "AWS::Lambda::Permission":
            given = resource["Properties"]
            permissions[json.dumps(given["FunctionName"])] += size(given) + _ARN
        elif resource["Type"].startswith("AWS::ApiGatewayV2::") and kind in {"Route", "Integration"}:
            parts[kind] += 1
    for function, found in permissions.items():
        yield Use("Lambda: bytes of a function's policy", f"{name}/{function[:60]}", found, 20_480)
    for kind, found in parts.items():
        yield Use(f"API Gateway: {kind.lower()}s of an API", name, found, 300)


def _of_role(where: str, given: Mapping[str, Any]) -> Iterator[Use]:
    """IAM and STS quotas, IAM User Guide: white space does not count."""
    inline = sum(size(policy["PolicyDocument"]) for policy in given.get("Policies", []))
    yield Use("IAM: characters of a role's inline policies", where, inline, 10_240)
    yield Use("IAM: characters of a trust policy", where, size(given["AssumeRolePolicyDocument"]), 2_048)
    yield Use("IAM: managed policies of a role", where, len(given.get("ManagedPolicyArns", [])), 10)
    if "RoleName" in given:
        yield Use("IAM: characters of a role's name", where, size(given["RoleName"]), 64)


def _of_function(where: str, given: Mapping[str, Any]) -> Iterator[Use]:
    """Lambda quotas, Lambda Developer Guide."""
    variables = given.get("Environment", {}).get("Variables", {})
    told = sum(len(name) + size(value) for name, value in variables.items())
    yield Use("Lambda: bytes of a function's environment", where, told, 4_096)
    yield Use("Lambda: layers of a function", where, len(given.get("Layers", [])), 5)
    if isinstance(given.get("FunctionName"), str):
        yield Use("Lambda: characters of a function's name", where, len(given["FunctionName"]), 64)


def _of_dashboard(where: str, given: Mapping[str, Any]) -> Iterator[Use]:
    """Dashboard body structure, CloudWatch API Reference: 500 widgets; an alarm widget shows at most 100 alarms."""
    body = json.dumps(given["DashboardBody"])
    yield Use("CloudWatch: alarms of a dashboard's widget", where, body.count("Fn::GetAtt"), 100)
    yield Use("CloudWatch: widgets of a dashboard", where, len(re.findall(r'\\"type\\"', body)), 500)
