"""The stage's only custom resource: uploads seed data on creation, removes what runs created on deletion.

An update that would remove a host that is still needed fails, so that CloudFormation keeps the host.

CloudFormation waits for an answer at ``ResponseURL``, whatever happens, so it always gets one.
"""

from __future__ import annotations

import json
import logging
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from lambdas import once_per_process, wiring
from lambdas.maintenance.stage import Setup, Teardown
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.errors import ConflictError
from relearn.naming.environment import Variable

SPARE_SECONDS = 30
"""Seconds of the function's time kept back for the answer."""
_ANSWER_SECONDS = 10
_REASON_LENGTH = 1000  # CloudFormation accepts 4 KB for the whole answer
_log = logging.getLogger(__name__)


@once_per_process
def setup() -> Setup:
    """Construct the service that uploads a stage's seed data."""
    config = Config.from_env()
    return Setup(
        ledger=wiring.ledger(config),
        storage=wiring.storage(),
        runs=wiring.runs(config),
        catalog=catalog.load(),
        bucket=config.need(Variable.UPLOADS_BUCKET),
    )


@once_per_process
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
    """Carry out CloudFormation's request and answer it; or remove one model, on a person's request."""
    status, reason, data = "SUCCESS", "", {}
    seconds = context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS
    if asked := event.get("remove_model"):
        return _removed(asked, seconds)
    try:
        data = work(event["RequestType"], event["ResourceProperties"], seconds)
    except Exception as error:  # noqa: BLE001 - CloudFormation must hear of it
        _log.exception("the custom resource failed")
        status, reason = "FAILED", f"{type(error).__name__}: {error}"
    answer(event, status, reason[:_REASON_LENGTH], data)
    return None


def _removed(asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Remove a model unless ``only_tell`` is set; return what it has, and in ``refused`` why it cannot be removed."""
    model = str(asked["model"])
    told = teardown().told(model)
    try:
        if not asked["only_tell"]:
            teardown().remove(model, str(asked["who"]), seconds)
    except (ConflictError, TimeoutError) as error:
        return {**told, "refused": str(error)}
    return told


def work(request: str, properties: Mapping[str, Any], seconds: float) -> dict[str, str]:
    """Carry out one request: Create, Update or Delete.

    Parameters
    ----------
    request
        CloudFormation's ``RequestType``.
    properties
        Its ``ResourceProperties``. Those of an earlier release, to which an update may be rolled back, have no
        ``Hosts``: every model had one.
    seconds
        Time limit, in seconds.

    Returns
    -------
    dict
        Attributes of the resource.
    """
    if request == "Delete":
        teardown().run(seconds)
        return {}
    if "Hosts" in properties:
        setup().require_hosts(properties["Models"], properties["Hosts"])
    return {"Seeded": ",".join(setup().run())}


def answer(event: Mapping[str, Any], status: str, reason: str, data: Mapping[str, str]) -> None:
    """Send the answer to the URL where CloudFormation waits for it.

    Raises
    ------
    ValueError
        The URL is not HTTP or HTTPS.
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
