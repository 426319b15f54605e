"""Authentication of requests: SigV4 with AWS credentials, a bearer token, or none."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, Protocol

import httpx

from relearn_client.errors import CredentialsError

SIGNED_HEADERS = ("content-type", "idempotency-key", "x-relearn-key")
"""Headers that are signed in addition to the host, the time and the session token."""
_HOST = re.compile(r"\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$")


class Credentials(Protocol):
    """AWS credentials of botocore or boto3, which renew themselves."""

    def get_frozen_credentials(self) -> Any:
        """Return the current access key, secret key and session token."""


class _Headers(httpx.Auth):
    """Adds headers to a request; computing them may block, so asyncio runs it in a thread."""

    def headers(self, request: httpx.Request) -> Mapping[str, str]:
        """Return the headers to add to a request."""
        raise NotImplementedError

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the headers."""
        request.headers.update(self.headers(request))
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the headers."""
        request.headers.update(await asyncio.to_thread(self.headers, request))
        yield request


class Bearer(_Headers):
    """A bearer token, e.g. of an OIDC issuer.

    Parameters
    ----------
    token
        The token, or a function that returns it; it is called for every attempt, so that it can renew the
        token.
    """

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def headers(self, request: httpx.Request) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header."""
        return {"authorization": f"Bearer {self._token() if callable(self._token) else self._token}"}


class SigV4(_Headers):
    """AWS Signature Version 4 for ``execute-api``; needs the extra ``sigv4``.

    Parameters
    ----------
    region
        AWS region; None takes it from the URL of an API in AWS, else from botocore's configuration.
    profile
        AWS profile; None lets botocore search for credentials as every AWS tool does.
    credentials
        Credentials to use instead, e.g. ``boto3.Session().get_credentials()``.

    Raises
    ------
    CredentialsError
        When botocore is not installed, or finds no credentials or no such profile.
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        session = _session(profile)
        self._credentials = credentials or _find(session)
        self._region = region
        self._configured_region: str | None = _told(lambda: session.get_config_variable("region"))

    def headers(self, request: httpx.Request) -> Mapping[str, str]:
        """Sign a request; a signature is valid for five minutes, so every attempt has its own.

        Raises
        ------
        CredentialsError
            When no region is known, or the credentials cannot be renewed.
        """
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - an extra
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - an extra

        signed = {name: request.headers[name] for name in SIGNED_HEADERS if name in request.headers}
        draft = AWSRequest(request.method, str(request.url), data=request.content, headers=signed)
        keys = _told(self._credentials.get_frozen_credentials)
        SigV4Auth(keys, "execute-api", self._region_of(request.url.host)).add_auth(draft)
        return {name: value for name, value in draft.headers.items() if name.lower() not in signed}

    def _region_of(self, host: str) -> str:
        named = _HOST.search(host)
        region = self._region or (named.group(1) if named else None) or self._configured_region
        if region is None:
            raise CredentialsError(
                f"no AWS region is known for {host}; give SigV4(region=...) or set AWS_REGION"
            )
        return region


def auth_for(auth: httpx.Auth | str | Callable[[], str] | None) -> httpx.Auth | None:
    """Return the httpx authentication for a client's `auth`.

    A string, or a function that returns one, is a token.
    """
    return auth if auth is None or isinstance(auth, httpx.Auth) else Bearer(auth)


def _session(profile: str | None) -> Any:
    try:
        from botocore.session import Session  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise CredentialsError("SigV4 needs botocore: install relearn-client[sigv4]") from error
    return Session(profile=profile)


def _find(session: Any) -> Credentials:
    found: Credentials | None = _told(session.get_credentials)
    if found is None:
        raise CredentialsError(
            "no AWS credentials were found where the AWS CLI looks for them; give SigV4(credentials=...)"
        )
    return found


def _told(ask: Callable[[], Any]) -> Any:
    """Call botocore, and raise its errors as CredentialsError."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - an extra

    try:
        return ask()
    except BotoCoreError as error:
        raise CredentialsError(str(error)) from error
