"""Types of ASGI: what a server of Python applications hands to one, and what it calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
"""What is known of a connection: its type, path, headers."""
App = Callable[[Scope, Any, Any], Awaitable[None]]
"""An application: called with the scope, a function that receives and one that sends."""
