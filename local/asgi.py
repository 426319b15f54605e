"""Types of ASGI, the interface between a Python HTTP server and an application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
"""Facts of one connection, such as its type, path and headers."""
App = Callable[[Scope, Any, Any], Awaitable[None]]
"""An application: a coroutine function of the scope, a receive function and a send function."""
