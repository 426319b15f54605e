"""Every request needs a verified signature, and no access key can be guessed."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id
from ministack.core.router import detect_service, extract_access_key_id
from ministack.services import lambda_svc, s3, sts

from local.api_gateway import arrivals, door

if TYPE_CHECKING:
    from collections.abc import Mapping

    Answer = tuple[int, dict[str, str], bytes]
    Query = Mapping[str, Any]

_UNSIGNED = iam_evaluator.AuthError("MissingAuthenticationToken", "Request is missing Authentication Token")
_TWICE = iam_evaluator.AuthError("IncompleteSignature", "There is more than one Authorization header")
_WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
_ANONYMOUS = iam_evaluator.AuthError("AccessDenied", "Access Denied")


def check_everybodys_signature() -> None:
    """Refuse requests without a valid signature, including those of the account's administrator.

    MiniStack treats ``test``, every account number, no key at all and the configured key as the root user,
    whatever the signature, and answers unsigned requests to services and paths without a known IAM action.
    AWS refuses every such request. Four kinds of requests are unsigned: an S3 form, whose policy is signed;
    a call of a deployed API, whose routes authorize it; the response of a custom resource's function, to
    an unguessable address; and a role that is assumed with a token, which the role's trust policy judges.
    """
    administrator = os.environ["AWS_ACCESS_KEY_ID"]
    for module in (iam_evaluator, sts):
        module.is_root_access_key = lambda key: key == administrator
    iam_evaluator._is_root_key = lambda _key: False  # nobody is exempt from signing
    _know_the_administrator(administrator)
    _leave_forms_to_s3()
    deliver = app._handle_post_body_shortcuts

    async def checked(method: str, path: str, headers: Any, *rest: Any) -> Any:
        if app._parse_execute_api_url(headers.get("host", ""), path) is not None:
            return None
        if method == "PUT" and path.startswith(door.CALLBACK):
            return await deliver(method, path, headers, *rest)
        return _refusal(method, path, headers, *rest)

    app._handle_post_body_shortcuts = checked


def _know_the_administrator(administrator: str) -> None:
    """Resolve the administrator's identity for functions and APIs, which MiniStack would skip now that it must sign."""
    resolve = iam_evaluator.resolve_caller_identity

    def resolved(key: str) -> Any:
        if key != administrator:
            return resolve(key)
        account = get_account_id()
        arn = f"arn:aws:iam::{account}:root"
        found = {"accessKey": key, "accountId": account, "userArn": arn, "userId": account}
        return {**found, "principalOrgId": iam_evaluator._principal_org_id(account), "session": None}

    iam_evaluator.resolve_caller_identity = resolved


def _leave_forms_to_s3() -> None:
    """Leave unsigned requests to the checks of S3, and to those of a role's trust in a token.

    MiniStack did so only because they counted as the root user's.
    """
    enforce = iam_evaluator.enforce

    def enforced(key: str, action: str, service: str, *rest: Any, **more: Any) -> Any:
        if not key and iam_evaluator._anonymous.get() and (service == "s3" or action == _WEB_IDENTITY):
            return None
        return enforce(key, action, service, *rest, **more)

    iam_evaluator.enforce = enforced


def _refusal(method: str, path: str, headers: Mapping[str, str], *rest: Any) -> Answer | None:
    """Return the service's error answer to a request of the AWS APIs that is refused; None admits it."""
    body, query, request_id = rest
    service = detect_service(method, path, headers, app._routing_params(method, path, headers, body, query))
    if app._extract_s3_vhost_bucket(headers.get("host", "")):
        service = "s3"
    pinned = iam_evaluator._signed_request.get()
    if pinned is not None and pinned.s3_scoped and service == "s3":
        refused: Answer | None = s3._verify_presigned_sigv4(method, path, headers, query)
        return refused
    failure = _failure(service, headers, query)
    if failure is None or (service == "s3" and _is_unsigned_form(method, headers, query)):
        return None
    if service == "sts" and _is_with_token(headers, body):
        return None
    answer: Answer = app._credential_failure(service, "", request_id, failure, headers)
    return answer


def _failure(service: str, headers: Mapping[str, str], query: Query) -> Any:
    """Return why the request's signature is not valid; None when it is."""
    if "authorization" in arrivals.current().repeated:
        return _TWICE
    failure = iam_evaluator._s3_scope_failure(service)
    if failure:
        return failure
    found = iam_evaluator.authenticate(extract_access_key_id(headers, query), get_account_id())
    if isinstance(found, iam_evaluator.ResolvedCredential):
        return None
    return found or (_ANONYMOUS if service == "s3" else _UNSIGNED)


def _is_with_token(headers: Mapping[str, str], body: bytes) -> bool:
    action = parse_qs(body.decode(errors="replace")).get("Action")
    return "authorization" not in headers and action == [_WEB_IDENTITY.partition(":")[2]]


def _is_unsigned_form(method: str, headers: Mapping[str, str], query: Query) -> bool:
    unsigned = iam_evaluator._anonymous.get() and not extract_access_key_id(headers, query)
    return method == "POST" and unsigned and headers.get("content-type", "").startswith("multipart/form-data")


def give_functions_keys_that_nobody_can_guess() -> None:
    """Derive a function's role credentials with the cloud's secret key.

    MiniStack derives them from the names of function and role, so anyone who knows the names has them. On AWS
    they are random.
    """
    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()

    def credentials(config: Mapping[str, Any]) -> dict[str, str]:
        account, _region = lambda_runtime._account_region_from_function_config(config)
        role, function = config.get("Role", "").rsplit("/", 1)[-1], config.get("FunctionArn", "")
        key, secret_key, token = (
            hmac.new(
                secret, f"{part} {function} {config.get('Role', '')}".encode(), hashlib.sha256
            ).hexdigest()
            for part in ("key", "secret", "token")
        )
        session, key = config.get("FunctionName", "")[:64], f"ASIA{key[:16].upper()}"
        record = {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            "UserId": f"{role}:{session}",
            "SecretAccessKey": secret_key,
            "SessionToken": token,
        }
        sts.register_session(key, record)
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret_key, "AWS_SESSION_TOKEN": token}

    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = credentials
