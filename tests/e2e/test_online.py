"""Customers by their id: the features that the pipeline made are those that answer, for every one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.client import Item, Stage, outputs
from training.features.testing import compute, rows_of
from training.models.churn.features import features
from training.models.churn.spec import SPEC

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = "churn"
PATH = f"/v1/models/{MODEL}/predict"
SEEDS = Path(__file__).parents[2] / "training" / "models" / MODEL
UNKNOWN = "nobody"


@pytest.fixture(scope="module")
def churn(stage: Stage) -> Stage:
    """The stage once the first churn model serves and nothing is under way."""
    stage.wait_until_served(MODEL)
    return stage


@pytest.fixture(scope="module")
def as_of(churn: Stage) -> datetime:
    """The moment that what is served speaks of."""
    told = churn.http(f"/v1/models/{MODEL}")[2]["lookup"]
    assert told["column"] == SPEC.entity
    return datetime.fromisoformat(told["as_of"])


@pytest.fixture(scope="module")
def learnt(as_of: datetime) -> dict[str, Item]:
    """What training would learn of every customer at that moment, from the raw tables: as instances."""
    tables = {table: rows_of(SEEDS / "seed" / f"{table}.csv") for table in SPEC.table_names}
    names = [column.name for column in SPEC.columns]
    found = compute(SPEC, features, tables, moments=[as_of])
    return {row["customer_id"]: {name: row[name] for name in names} for row in found}


def served(stage: Stage) -> Iterator[tuple[str, Item]]:
    """Read the online table's items of the version that serves."""
    client, begin = stage.client("dynamodb"), f"{MODEL}#{stage.live_version(MODEL)}#"
    for page in client.get_paginator("scan").paginate(TableName=stage.outputs["OnlineTable"]):
        for item in page["Items"]:
            if item["pk"]["S"].startswith(begin):
                yield item["sk"]["S"][1:], json.loads(item["columns"]["S"])


def test_what_is_served_of_every_customer_is_what_training_would_learn_of_them_at_that_moment(
    churn: Stage, learnt: dict[str, Item]
) -> None:
    found = dict(served(churn))
    assert len(found) > 100
    assert {name: {"customer_id": name, **columns} for name, columns in found.items()} == learnt


def test_every_customer_is_answered_by_id_as_with_their_features(
    churn: Stage, learnt: dict[str, Item]
) -> None:
    by_id = churn.predict(MODEL, *({"customer_id": name} for name in learnt))
    given = churn.predict(MODEL, *learnt.values())
    assert outputs(by_id) == outputs(given)


def test_a_value_in_the_request_stands(churn: Stage, learnt: dict[str, Item]) -> None:
    name, row = next(iter(learnt.items()))
    changed = {"failed_payments_30d": 9, "days_since_visit": None}
    by_id = churn.predict(MODEL, {"customer_id": name, **changed})
    assert outputs(by_id) == outputs(churn.predict(MODEL, {**row, **changed}))


def test_the_other_protocol_looks_up_too(churn: Stage, learnt: dict[str, Item]) -> None:
    names = list(learnt)[:3]
    tensor = {"name": "customer_id", "datatype": "BYTES", "shape": [3], "data": names}
    status, _, answer = churn.http(f"/v2/models/{MODEL}/infer", {"inputs": [tensor]})
    assert status == 200, answer
    labels = next(one["data"] for one in answer["outputs"] if one["name"] == "label")
    expected = churn.predict(MODEL, *({"customer_id": name} for name in names))
    assert labels == [one["label"] for one in expected["predictions"]]


def test_an_unknown_customer_is_refused_and_pointed_at(churn: Stage, learnt: dict[str, Item]) -> None:
    known = {"customer_id": next(iter(learnt))}
    status, _, problem = churn.http(PATH, {"instances": [known, {"customer_id": UNKNOWN}]})
    assert status == 422
    (error,) = problem["errors"]
    assert error["pointer"] == "/instances/1/customer_id"
    assert error["detail"].startswith(
        f"got 'nobody', not known to version {churn.live_version(MODEL)}; allowed: a known one, or to give plan,"
    )


def test_a_record_says_what_was_scored_and_not_of_whom(churn: Stage, learnt: dict[str, Item]) -> None:
    name, row = next(iter(learnt.items()))
    answer = churn.predict(MODEL, {"customer_id": name})
    record = answer["predictions"][0]["id"].rpartition("-")[0]
    lines = churn.wait("the record", lambda: _record(churn, record))
    assert json.loads(lines)["inputs"] == [{k: v for k, v in row.items() if k != "customer_id"}]


def test_the_container_and_batches_take_whole_instances_alone(churn: Stage) -> None:
    endpoint = f"relearn-{churn.name}-{MODEL}-v{churn.live_version(MODEL)}"
    body = json.dumps({"instances": [{"customer_id": "c1"}]}).encode()
    client = churn.client("sagemaker-runtime")
    with pytest.raises(client.exceptions.ModelError, match="only predict does"):
        client.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="application/json")


def test_the_moment_is_the_last_that_the_data_tells_of(as_of: datetime) -> None:
    last = max(row["at"] for row in rows_of(SEEDS / "seed" / "events.csv"))
    assert as_of == datetime.fromisoformat(last).astimezone(UTC)


def _record(stage: Stage, record: str) -> str | None:
    client, bucket = stage.client("s3"), stage.outputs["LakeBucket"]
    for item in client.list_objects_v2(Bucket=bucket, Prefix=f"predictions/{MODEL}/").get("Contents", []):
        body: str = client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode()
        for line in body.splitlines():
            if record in line:
                return str(line)
    return None
