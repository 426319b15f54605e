"""The stage's one custom resource: seeds when it is created, removal of what runs made when it is deleted.

CloudFormation waits for an answer at ``ResponseURL`` and knows no other end, so it always gets one.
"""

from __future__ import annotations

import json
import logging
import urllib.parse
import urllib.request
from collections.abc import Mapping
from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.maintenance.stage import Setup, Teardown
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.errors import ConflictError
from relearn.naming.environment import Variable

SPARE_SECONDS = 30
"""Kept of the function's time for the answer."""
_ANSWER_SECONDS = 10
_REASON_LENGTH = 1000  # CloudFormation takes 4 KB for the whole answer
_log = logging.getLogger(__name__)


@cache
def setup() -> Setup:
    """Construct the service that seeds a stage."""
    config = Config.from_env()
    return Setup(
        ledger=wiring.ledger(config),
        storage=wiring.storage(),
        runs=wiring.runs(config),
        catalog=catalog.load(),
        bucket=config.need(Variable.UPLOADS_BUCKET),
    )


@cache
def teardown() -> Teardown:
    """Construct the service that removes what runs created."""
    config = Config.from_env()
    return Teardown(
        ledger=wiring.ledger(config),
        executions=wiring.executions(config),
        restores=wiring.restores(config),
        transforms=wiring.transforms(config),
        endpoints=wiring.endpoints(config),
        online=wiring.online(config),
        registry=wiring.registry(config),
        models=catalog.load().specs,
        stage=config.need(Variable.STAGE),
    )


@entry
def handler(event: Any, context: Any) -> dict[str, Any] | None:
    """Do what CloudFormation asks for, and answer it; or remove one model, because a person asks."""
    status, reason, data = "SUCCESS", "", {}
    seconds = context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS
    if asked := event.get("remove_model"):
        return _removed(asked, seconds)
    try:
        data = work(event["RequestType"], seconds)
    except Exception as error:  # noqa: BLE001 - CloudFormation must hear of it
        _log.exception("the custom resource failed")
        status, reason = "FAILED", f"{type(error).__name__}: {error}"
    answer(event, status, reason[:_REASON_LENGTH], data)
    return None


def _removed(asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Say what there is of a model, and remove it unless it is only to be told; or say why that cannot be."""
    model = str(asked["model"])
    told = teardown().told(model)
    try:
        if not asked["only_tell"]:
            teardown().remove(model, str(asked["who"]), seconds)
    except (ConflictError, TimeoutError) as error:
        return {**told, "refused": str(error)}
    return told


def work(request: str, seconds: float) -> dict[str, str]:
    """Do one request: Create, Update or Delete.

    Parameters
    ----------
    request
        CloudFormation's ``RequestType``.
    seconds
        How long it may take, in seconds.

    Returns
    -------
    dict
        The resource's attributes.
    """
    if request == "Delete":
        teardown().run(seconds)
        return {}
    return {"Seeded": ",".join(setup().run())}


def answer(event: Mapping[str, Any], status: str, reason: str, data: Mapping[str, str]) -> None:
    """Send the answer to where CloudFormation waits for it.

    Raises
    ------
    ValueError
        The URL is not HTTP(S).
    """
    url = event["ResponseURL"]
    if urllib.parse.urlsplit(url).scheme not in ("https", "http"):
        raise ValueError(f"ResponseURL: got {url!r}; allowed: an http or https URL")
    body = {
        "Status": status,
        "Reason": reason or "done",
        # Stable, so that an Update never replaces (and so deletes) the resource.
        "PhysicalResourceId": event.get("PhysicalResourceId") or f"{event['LogicalResourceId']}-lifecycle",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": dict(data),
    }
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, json.dumps(body).encode(), {"content-type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS):  # noqa: S310
        _log.info("answered CloudFormation: %s %s", status, reason)
