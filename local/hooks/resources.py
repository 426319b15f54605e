"""Checks of the resources that CloudFormation creates and updates, which bypasses MiniStack's own APIs."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Callable


def check(kind: str, refuse: Callable[[dict[str, Any]], str]) -> None:
    """Fail the creation or update of a template's resource that a service would refuse.

    Parameters
    ----------
    kind : str
        Type of the resource, such as ``"AWS::IAM::Role"``.
    refuse : callable
        Receives the properties, with everything resolved, and returns why they are refused; "" when they are not.
    """
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    create, update = handlers["create"], handlers.get("update")

    def created(logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
        if refusal := refuse(properties):
            raise ValueError(refusal)
        return create(logical_id, properties, *rest)

    def updated(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        if refusal := refuse(new):
            raise ValueError(refusal)
        return update(physical_id, old, new, *rest)

    handlers["create"] = created
    if update is not None:
        handlers["update"] = updated
