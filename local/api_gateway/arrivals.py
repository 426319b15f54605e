"""Requests as received: SigV4 signs the host, path and query exactly as the caller wrote them."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

if TYPE_CHECKING:
    from local.asgi import App, Scope


@dataclass(frozen=True)
class Arrival:
    """The head of one HTTP request.

    Parameters
    ----------
    method, path, query : str
        As received: path and query are still percent-encoded.
    headers : dict
        Names in lower case. Values of a header sent on several lines are joined by a comma, as SigV4 signs
        them.
    repeated : frozenset
        Names of the headers that were sent on several lines.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    repeated: frozenset[str] = field(default=frozenset())

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The decoded query parameters; a parameter without a value is kept as ""."""
        return parse_qs(self.query, keep_blank_values=True)


_ARRIVED: ContextVar[Arrival] = ContextVar("arrived")


def current() -> Arrival:
    """Return the request that is being answered in this context.

    Raises
    ------
    LookupError
        When no request passed through `remember` in this context.
    """
    return _ARRIVED.get()


def remember(app: App) -> App:
    """Wrap an application so that `current` returns the request as received.

    Must be outside any middleware that rewrites it.
    """

    async def remembering(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            _ARRIVED.set(parse_scope(scope))
        await app(scope, receive, send)

    return remembering


def parse_scope(scope: Scope) -> Arrival:
    """Return the head of an HTTP request from its ASGI scope."""
    headers: dict[str, str] = {}
    repeated = set()
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        if name in headers:
            repeated.add(name)
            value = f"{headers[name]},{value}"
        headers[name] = value
    path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    return Arrival(scope["method"], path.partition("?")[0], query, headers, frozenset(repeated))
