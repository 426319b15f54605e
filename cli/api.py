"""The stage's HTTP API, as any client sees it: JSON, signed with SigV4 when there are credentials."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from cli.target import Target
from relearn.errors import RelearnError

TIMEOUT_SECONDS = 30
MAX_ERRORS_SHOWN = 10


class ProblemError(RelearnError):
    """The API answered with a problem (RFC 9457), or could not be reached.

    Parameters
    ----------
    status
        HTTP status; 0 when there was no answer.
    message
        The problem in one line.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """Calls the API.

    Parameters
    ----------
    target
        Whose API.
    """

    def __init__(self, target: Target) -> None:
        self._url = target.output("ApiUrl").rstrip("/")
        self._credentials = target.session.get_credentials()
        self._region = target.region

    def models(self) -> list[dict[str, Any]]:
        """List the models."""
        found: list[dict[str, Any]] = self._call("GET", "/v1/models")["models"]
        return found

    def model(self, name: str) -> dict[str, Any]:
        """Describe one model."""
        return self._call("GET", f"/v1/models/{name}")

    def predict(self, model: str, instances: list[Any]) -> dict[str, Any]:
        """Ask for predictions."""
        return self._call("POST", f"/v1/models/{model}/predict", {"instances": instances})

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(self._request(method, path, data), timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return _object(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            raise _problem(error.code, error.read(), error.headers.get("retry-after")) from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            raise ProblemError(
                0, f"{self._url} does not answer: {getattr(error, 'reason', None) or error}"
            ) from error

    def _request(self, method: str, path: str, data: bytes | None) -> urllib.request.Request:
        headers = {"accept": "application/json"} | ({"content-type": "application/json"} if data else {})
        signed = AWSRequest(method=method, url=self._url + path, data=data, headers=headers)
        if self._credentials is not None:
            SigV4Auth(self._credentials.get_frozen_credentials(), "execute-api", self._region).add_auth(
                signed
            )
        return urllib.request.Request(self._url + path, data, dict(signed.headers), method=method)  # noqa: S310


def _object(status: int, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProblemError(status, f"the API answered {status} with something that is no JSON object")
    return found


def _problem(status: int, body: bytes, retry_after: str | None) -> ProblemError:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = {}
    if not isinstance(problem, dict) or "title" not in problem:
        said = problem.get("message", "") if isinstance(problem, dict) else ""
        hint = "; your AWS credentials need execute-api:Invoke on this API" if status in (401, 403) else ""
        return ProblemError(
            status,
            f"the API answered {status} {http.client.responses.get(status, '')} {said}".rstrip() + hint,
        )
    errors = [f"{error['pointer'] or '/'}: {error['detail']}" for error in problem.get("errors", [])]
    more = f"; and {len(errors) - MAX_ERRORS_SHOWN} more" if len(errors) > MAX_ERRORS_SHOWN else ""
    detail = "; ".join(errors[:MAX_ERRORS_SHOWN]) + more if errors else problem.get("detail", "")
    again = f" (ask again in {retry_after} s)" if retry_after else ""
    return ProblemError(status, f"{status} {problem['title']}: {detail}{again}")
