"""The ledger that cannot be read for a while, as those are told of it who wait for an answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lambdas.aws.fast.client import RefusedError
from lambdas.aws.fast.connections import UnreachableError
from relearn.errors import NotServingError

RETRY_AFTER_SECONDS = 5
ERRORS = (RefusedError, UnreachableError, TimeoutError)
"""What reading it without an SDK may end with."""
_SERVER = 500


@contextmanager
def told() -> Iterator[None]:
    """Tell callers to try again later when the ledger cannot be read within.

    Raises
    ------
    NotServingError
        It cannot be read now. A refusal for good is a fault of ours, and is raised as it is.
    """
    try:
        yield
    except ERRORS as error:
        if isinstance(error, RefusedError) and not (error.busy or error.status >= _SERVER):
            raise
        raise NotServingError("the ledger cannot be read", RETRY_AFTER_SECONDS) from error
