"""The Lambda functions: one handler file each, and the use cases and adapters that they call.

Only ``lambdas.aws`` calls boto3; decisions are made in ``relearn``. This module registers what a process constructs once.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import _lru_cache_wrapper

T = TypeVar("T")
_factories: list[_lru_cache_wrapper[object]] = []


def once_per_process(construct: Callable[..., T]) -> _lru_cache_wrapper[T]:
    """Make a factory of a function: the first call constructs, every later call returns the same object.

    Parameters
    ----------
    construct
        Reads the environment and constructs one service or client; raises what it raises, at every call until it succeeds.
    """
    factory = cache(construct)
    _factories.append(factory)
    return factory


def forget_all() -> None:
    """Let every factory construct anew at its next call, as in a new process; for tests that change the environment."""
    for factory in _factories:
        factory.cache_clear()
