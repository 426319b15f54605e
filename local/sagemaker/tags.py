"""Tags of every SageMaker resource: AddTags, ListTags, DeleteTags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sagemaker.control import operation
from local.sagemaker.state import Record

if TYPE_CHECKING:
    from local.sagemaker.context import Context

TABLE = "tags"


def keep(context: Context, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
    """Set tags of a resource, replacing values of existing keys, and return all its tags."""
    with context.state.lock:
        known = {tag["Key"]: tag["Value"] for tag in (context.state.get(TABLE, arn) or {}).get("Tags", [])}
        known |= {tag["Key"]: tag["Value"] for tag in tags}
        merged = [{"Key": key, "Value": value} for key, value in known.items()]
        if merged and not context.state.add(TABLE, arn, {"Tags": merged}):
            context.state.change(TABLE, arn, Tags=merged)
    return merged


@operation
def add_tags(context: Context, request: Record) -> Record:
    """Set tags of a resource."""
    return {"Tags": keep(context, request["ResourceArn"], request["Tags"])}


@operation
def list_tags(context: Context, request: Record) -> Record:
    """Return a resource's tags."""
    return {"Tags": (context.state.get(TABLE, request["ResourceArn"]) or {}).get("Tags", [])}


@operation
def delete_tags(context: Context, request: Record) -> Record:
    """Remove tags by key."""
    kept = [tag for tag in list_tags(context, request)["Tags"] if tag["Key"] not in request["TagKeys"]]
    context.state.change(TABLE, request["ResourceArn"], Tags=kept)
    return {}
