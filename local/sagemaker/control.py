"""A call of SageMaker's control plane: validate, authorize, dispatch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.sagemaker import access, model
from local.sagemaker.errors import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.principals import Principal
    from local.sagemaker.context import Context

    Handler = Callable[[Context, dict[str, Any]], dict[str, Any]]

_OPERATIONS: dict[str, Handler] = {}


def operation(handler: Handler) -> Handler:
    """Register a handler under the operation of its name: ``create_model`` handles CreateModel."""
    _OPERATIONS["".join(part.capitalize() for part in handler.__name__.split("_"))] = handler
    return handler


def call(context: Context, action: str, request: dict[str, Any], caller: Principal) -> dict[str, Any]:
    """Execute one call.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    action : str
        The operation, e.g. ``CreateTrainingJob``.
    request : dict
        Its input.
    caller : Principal
        The caller; IAM is enforced.

    Returns
    -------
    dict
        The operation's output, with times in seconds since the epoch.

    Raises
    ------
    ApiError
        When the operation is unknown, the input is not valid, the caller is not authorized, or the operation
        fails.
    """
    if model.operation(action) is None:
        raise ApiError("UnknownOperationException", f"SageMaker has no operation {action}")
    handler = _OPERATIONS.get(action)
    if handler is None:
        raise invalid(f"{action} is not part of the laptop cloud; it has {', '.join(sorted(_OPERATIONS))}")
    model.check(action, request)
    access.authorise(context, action, request, caller)
    return model.answer(action, handler(context, request))
