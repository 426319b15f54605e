"""Sizes that AWS limits when something is deployed: policies, environments of functions, state machines."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ministack.core.responses import error_response_json
from ministack.services import iam, lambda_svc, stepfunctions

from local.hooks import resources

if TYPE_CHECKING:
    from collections.abc import Iterable

POLICY_CHARACTERS = 10_240
TRUST_CHARACTERS = 2_048
ENVIRONMENT_BYTES = 4_096
FUNCTION_POLICY_BYTES = 20_480
DEFINITION_CHARACTERS = 1_048_576


def limit_policies_of_roles() -> None:
    """Refuse a role whose inline policies or trust policy are longer than IAM takes.

    MiniStack takes any. IAM takes 10,240 characters of all inline policies of a role together and 2,048 of a trust
    policy, white space not counted (IAM User Guide, "IAM and AWS STS quotas").
    """
    put = iam._put_role_policy

    def checked(request: Any) -> Any:
        name, policy = iam._p(request, "RoleName"), iam._p(request, "PolicyName")
        kept = dict(iam._roles.get(name, {}).get("InlinePolicies", {}))
        refusal = _too_long(name, {**kept, policy: iam._p(request, "PolicyDocument")}.values())
        return iam._error(409, "LimitExceeded", refusal, ns="iam") if refusal else put(request)

    iam._IAM_HANDLERS["PutRolePolicy"] = checked
    resources.check("AWS::IAM::Role", _refuse_role)


def _refuse_role(properties: dict[str, Any]) -> str:
    name = properties.get("RoleName", "")
    if _characters(properties.get("AssumeRolePolicyDocument", {})) > TRUST_CHARACTERS:
        return f"Cannot exceed quota for ACLSizePerRole: {TRUST_CHARACTERS}"
    return _too_long(name, (policy.get("PolicyDocument", {}) for policy in properties.get("Policies", [])))


def _too_long(name: str, documents: Iterable[Any]) -> str:
    if sum(map(_characters, documents)) <= POLICY_CHARACTERS:
        return ""
    return f"Maximum policy size of {POLICY_CHARACTERS} bytes exceeded for role {name}"


def _characters(document: Any) -> int:
    """Return the length of a policy without white space."""
    text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
    return len("".join(text.split()))


def limit_environments_of_functions() -> None:
    """Refuse a function whose environment variables are larger than Lambda takes.

    MiniStack takes any. Lambda takes 4 KB of all variables together (Lambda Developer Guide, "Lambda quotas").
    """
    create, update = lambda_svc._create_function, lambda_svc._update_config

    def created(data: dict[str, Any]) -> Any:
        return _invalid(refusal) if (refusal := _refuse_environment(data)) else create(data)

    def updated(name: str, data: dict[str, Any]) -> Any:
        return _invalid(refusal) if (refusal := _refuse_environment(data)) else update(name, data)

    lambda_svc._create_function, lambda_svc._update_config = created, updated
    resources.check("AWS::Lambda::Function", _refuse_environment)


def _refuse_environment(config: dict[str, Any]) -> str:
    variables = (config.get("Environment") or {}).get("Variables") or {}
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) <= ENVIRONMENT_BYTES:
        return ""
    return (
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
        f"exceeded the 4KB limit. String measured: {measured[:200]}"
    )


def limit_policies_of_functions() -> None:
    """Refuse a permission that makes a function's resource policy larger than Lambda takes.

    MiniStack takes any. Lambda takes 20 KB, and answers in these words (Lambda Developer Guide, "Lambda quotas";
    adobe/helix-deploy#24).
    """
    add = lambda_svc._add_permission

    def added(name: str, *rest: Any, **more: Any) -> Any:
        answer = add(name, *rest, **more)
        policy = lambda_svc._functions[name]["policy"] if name in lambda_svc._functions else {}
        size = len(json.dumps(policy, separators=(",", ":")).encode())
        if answer[0] >= HTTPStatus.BAD_REQUEST or size <= FUNCTION_POLICY_BYTES:
            return answer
        policy["Statement"].pop()
        message = f"The final policy size ({size}) is bigger than the limit ({FUNCTION_POLICY_BYTES})."
        return error_response_json("PolicyLengthExceededException", message, 400)

    lambda_svc._add_permission = added


def limit_definitions_of_state_machines() -> None:
    """Refuse a state machine whose definition is longer than Step Functions takes.

    MiniStack takes any. CreateStateMachine and UpdateStateMachine take 1,048,576 characters (Step Functions API
    reference, CreateStateMachine). A template, which has 1 MB at most, cannot hold a longer one.
    """
    create, update = stepfunctions._create_state_machine, stepfunctions._update_state_machine

    def created(data: dict[str, Any]) -> Any:
        return _unvalidated(refusal) if (refusal := _refuse_definition(data)) else create(data)

    def updated(data: dict[str, Any]) -> Any:
        return _unvalidated(refusal) if (refusal := _refuse_definition(data)) else update(data)

    stepfunctions._create_state_machine, stepfunctions._update_state_machine = created, updated


def _refuse_definition(machine: dict[str, Any]) -> str:
    if len(machine.get("definition") or "") <= DEFINITION_CHARACTERS:
        return ""
    return (
        "1 validation error detected: Value at 'definition' failed to satisfy constraint: Member must have length less "
        f"than or equal to {DEFINITION_CHARACTERS}"
    )


def _unvalidated(message: str) -> Any:
    return error_response_json("ValidationException", message, 400)


def _invalid(message: str) -> Any:
    return error_response_json("InvalidParameterValueException", message, 400)
