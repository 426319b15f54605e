"""The features that are looked up, written and read as the account's administrator."""

from __future__ import annotations

from typing import Any

from tests.e2e.client import Stage
from tests.e2e.privilege.trial import Broken

SOME = {"rows": 1, "as_of": "2026-01-01T00:00:00Z"}
"""What the ledger knows of a version that has features."""


class OnlineTable:
    """The online table of a stage."""

    def __init__(self, stage: Stage) -> None:
        resource = stage.session.resource("dynamodb", endpoint_url=stage.endpoint_url)
        self._table: Any = resource.Table(stage.outputs["OnlineTable"])

    def entities(self, model: str, version: int) -> list[str]:
        """List the entities that a version knows."""
        found = self._table.scan(ConsistentRead=True)["Items"]
        return sorted(item["sk"][1:] for item in found if item["pk"].startswith(f"{model}#{version}#"))

    def know(self, model: str, version: int) -> None:
        """Let a version know an entity."""
        self._table.put_item(Item={"pk": f"{model}#{version}#0", "sk": "=x", "as_of": "", "columns": "{}"})

    def forget(self, model: str, version: int) -> None:
        """Let a version know nobody."""
        found = self._table.scan(ConsistentRead=True)["Items"]
        with self._table.batch_writer() as batch:
            for item in found:
                if item["pk"].startswith(f"{model}#{version}#"):
                    batch.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})

    def expect(self, model: str, version: int, *, known: bool) -> None:
        """`Broken` when a version knows somebody and should not, or the other way round."""
        found = self.entities(model, version)
        if bool(found) != known:
            raise Broken(f"version {version} of {model} knows {len(found)} entities")
