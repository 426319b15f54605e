"""Lambda and Step Functions refuse a configuration that the role's permissions do not allow."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc, stepfunctions

from local import principals
from local.hooks import resources

_LAMBDA, _STATES = "lambda.amazonaws.com", "states.amazonaws.com"
_UNTRACEABLE = "The provided execution role does not have permissions to call PutTraceSegments on XRAY"
_UNLOGGED = "The state machine IAM Role is not authorized to access the Log Destination"
_DELIVERY = (
    "CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries",
    "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups",
)  # fmt: skip


def require_tracing_permission() -> None:
    """Refuse active tracing of a function whose role lacks ``xray:PutTraceSegments``, at creation and update.

    MiniStack accepts any configuration; Lambda refuses this one.
    """
    create, update = lambda_svc._create_function, lambda_svc._update_config

    def created(data: dict[str, Any]) -> Any:
        return create(data) if _traceable(data) else _invalid(_UNTRACEABLE)

    def updated(name: str, data: dict[str, Any]) -> Any:
        known = lambda_svc._functions.get(name) or {"config": {}}
        return update(name, data) if _traceable({**known["config"], **data}) else _invalid(_UNTRACEABLE)

    lambda_svc._create_function, lambda_svc._update_config = created, updated
    resources.check("AWS::Lambda::Function", lambda new: "" if _traceable(new) else _UNTRACEABLE)


def _traceable(config: dict[str, Any]) -> bool:
    if (config.get("TracingConfig") or {}).get("Mode") != "Active":
        return True
    return principals.role_allows(config.get("Role", ""), _LAMBDA, "xray:PutTraceSegments", "*")


def require_log_delivery_permissions() -> None:
    """Refuse a state machine with logging whose role may not set up log delivery.

    MiniStack accepts any configuration. Step Functions refuses a machine that logs without the permissions
    listed under "IAM Policies for logging to CloudWatch Logs" in its guide. AWS does not document which of
    them are checked when; here all of them are required.
    """
    create, update = stepfunctions._create_state_machine, stepfunctions._update_state_machine

    def created(data: dict[str, Any]) -> Any:
        return create(data) if _loggable(data) else _denied(_UNLOGGED)

    def updated(data: dict[str, Any]) -> Any:
        known = stepfunctions._state_machines.get(data.get("stateMachineArn")) or {}
        concerned = "loggingConfiguration" in data or "roleArn" in data
        return update(data) if not concerned or _loggable({**known, **data}) else _denied(_UNLOGGED)

    stepfunctions._create_state_machine, stepfunctions._update_state_machine = created, updated
    resources.check("AWS::StepFunctions::StateMachine", lambda new: "" if _loggable(new) else _UNLOGGED)


def _loggable(machine: dict[str, Any]) -> bool:
    logging = machine.get("loggingConfiguration") or machine.get("LoggingConfiguration") or {}
    level = logging.get("level") or logging.get("Level") or "OFF"
    role = machine.get("roleArn") or machine.get("RoleArn") or ""
    return level == "OFF" or all(
        principals.role_allows(role, _STATES, f"logs:{action}", "*") for action in _DELIVERY
    )


def _invalid(message: str) -> Any:
    return error_response_json("InvalidParameterValueException", message, 400)


def _denied(message: str) -> Any:
    return error_response_json("AccessDeniedException", message, 400)
