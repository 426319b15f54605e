"""What arrived, as it arrived: a signature is over the host, the path and the query that the caller wrote."""

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
        As on the wire: path and query are still percent-encoded.
    headers : dict
        Lower case names; what came on several lines is joined by a comma, as SigV4 signs it.
    repeated : frozenset
        Names of the headers that came on several lines.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    repeated: frozenset[str] = field(default=frozenset())

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The query's parameters, decoded."""
        return parse_qs(self.query, keep_blank_values=True)


_ARRIVED: ContextVar[Arrival] = ContextVar("arrived")


def current() -> Arrival:
    """Return the request that is being answered."""
    return _ARRIVED.get()


def remember(app: App) -> App:
    """Keep what arrived for as long as the app answers it; put it before whatever changes a request."""

    async def remembering(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            _ARRIVED.set(parse_scope(scope))
        await app(scope, receive, send)

    return remembering


def parse_scope(scope: Scope) -> Arrival:
    """Return the head of an HTTP request."""
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
