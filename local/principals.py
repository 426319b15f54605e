"""Callers and what their IAM policies allow.

MiniStack's IAM is queried at every call, so a policy that changes on the running cloud takes effect at once.
"""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, lambda_svc, sns, sqs

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Principal:
    """A caller: its ARN and MiniStack's record of its policies, None for the account's administrator."""

    arn: str
    info: Any = None

    def allowed(self, action: str, resource: str, context: Mapping[str, Any] | None = None) -> bool:
        """Whether the caller's policies allow an action on a resource, under the given condition keys."""
        if self.info is None or self.info.policies is None:
            return True
        asked = iam_evaluator.EvalContext(
            principal_arn=self.info.arn,
            principal_type=self.info.type,
            principal_account=self.info.account,
            action=action,
            resource_arn=resource,
            region=get_region(),
            service_context={key.lower(): value for key, value in (context or {}).items()},
            principal_keys=self.info.keys,
        )
        decision = iam_evaluator.evaluate(asked, self.info.policies, *self.info.limits).decision
        return bool(decision == "Allow")

    def denial(self, action: str, resource: str) -> str:
        """Return IAM's message for an action that the caller's policies do not allow."""
        return (
            f"User: {self.arn} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action"
        )


def administrator() -> Principal:
    """Return the account's root user."""
    return Principal(f"arn:aws:iam::{get_account_id()}:root")


def caller(headers: Mapping[str, str]) -> Principal:
    """Return the principal that signed a request; MiniStack has verified the signature.

    Raises
    ------
    PermissionError
        When MiniStack knows no principal with the request's access key.
    """
    from ministack.core.router import extract_access_key_id  # noqa: PLC0415 - imports much

    found = iam_evaluator.resolve_principal(extract_access_key_id(headers, {}), get_account_id())
    if isinstance(found, iam_evaluator.AuthError):
        raise PermissionError(found.message)
    return Principal(found.arn, found)


def role(role_arn: str, service: str) -> Principal | None:
    """Return a role as assumed by an AWS service; None when it is missing or does not trust the service."""
    name = role_arn.rsplit("/", 1)[-1]
    record = iam._roles.get(name)
    if record is None or not _trusts(record["AssumeRolePolicyDocument"], service):
        return None
    arn = f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/{service.partition('.')[0]}"
    account = get_account_id()
    info = iam_evaluator.PrincipalInfo(
        arn=arn,
        type="AssumedRole",
        account=account,
        policies=iam_evaluator._gather_role_policies(name, account),
        limits=iam_evaluator._permissions_boundary(iam._roles, name, account),
    )
    return Principal(arn, info)


def role_allows(role_arn: str, service: str, action: str, resource: str) -> bool:
    """Whether a service with this role may perform an action; False when it cannot assume the role."""
    assumed = role(role_arn, service)
    return assumed is not None and assumed.allowed(action, resource)


def _trusts(document: str | dict[str, Any], service: str) -> bool:
    trust = copy.deepcopy(json.loads(document) if isinstance(document, str) else document)
    for statement in trust["Statement"]:
        statement["Resource"] = "*"  # a trust policy has none; the evaluator requires one
    return _policy_allows(trust, service, "sts:AssumeRole", "*", "")


def _policy_allows(policy: Any, service: str, action: str, resource: str, source_arn: str) -> bool:
    """Whether a resource policy lets an AWS service act on behalf of `source_arn`."""
    asked = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()},
    )
    return bool(iam_evaluator.evaluate_resource_policy(policy, asked, service=service).decision == "Allow")


def function_admits(function_arn: str, service: str, source_arn: str) -> bool:
    """Whether the function's policy (AWS::Lambda::Permission) lets a service invoke it for this source."""
    found = lambda_svc.function_policy_for_arn(function_arn)
    return found is not None and _policy_allows(
        found[0], service, "lambda:InvokeFunction", function_arn, source_arn
    )


def queue_admits(queue_arn: str, service: str, source_arn: str) -> bool:
    """Whether the queue's policy lets a service send messages for this source."""
    found = sqs.queue_policy_for_arn(queue_arn)
    return found is not None and _policy_allows(
        found[0] or {}, service, "sqs:SendMessage", queue_arn, source_arn
    )


def topic_admits(topic_arn: str, service: str, source_arn: str) -> bool:
    """Whether the topic's policy lets a service publish for this source."""
    found = sns.topic_policy_for_arn(topic_arn)
    return found is not None and _policy_allows(found[0] or {}, service, "sns:Publish", topic_arn, source_arn)
