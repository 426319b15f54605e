"""Models and endpoint configurations: what an endpoint is made of."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from local.sagemaker import tags
from local.sagemaker.control import operation
from local.sagemaker.errors import invalid
from local.sagemaker.state import page

if TYPE_CHECKING:
    from local.sagemaker.world import World

    Record = dict[str, Any]

MODELS = "models"
CONFIGS = "endpoint_configs"
ENDPOINTS = "endpoints"


@operation
def create_model(world: World, request: Record) -> Record:
    """Record a model of one container."""
    containers = request.get("Containers") or [request.get("PrimaryContainer")]
    if len(containers) != 1 or containers[0] is None:
        raise invalid(
            "a model of the laptop cloud has exactly one container: PrimaryContainer or Containers of one"
        )
    resolve(world, containers[0])
    return _add(world, MODELS, "Model", request)


@operation
def describe_model(world: World, request: Record) -> Record:
    """Return one model."""
    return found(world, MODELS, "Model", request["ModelName"])


@operation
def list_models(world: World, request: Record) -> Record:
    """Return a page of models."""
    models, more = page(world.state.all(MODELS), request, name="ModelName")
    return {"Models": models, **more}


@operation
def delete_model(world: World, request: Record) -> Record:
    """Forget a model; endpoints that were made from it go on."""
    found(world, MODELS, "Model", request["ModelName"])
    world.state.remove(MODELS, request["ModelName"])
    return {}


@operation
def create_endpoint_config(world: World, request: Record) -> Record:
    """Record an endpoint configuration of one variant, serverless or on instances."""
    variants = request["ProductionVariants"]
    if len(variants) != 1:
        raise invalid(
            f"an endpoint of the laptop cloud has exactly one production variant, {len(variants)} were given"
        )
    for variant in variants:
        if "ModelName" not in variant:
            raise invalid(f"variant {variant['VariantName']} names no model")
        model = found(world, MODELS, "Model", variant["ModelName"])
        if "ServerlessConfig" in variant and model.get("EnableNetworkIsolation"):
            raise invalid(
                f"variant {variant['VariantName']}: serverless inference knows no network isolation"
            )
        if ("ServerlessConfig" in variant) == ("InstanceType" in variant):
            raise invalid(f"variant {variant['VariantName']} needs either ServerlessConfig or InstanceType")
        if ("InitialInstanceCount" in variant) != ("InstanceType" in variant):
            raise invalid(
                f"variant {variant['VariantName']}: InitialInstanceCount goes with InstanceType alone"
            )
        variant.setdefault("InitialVariantWeight", 1.0)
    return _add(world, CONFIGS, "EndpointConfig", request)


@operation
def describe_endpoint_config(world: World, request: Record) -> Record:
    """Return one endpoint configuration."""
    return found(world, CONFIGS, "EndpointConfig", request["EndpointConfigName"])


@operation
def list_endpoint_configs(world: World, request: Record) -> Record:
    """Return a page of endpoint configurations."""
    configs, more = page(world.state.all(CONFIGS), request, name="EndpointConfigName")
    return {"EndpointConfigs": configs, **more}


@operation
def delete_endpoint_config(world: World, request: Record) -> Record:
    """Forget an endpoint configuration that no endpoint uses."""
    name = found(world, CONFIGS, "EndpointConfig", request["EndpointConfigName"])["EndpointConfigName"]
    for endpoint in world.state.all(ENDPOINTS):
        if name in (endpoint["EndpointConfigName"], endpoint.get("PendingConfigName")):
            raise invalid(
                f'Cannot delete endpoint configuration "{world.arn("endpoint-config", name)}" because it is in use by '
                f'endpoint "{endpoint["EndpointArn"]}"'
            )
    world.state.remove(CONFIGS, name)
    return {}


def container(model: Record) -> Record:
    """Return a model's one container, however it was given."""
    found: Record = model.get("PrimaryContainer") or model["Containers"][0]
    return found


def resolve(world: World, container: Record) -> Record:
    """Return a container's image, model data and environment, a model package's looked up.

    Raises
    ------
    ApiError
        For a package that does not exist or is not approved.
    """
    name = container.get("ModelPackageName")
    if name is None:
        return container
    package = next(
        (item for item in world.state.all("model_packages") if item["ModelPackageArn"] == name), None
    )
    if package is None:
        raise invalid(f"Model package {name} does not exist")
    if package["ModelApprovalStatus"] != "Approved":
        raise invalid(
            f"Model package {name} is {package['ModelApprovalStatus']}; only an approved one can be deployed"
        )
    packaged = package["InferenceSpecification"]["Containers"][0]
    return {
        **packaged,
        "Environment": {**packaged.get("Environment", {}), **container.get("Environment", {})},
    }


def found(world: World, table: str, kind: str, name: str) -> Record:
    """Return a record, or refuse as SageMaker does."""
    record = world.state.get(table, name)
    if record is None:
        label = {"Model": "model", "EndpointConfig": "endpoint configuration", "Endpoint": "endpoint"}[kind]
        arn = world.arn(
            {"Model": "model", "EndpointConfig": "endpoint-config", "Endpoint": "endpoint"}[kind], name
        )
        raise invalid(f'Could not find {label} "{arn}".')
    return record


def _add(world: World, table: str, kind: str, request: Record) -> Record:
    name = request[f"{kind}Name"]
    arn = world.arn("model" if kind == "Model" else "endpoint-config", name)
    record = {key: value for key, value in request.items() if key != "Tags"}
    if not world.state.add(table, name, {**record, f"{kind}Arn": arn, "CreationTime": time.time()}):
        label = "model" if kind == "Model" else "endpoint configuration"
        raise invalid(f'Cannot create already existing {label} "{arn}".')
    tags.keep(world, arn, request.get("Tags", []))
    return {f"{kind}Arn": arn}
