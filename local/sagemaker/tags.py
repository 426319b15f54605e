"""Tags of every SageMaker resource: AddTags, ListTags, DeleteTags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.sagemaker.control import operation

if TYPE_CHECKING:
    from local.sagemaker.world import World

    Record = dict[str, Any]

TABLE = "tags"


def keep(world: World, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
    """Set tags of a resource; a key that exists gets the new value. All its tags."""
    with world.state.lock:
        known = {tag["Key"]: tag["Value"] for tag in (world.state.get(TABLE, arn) or {}).get("Tags", [])}
        known |= {tag["Key"]: tag["Value"] for tag in tags}
        merged = [{"Key": key, "Value": value} for key, value in known.items()]
        if merged and not world.state.add(TABLE, arn, {"Tags": merged}):
            world.state.change(TABLE, arn, Tags=merged)
    return merged


@operation
def add_tags(world: World, request: Record) -> Record:
    """Set tags."""
    return {"Tags": keep(world, request["ResourceArn"], request["Tags"])}


@operation
def list_tags(world: World, request: Record) -> Record:
    """Return a resource's tags."""
    return {"Tags": (world.state.get(TABLE, request["ResourceArn"]) or {}).get("Tags", [])}


@operation
def delete_tags(world: World, request: Record) -> Record:
    """Remove tags by key."""
    kept = [tag for tag in list_tags(world, request)["Tags"] if tag["Key"] not in request["TagKeys"]]
    world.state.change(TABLE, request["ResourceArn"], Tags=kept)
    return {}
