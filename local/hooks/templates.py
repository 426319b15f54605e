"""SageMaker's resource types for CloudFormation, exports that are in use, and names that are taken."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.core.responses import new_uuid
from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, provisioners, stacks

from local import principals
from local.sagemaker import control, model
from local.sagemaker.errors import ApiError

if TYPE_CHECKING:
    from local.sagemaker.context import Context

_TYPES = {
    "ModelPackageGroup": ("ModelPackageGroupArn", ("ModelPackageGroupArn",)),
    "Model": ("ModelArn", ("ModelName",)),
    "EndpointConfig": ("EndpointConfigArn", ("EndpointConfigName",)),
    "Endpoint": ("EndpointArn", ("EndpointName",)),
}

_NAMED = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::Glue::Job": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
}
"""Types of which a stage names resources, by the property that has the name."""


def add_sagemaker_types(context: Context) -> None:
    """Provision AWS::SageMaker::ModelPackageGroup, Model, EndpointConfig and Endpoint.

    MiniStack refuses a template with an unknown type. A delete that SageMaker refuses (a group that still has
    packages) fails the stack's delete, as on AWS.
    """
    for kind, (ref, attributes) in _TYPES.items():
        provisioners._RESOURCE_HANDLERS[f"AWS::SageMaker::{kind}"] = {
            "create": _create(context, kind, ref, attributes),
            "update": _update(kind),
            "delete": _delete(context, kind),
        }


def keep_exports_in_use() -> None:
    """Fail the update of a stack that drops or changes an export which another stack imports.

    MiniStack refuses only the deletion of such a stack. CloudFormation fails the update too, with these words ("Getting
    exported outputs from a deployed stack", CloudFormation User Guide: you cannot delete or change an output value that
    another stack references).
    """
    resolve = stacks._resolve_stack_outputs

    def checked(definitions: Any, conditions: Any, resources: Any, *rest: Any) -> Any:
        outputs, exports = resolve(definitions, conditions, resources, *rest)
        name = rest[-2]
        before = cloudformation._stacks.get(name, {}).get("Outputs", [])
        for output in before:
            export = output.get("ExportName")
            if export is None or (kept := exports.get(export, {}).get("Value")) == output["OutputValue"]:
                continue
            verb = "delete" if kept is None else "update"
            if users := [other for other in _importing(export) if other != name]:
                raise ValueError(f"Cannot {verb} export {export} as it is in use by {', '.join(users)}.")
        return outputs, exports

    stacks._resolve_stack_outputs = checked


def refuse_taken_names() -> None:
    """Fail the creation of a resource whose name one of another stack has.

    MiniStack overwrites that one, and deletes both with either. CloudFormation fails the stack: "Ensure that the name is
    unique" under "Resource already exists" in the CloudFormation User Guide, troubleshooting.
    """
    for kind, key in _NAMED.items():
        handler = provisioners._RESOURCE_HANDLERS[kind]
        handler["create"] = _unless_taken(kind, key, handler["create"])


def _unless_taken(kind: str, key: str, make: Any) -> Any:
    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name = properties.get(key)
        if name and (owner := _owner(kind, name, besides=stack)):
            raise ValueError(f"Resource of type '{kind}' with identifier '{name}' already exists in {owner}.")
        return make(logical_id, properties, stack)

    return create


def _owner(kind: str, name: str, *, besides: str) -> str | None:
    """Return another stack that has a resource of a name."""
    return next(
        (
            other
            for other, stack in cloudformation._stacks.items()
            if other != besides and not stack.get("StackStatus", "").startswith("DELETE")
            for resource in stack.get("_resources", {}).values()
            if resource.get("ResourceType") == kind and resource.get("PhysicalResourceId") == name
        ),
        None,
    )


def _importing(export: str) -> list[str]:
    """Return the names of the stacks that import an export."""
    return [
        name
        for name, stack in cloudformation._stacks.items()
        if not stack.get("StackStatus", "").startswith("DELETE")
        and export in handlers._imported_export_names(stack, name)
    ]


def _create(context: Context, kind: str, ref: str, attributes: tuple[str, ...]) -> Any:
    def create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        named = f"{kind}Name"
        request = _typed(
            {named: f"{stack}-{logical_id}-{new_uuid()[:8]}"[-63:].strip("-"), **properties}, f"Create{kind}"
        )
        answer = _call(context, f"Create{kind}", request)
        known = {**request, **answer}
        return answer[ref], {key: known[key] for key in attributes}

    return create


def _update(kind: str) -> Any:
    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], _stack: str
    ) -> tuple[str, dict[str, Any]]:
        changed = sorted(key for key in {*old, *new} if key != "Tags" and old.get(key) != new.get(key))
        if changed:
            raise ValueError(
                f"AWS::SageMaker::{kind}: changing {', '.join(changed)} in place is not supported here"
            )
        return physical_id, {key: value for key, value in new.items() if key.endswith("Name")}

    return update


def _delete(context: Context, kind: str) -> Any:
    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        name = properties.get(f"{kind}Name") or physical_id.rpartition("/")[2]
        try:
            _call(context, f"Delete{kind}", {f"{kind}Name": name})
        except ValueError as error:
            if "not exist" not in str(error) and "Could not find" not in str(error):
                raise

    return delete


def _call(context: Context, action: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return control.call(context, action, request, principals.administrator())
    except ApiError as error:
        raise ValueError(f"{action}: {error}") from error


def _typed(properties: dict[str, Any], action: str) -> dict[str, Any]:
    """Return template properties converted to SageMaker's types; a template may write numbers as text."""
    shape = model.service().operation_model(action).input_shape

    def typed(value: Any, shape: Any) -> Any:
        if shape is None:
            return value
        if shape.type_name == "structure":
            return {key: typed(item, shape.members.get(key)) for key, item in value.items()}
        if shape.type_name == "list":
            return [typed(item, shape.member) for item in value]
        numbers = {"integer": int, "long": int, "float": float, "double": float}
        return numbers[shape.type_name](value) if shape.type_name in numbers else value

    typed_properties: dict[str, Any] = typed(properties, shape)
    return typed_properties
