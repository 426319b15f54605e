"""How the ledger's items are keyed, and how an item becomes one of the domain's values again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from lambdas.aws.dynamo.codec import Item
from relearn.lifecycle import id_lists
from relearn.lifecycle.approval import Approval
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.traffic.route import Change, Moved, Route
from relearn.traffic.route_changes import Restore, RestoreState

RUN_LISTS = ("uploads", "snapshot")
"""Lists of a run that may be long."""


def partition(model: str) -> str:
    """Give the partition key of everything about a model."""
    return f"MODEL#{model}"


def version_key(number: int) -> str:
    """Give the sort key of a version."""
    return f"VERSION#{number}"


def moved_key(revision: int) -> str:
    """Give the sort key of one write of the route: it sorts as the revision counts."""
    return f"ROUTE#{revision:09d}"


def known(cls: Any, item: Item) -> Item:
    """Keep the attributes that are fields of a dataclass."""
    return {field.name: item[field.name] for field in fields(cls) if field.name in item}


def upload(item: Item) -> Upload:
    """Read an upload."""
    values = known(Upload, item) | {"state": UploadState(item["state"])}
    return Upload(**values | {"earlier": tuple(item.get("earlier", ()))})


def run(item: Item, part: Callable[[str], Sequence[str]]) -> Run:
    """Read a run; ``part`` reads a part of a long list, by its sort key."""
    values = known(Run, item) | {"state": RunState(item["state"])}
    values |= {name: id_lists.whole(item.get(name, ()), part) for name in RUN_LISTS}
    values |= {name: _metrics(item, name) for name in ("metrics", "champion_metrics")}
    return Run(**values)


def moved(item: Item) -> Moved:
    """Read one write of the route."""
    return Moved(route=Route(**known(Route, item)), change=Change(**item["change"]), at=item["at"])


def restore(item: Item) -> Restore:
    """Read the record of a version's being deployed again."""
    return Restore(**known(Restore, item) | {"state": RestoreState(item["state"])})


def version(item: Item) -> Version:
    """Read a version."""
    values = known(Version, item) | {"state": VersionState(item["state"])}
    values |= {"metrics": _metrics(item, "metrics"), "approval": Approval.from_dict(item.get("approval"))}
    return Version(**values)


def _metrics(item: Item, name: str) -> dict[str, float]:
    """DynamoDB gives 1.0 back as 1."""
    return {metric: float(value) for metric, value in item.get(name, {}).items()}
