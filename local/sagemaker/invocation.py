"""InvokeEndpoint: forwards a request to an endpoint's container and maps failures to SageMaker's errors."""

from __future__ import annotations

import http.client
from http import HTTPStatus
from typing import TYPE_CHECKING

from local import faults
from local.sagemaker import endpoints
from local.sagemaker.containers import ENDPOINTS
from local.sagemaker.errors import ApiError, denied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.principals import Principal
    from local.sagemaker.context import Context
    from local.sagemaker.hosting import Host

    Answer = tuple[int, dict[str, str], bytes]

INSTANCE_BYTES = 6_291_456
SERVERLESS_BYTES = 4 * 1024 * 1024
_TIMEOUT_SECONDS = 60.0
_PASSED = ("content-type", "accept", "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-inference-id")


def invoke(context: Context, name: str, headers: Mapping[str, str], body: bytes, caller: Principal) -> Answer:
    """Answer one invocation.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    name : str
        Name of the endpoint.
    headers, body : mapping, bytes
        Headers and body of the request.
    caller : Principal
        The caller, which needs ``sagemaker:InvokeEndpoint`` on the endpoint.

    Returns
    -------
    int, dict, bytes
        HTTP status, headers and body.

    Raises
    ------
    ApiError
        When the caller is not authorized, the endpoint does not serve, the body is too large, all slots are
        in use, or the container fails.
    """
    arn = context.arn("endpoint", name)
    if not caller.allowed("sagemaker:InvokeEndpoint", arn):
        raise denied(caller.denial("sagemaker:InvokeEndpoint", arn))
    record, host = context.state.get(ENDPOINTS, name), endpoints.host(name)
    if record is None or host is None or record["EndpointStatus"] in ("Creating", "Deleting", "Failed"):
        raise ApiError("ValidationError", f"Endpoint {name} of account {context.settings.account} not found.")
    if len(body) > _limit(host):
        raise ApiError(
            "ValidationError", f"the body has {len(body)} bytes; this endpoint takes at most {_limit(host)}"
        )
    if not host.slots.acquire(blocking=False):
        raise ApiError("ThrottlingException", "Rate exceeded")
    try:
        with host.awake():
            return _pass(host, headers, body)
    finally:
        host.slots.release()


def _limit(host: Host) -> int:
    """Return the largest request, and answer, of an endpoint, in bytes."""
    return SERVERLESS_BYTES if host.serverless else INSTANCE_BYTES


def _pass(host: Host, headers: Mapping[str, str], body: bytes) -> Answer:
    connection = host.connect(_TIMEOUT_SECONDS)
    try:
        connection.request(
            "POST", "/invocations", body, {key: headers[key] for key in _PASSED if key in headers}
        )
        answer = connection.getresponse()
        content = answer.read()
    except TimeoutError as error:
        raise _model_error(
            0, "Your invocation timed out while waiting for a response from container primary."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _model_error(
            0, f"The connection to container primary was lost: {faults.told(error)}"
        ) from error
    finally:
        connection.close()
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise _model_error(answer.status, content.decode(errors="replace"))
    if len(content) > _limit(host):
        # The guide gives the limit, not the error: whatever it is, the caller has no answer.
        raise _model_error(
            0, f"The answer has {len(content)} bytes; this endpoint returns at most {_limit(host)}."
        )
    passed = {"content-type": answer.getheader("content-type", "application/octet-stream")}
    custom = answer.getheader("x-amzn-sagemaker-custom-attributes")
    if custom:
        passed["x-amzn-sagemaker-custom-attributes"] = custom
    return 200, {**passed, "x-amzn-invoked-production-variant": host.variant}, content


def _model_error(status: int, message: str) -> ApiError:
    side = "client" if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR else "server"
    return ApiError(
        "ModelError",
        f'Received {side} error ({status}) from primary with message "{message[:500]}".',
        OriginalStatusCode=status,
        OriginalMessage=message,
    )
