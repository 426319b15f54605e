"""What tests of removals share: a stand-in for the function that removes models, and what a stage still has of one."""

from __future__ import annotations

from typing import Any

from cli.stage.holdings import BUCKETS
from cli.stage.target import Target
from tests.support.cli_stage import CliStage

TOLD: dict[str, Any] = {"serves": 2, "versions": [1, 2], "endpoints": ["e"], "packages": 2, "deployed": True}


class Lifecycle:
    """Answers removals in turn; the last answer stays."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, bool]] = []

    def remove(self, _target: Target, model: str, *, only_tell: bool) -> dict[str, Any]:
        self.asked.append((model, only_tell))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return dict(answer)


def versions(stage: CliStage, model: str) -> dict[str, list[Any]]:
    """Give the versions and delete markers in every bucket that are of a model, however it is there."""
    found = {}
    for bucket in BUCKETS:
        page = stage.s3.list_object_versions(Bucket=getattr(stage, bucket))
        every = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        found[bucket] = [one for one in every if f"/{model}/" in one["Key"]]
    return found


def items(stage: CliStage, model: str) -> set[tuple[str, str]]:
    found = stage.dynamodb.scan(TableName="ledger")["Items"]
    return {(one["pk"]["S"], one["sk"]["S"]) for one in found if model in one["pk"]["S"].split("#")}
