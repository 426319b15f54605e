"""Models and endpoint configurations as records."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from local.images import OCI
from local.sagemaker import tags
from local.sagemaker.control import operation
from local.sagemaker.errors import invalid
from local.sagemaker.state import Record, page

if TYPE_CHECKING:
    from local.sagemaker.context import Context

MODELS = "models"
CONFIGS = "endpoint_configs"
ENDPOINTS = "endpoints"


@operation
def create_model(context: Context, request: Record) -> Record:
    """Record a model with exactly one container."""
    containers = request.get("Containers") or [request.get("PrimaryContainer")]
    if len(containers) != 1 or containers[0] is None:
        raise invalid(
            "a model of the laptop cloud has exactly one container: PrimaryContainer or Containers of one"
        )
    image = resolve(context, containers[0]).get("Image", "")
    if context.images.media_type(image) == OCI:  # the message of aws/amazon-sagemaker-feedback#180
        raise invalid(
            f"Unsupported manifest media type {OCI} for image {image}. Ensure that valid manifest media type is used "
            "for specified image."
        )
    return _add(context, MODELS, "Model", request)


@operation
def describe_model(context: Context, request: Record) -> Record:
    """Return a model."""
    return found(context, MODELS, "Model", request["ModelName"])


@operation
def list_models(context: Context, request: Record) -> Record:
    """Return a page of models."""
    models, more = page(context.state.all(MODELS), request, name="ModelName")
    return {"Models": models, **more}


@operation
def delete_model(context: Context, request: Record) -> Record:
    """Delete a model; endpoints that were created from it keep running."""
    found(context, MODELS, "Model", request["ModelName"])
    context.state.remove(MODELS, request["ModelName"])
    return {}


@operation
def create_endpoint_config(context: Context, request: Record) -> Record:
    """Record an endpoint configuration with one variant, serverless or on instances."""
    variants = request["ProductionVariants"]
    if len(variants) != 1:
        raise invalid(
            f"an endpoint of the laptop cloud has exactly one production variant, {len(variants)} were given"
        )
    for variant in variants:
        if "ModelName" not in variant:
            raise invalid(f"variant {variant['VariantName']} names no model")
        model = found(context, MODELS, "Model", variant["ModelName"])
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
    return _add(context, CONFIGS, "EndpointConfig", request)


@operation
def describe_endpoint_config(context: Context, request: Record) -> Record:
    """Return an endpoint configuration."""
    return found(context, CONFIGS, "EndpointConfig", request["EndpointConfigName"])


@operation
def list_endpoint_configs(context: Context, request: Record) -> Record:
    """Return a page of endpoint configurations."""
    configs, more = page(context.state.all(CONFIGS), request, name="EndpointConfigName")
    return {"EndpointConfigs": configs, **more}


@operation
def delete_endpoint_config(context: Context, request: Record) -> Record:
    """Delete an endpoint configuration; refused while an endpoint uses it."""
    name = found(context, CONFIGS, "EndpointConfig", request["EndpointConfigName"])["EndpointConfigName"]
    for endpoint in context.state.all(ENDPOINTS):
        if name in (endpoint["EndpointConfigName"], endpoint.get("PendingConfigName")):
            raise invalid(
                f'Cannot delete endpoint configuration "{context.arn("endpoint-config", name)}" because it is in use by '
                f'endpoint "{endpoint["EndpointArn"]}"'
            )
    context.state.remove(CONFIGS, name)
    return {}


def container(model: Record) -> Record:
    """Return a model's only container, given as PrimaryContainer or in Containers."""
    found: Record = model.get("PrimaryContainer") or model["Containers"][0]
    return found


def resolve(context: Context, container: Record) -> Record:
    """Return a container's image, model data and environment; those of a model package are looked up.

    Raises
    ------
    ApiError
        When the package does not exist or is not approved.
    """
    name = container.get("ModelPackageName")
    if name is None:
        return container
    package = next(
        (item for item in context.state.all("model_packages") if item["ModelPackageArn"] == name), None
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


def found(context: Context, table: str, kind: str, name: str) -> Record:
    """Return a record by its name.

    Raises
    ------
    ApiError
        ``ValidationException`` when it does not exist.
    """
    record = context.state.get(table, name)
    if record is None:
        label = {"Model": "model", "EndpointConfig": "endpoint configuration", "Endpoint": "endpoint"}[kind]
        arn = context.arn(
            {"Model": "model", "EndpointConfig": "endpoint-config", "Endpoint": "endpoint"}[kind], name
        )
        raise invalid(f'Could not find {label} "{arn}".')
    return record


def _add(context: Context, table: str, kind: str, request: Record) -> Record:
    name = request[f"{kind}Name"]
    arn = context.arn("model" if kind == "Model" else "endpoint-config", name)
    record = {key: value for key, value in request.items() if key != "Tags"}
    if not context.state.add(table, name, {**record, f"{kind}Arn": arn, "CreationTime": time.time()}):
        label = "model" if kind == "Model" else "endpoint configuration"
        raise invalid(f'Cannot create already existing {label} "{arn}".')
    tags.keep(context, arn, request.get("Tags", []))
    return {f"{kind}Arn": arn}
