"""Every reason that a batch fails for, with what causes it; none can be added without a line here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdas.aws.sagemaker import transforms
from lambdas.batches import lifecycle, results
from lambdas.handlers import batch_event, sweep
from lambdas.maintenance import stuck_batches
from relearn.lifecycle import batches
from relearn.lifecycle.batches import BatchState
from relearn.naming import resources, s3_keys
from tests.moto.test_batch_repair import ID, batch, live, store
from tests.support import words_of_refusals
from tests.support.world import LAKE, TABLE, UPLOADS, LambdaContext, World

__all__ = ["live"]  # a fixture
FILES = {
    lifecycle: {"_fail": 1, "move": 2},
    stuck_batches: {"move": 2},
    results: {"DataError": 1},
    batches: {"cut": 0},
    transforms: {"ModelFailedError": 0},
}
"""A module, and in which argument of which calls it says a reason."""
JOB = resources.transform_job("test", "flowers", ID)


def hear(event: dict[str, Any]) -> None:
    batch_event.handler(json.loads(json.dumps(event)), LambdaContext())


def nobody_serves(world: World) -> None:
    world.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": "MODEL#flowers"}, "sk": {"S": "ROUTE"}})
    hear(store(world))


def too_large(world: World) -> None:
    stored = store(world)["detail"]["object"]
    hear(world.event(stored["key"], stored["version-id"], batches.MAX_BYTES + 1))


def gone(world: World) -> None:
    event = store(world)
    found = event["detail"]["object"]
    world.s3.delete_object(Bucket=UPLOADS, Key=found["key"], VersionId=found["version-id"])
    hear(event)


def no_line_fits(world: World) -> None:
    hear(store(world, b"no json\n"))


def version_gone(world: World) -> None:
    world.sagemaker.models.clear()
    hear(store(world))


def never_begun(world: World) -> None:
    hear(store(world))
    world.sagemaker.transforms.clear()
    world.clock.pass_seconds(3600)
    hear({"detail-type": "Batch Runs", "detail": {"model": "flowers", "batch": ID}})


def ended(status: str) -> Callable[[World], None]:
    def end(world: World) -> None:
        hear(store(world))
        detail = {"TransformJobName": JOB, "TransformJobStatus": status, "FailureReason": "ClientError: bad"}
        hear({"detail-type": "SageMaker Transform Job State Change", "detail": detail})

    return end


def half_answered(world: World) -> None:
    world.s3.put_object(Bucket=LAKE, Key=s3_keys.batch_output_key("flowers", ID), Body=b'{"label": "rose"}\n')
    ended("Completed")(world)


def never_checked(world: World) -> None:
    store(world)
    swept_after(world, 7 * 3600)


def never_came(world: World) -> None:
    swept_after(world, 95 * 60)


def swept_after(world: World, seconds: float) -> None:
    world.clock.pass_seconds(seconds)
    sweep.handler({"source": "aws.scheduler"}, LambdaContext())


CAUSES: dict[str, Callable[[World], None]] = {
    "no version of the model serves any more": nobody_serves,
    f"the file has {batches.MAX_BYTES + 1} bytes; allowed: {batches.MAX_BYTES}": too_large,
    "the file is gone": gone,
    "line 1: the line is not JSON: got 'no json' at line 1, column 1 (character 0); allowed: a value of JSON": no_line_fits,
    "version 1 cannot be asked any more": version_gone,
    "the transform job could not be started": never_begun,
    "the transform job was stopped": ended("Stopped"),
    "the transform job failed: ClientError: bad": ended("Failed"),
    "the transform job did not answer one line for each line of the file": half_answered,
    "its file could not be checked, however often it was tried; begin another batch": never_checked,
    "no file came while its form was good; begin another batch": never_came,
}


@pytest.mark.parametrize("reason", CAUSES)
def test_a_batch_fails_with_what_was_found(live: World, reason: str) -> None:
    CAUSES[reason](live)
    assert (batch(live).state, batch(live).reason) == (BatchState.FAILED, reason)


def test_every_reason_in_the_code_has_a_cause() -> None:
    found = {
        words
        for module, at in FILES.items()
        for words in words_of_refusals.said(Path(str(module.__file__)), at)
    }
    found |= set(words_of_refusals.given(Path(str(batches.__file__))))
    assert len(found) >= 8
    untold = [words for words in found if not any(re.fullmatch(_pattern(words), said) for said in CAUSES)]
    assert untold == []


def _pattern(words: str) -> str:
    return ".*".join(map(re.escape, words.split("…")))
