"""Endpoints as records: create, describe, update, delete; ``hosting`` runs their containers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from local import faults
from local.sagemaker import scaled, tags
from local.sagemaker.containers import CONFIGS, ENDPOINTS, MODELS, found
from local.sagemaker.context import announce
from local.sagemaker.control import operation
from local.sagemaker.errors import invalid
from local.sagemaker.hosting import Host
from local.sagemaker.serving import ServingError
from local.sagemaker.state import Record, page

if TYPE_CHECKING:
    from local.sagemaker.context import Context

_IN_PROGRESS = ("Creating", "Updating", "Deleting", "RollingBack", "SystemUpdating")
_hosts: dict[str, Host] = {}


@operation
def create_endpoint(context: Context, request: Record) -> Record:
    """Record an endpoint and start its container in the background."""
    name = request["EndpointName"]
    found(context, CONFIGS, "EndpointConfig", request["EndpointConfigName"])
    arn = context.arn("endpoint", name)
    record = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": request["EndpointConfigName"],
        "EndpointStatus": "Creating",
        "CreationTime": time.time(),
        "LastModifiedTime": time.time(),
    }
    if not context.state.add(ENDPOINTS, name, record):
        raise invalid(f'Cannot create already existing endpoint "{arn}".')
    tags.keep(context, arn, request.get("Tags", []))
    _announce(record)
    context.in_background(_bring_up, context, name, request["EndpointConfigName"])
    return {"EndpointArn": arn}


@operation
def describe_endpoint(context: Context, request: Record) -> Record:
    """Return an endpoint."""
    return found(context, ENDPOINTS, "Endpoint", request["EndpointName"])


@operation
def list_endpoints(context: Context, request: Record) -> Record:
    """Return a page of endpoints."""
    endpoints, more = page(
        context.state.all(ENDPOINTS), request, name="EndpointName", status="EndpointStatus"
    )
    return {"Endpoints": endpoints, **more}


@operation
def update_endpoint(context: Context, request: Record) -> Record:
    """Start a new configuration and switch to it.

    The old one serves until then, and stays when the new one fails.
    """
    endpoint = _settled(context, request["EndpointName"])
    config = found(context, CONFIGS, "EndpointConfig", request["EndpointConfigName"])["EndpointConfigName"]
    name = endpoint["EndpointName"]
    scaled.refuse_change(context, endpoint, config)
    _move(context, name, EndpointStatus="Updating", PendingConfigName=config)
    context.in_background(_bring_up, context, name, config)
    return {"EndpointArn": endpoint["EndpointArn"]}


@operation
def delete_endpoint(context: Context, request: Record) -> Record:
    """Stop an endpoint and delete its record, in the background."""
    name = _settled(context, request["EndpointName"])["EndpointName"]
    _move(context, name, EndpointStatus="Deleting")
    context.in_background(_take_down, context, name)
    return {}


def host(name: str) -> Host | None:
    """Return the running host of an endpoint; None when there is none."""
    return _hosts.get(name.lower())


def resume(context: Context) -> None:
    """Start the endpoints of an earlier laptop cloud again, from its records."""
    for endpoint in context.state.all(ENDPOINTS):
        if endpoint["EndpointStatus"] == "Deleting":
            context.state.remove(ENDPOINTS, endpoint["EndpointName"])
        elif endpoint["EndpointStatus"] != "Failed":
            context.in_background(
                _bring_up, context, endpoint["EndpointName"], endpoint["EndpointConfigName"]
            )


def close() -> None:
    """Stop every endpoint's processes."""
    for running in list(_hosts.values()):
        running.close()
    _hosts.clear()


def _settled(context: Context, name: str) -> Record:
    endpoint = found(context, ENDPOINTS, "Endpoint", name)
    if endpoint["EndpointStatus"] in _IN_PROGRESS:
        raise invalid(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')
    return endpoint


def _bring_up(context: Context, name: str, config_name: str) -> None:
    """Start a host for a configuration; switch to it when it answers, else keep the old one."""
    context.pause()
    old = _hosts.get(name.lower())
    try:
        new, shown = _start(context, name, config_name)
    except Exception as error:  # noqa: BLE001 - the endpoint's record is the only place to say it
        reason = (
            str(error) if isinstance(error, ServingError) else f"InternalServerError: {faults.told(error)}"
        )
        status = "InService" if old else "Failed"
        _move(context, name, EndpointStatus=status, FailureReason=reason[:1024], PendingConfigName=None)
        return
    _hosts[name.lower()] = new
    _move(
        context, name, EndpointStatus="InService", EndpointConfigName=config_name, ProductionVariants=[shown],
        PendingConfigName=None, FailureReason=None,
    )  # fmt: skip
    if old:
        old.close()


def _start(context: Context, name: str, config_name: str) -> tuple[Host, Record]:
    """Start a host; return it and its variant in the shape of DescribeEndpoint.

    One process serves for all instances, because separate ones would behave the same.
    """
    variant = found(context, CONFIGS, "EndpointConfig", config_name)["ProductionVariants"][0]
    host = Host(context, name, found(context, MODELS, "Model", variant["ModelName"]), variant)
    host.start()
    shown = {
        "VariantName": host.variant,
        "DeployedImages": [{"SpecifiedImage": host.image, "ResolvedImage": host.image}],
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
    }
    if host.serverless:
        return host, {**shown, "CurrentServerlessConfig": host.serverless}
    count = variant["InitialInstanceCount"]
    return host, {**shown, "CurrentInstanceCount": count, "DesiredInstanceCount": count}


def _take_down(context: Context, name: str) -> None:
    context.pause()
    running = _hosts.pop(name.lower(), None)
    if running:
        running.close()
    context.state.remove(ENDPOINTS, name)


def _move(context: Context, name: str, **fields: Any) -> None:
    with context.state.lock:
        known = context.state.get(ENDPOINTS, name) or {}
        record = context.state.change(
            ENDPOINTS, name, **{k: v for k, v in fields.items() if v is not None or k in known}
        )
    if record:
        _announce(record)


def _announce(record: Record) -> None:
    detail = {**record, "EndpointStatus": record["EndpointStatus"].upper().replace("INSERVICE", "IN_SERVICE")}
    announce("SageMaker Endpoint State Change", record["EndpointArn"], detail)
