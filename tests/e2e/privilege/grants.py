"""What is granted to roles, one action on one resource at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

Statement = dict[str, Any]


class Grant(Protocol):
    """Something that can be taken away, and its name."""

    @property
    def name(self) -> str: ...

    def delete(self) -> None: ...

    def restore(self) -> None: ...


@dataclass(frozen=True)
class RolePolicy:
    """One inline policy of a role, as it was deployed."""

    iam: Any = field(repr=False, compare=False)
    role: str
    policy: str
    document: dict[str, Any] = field(compare=False)

    def put(self, statements: list[Statement]) -> None:
        document = {**self.document, "Statement": statements}
        self.iam.put_role_policy(
            RoleName=self.role, PolicyName=self.policy, PolicyDocument=json.dumps(document)
        )

    @property
    def statements(self) -> list[Statement]:
        found: list[Statement] = self.document["Statement"]
        return found


@dataclass(frozen=True)
class RoleGrant:
    """One action on one resource in one statement of a role's policy."""

    policy: RolePolicy
    statement: int
    action: str
    resource: str

    @property
    def role(self) -> str:
        return self.policy.role

    @property
    def name(self) -> str:
        return f"{short(self.role)}: {self.action} on {self.resource}"

    def delete(self) -> None:
        _put_without(self.policy, {(self.statement, self.action, self.resource)})

    def restore(self) -> None:
        self.policy.put(self.policy.statements)


@contextmanager
def without(grants: Iterable[Grant]) -> Iterator[None]:
    """Delete grants for a while."""
    with ExitStack() as stack:
        for grant in grants:
            stack.callback(grant.restore)
            grant.delete()
        yield


def of_roles(iam: Any, prefix: str) -> Iterator[RoleGrant]:
    """Read every grant of the roles whose name starts with ``prefix``."""
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if role["RoleName"].startswith(prefix):
                yield from _of_role(iam, role["RoleName"])


def _of_role(iam: Any, role: str) -> Iterator[RoleGrant]:
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert not attached, f"{role} has policies beside its own: {attached}"
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        policy = RolePolicy(iam, role, name, document)
        for index, statement in enumerate(policy.statements):
            assert statement["Effect"] == "Allow", f"{role} denies: {statement}"
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    yield RoleGrant(policy, index, action, resource)


def _put_without(policy: RolePolicy, cut: set[tuple[int, str, str]]) -> None:
    """Put the policy with some (statement, action, resource) cut out and all others as they are."""
    kept = []
    for index, statement in enumerate(policy.statements):
        for action in listed(statement["Action"]):
            resources = [r for r in listed(statement["Resource"]) if (index, action, r) not in cut]
            if resources:
                kept.append({**statement, "Action": action, "Resource": resources})
    policy.put(kept)


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def short(role: str) -> str:
    """The name a role has in the code: ``relearn-local-training-JudgeRole84C366E4-829C2CD7F4287`` is JudgeRole."""
    return re.sub(r"^relearn-[a-z0-9]+-[a-z]+-(\w+?)([0-9A-F]{8})?-\w+$", r"\1", role)
