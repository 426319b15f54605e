"""Conversion of the ledger's items to domain values.

An item has the fields of its value, as `dataclasses.asdict` returns them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from relearn.errors import LineError
from relearn.ledger.attribute_values import Item
from relearn.lifecycle import id_lists
from relearn.lifecycle.approval import Approval
from relearn.lifecycle.batches import Batch, BatchState
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.traffic.route import Change, Route, RouteWrite
from relearn.traffic.route_changes import Restore, RestoreState

RUN_LISTS = ("uploads", "snapshot", "left_out")
"""Attributes of a run that may be long lists of ids."""


def known(cls: Any, item: Item) -> Item:
    """Return the attributes that are fields of a dataclass."""
    return {field.name: item[field.name] for field in fields(cls) if field.name in item}


def upload(item: Item) -> Upload:
    """Return the upload in an item."""
    values = known(Upload, item) | {"state": UploadState(item["state"])}
    return Upload(**values | {"earlier": tuple(item.get("earlier", ()))})


def run(item: Item, part: Callable[[str], Sequence[str]]) -> Run:
    """Return the run in an item; ``part`` reads the ids in a part of a long list by its sort key."""
    values = known(Run, item) | {"state": RunState(item["state"])}
    values |= {name: id_lists.whole(item.get(name, ()), part) for name in RUN_LISTS}
    values |= {name: _metrics(item, name) for name in ("metrics", "champion_metrics", "reference_metrics")}
    return Run(**values)


def route(item: Item | None) -> Route:
    """Return the route in an item; an empty route when there is none, because the model never served."""
    return Route() if item is None else Route(**known(Route, item))


def moved(item: Item) -> RouteWrite:
    """Return the write of a route in an item of its history."""
    return RouteWrite(route=route(item), change=Change(**item["change"]), at=item["at"])


def restore(item: Item) -> Restore:
    """Return the restore of a version in an item."""
    return Restore(**known(Restore, item) | {"state": RestoreState(item["state"])})


def version(item: Item) -> Version:
    """Return the version in an item."""
    values = known(Version, item) | {"state": VersionState(item["state"])}
    values |= {"metrics": _metrics(item, "metrics"), "approval": Approval.from_dict(item.get("approval"))}
    return Version(**values)


def batch(item: Item) -> Batch:
    """Return the batch in an item; earlier releases wrote fewer fields."""
    values = known(Batch, item) | {"state": BatchState(item["state"])}
    return Batch(**values | {"errors": tuple(LineError(**error) for error in item["errors"])})


def _metrics(item: Item, name: str) -> dict[str, float]:
    """Return the metrics in an item as floats: DynamoDB returns 1.0 as 1."""
    return {metric: float(value) for metric, value in item.get(name, {}).items()}
