"""SageMaker's error answers."""

from __future__ import annotations

from typing import Any

_STATUS = {"ModelError": 424, "ServiceUnavailable": 503, "InternalFailure": 500, "ThrottlingException": 429}


class ApiError(Exception):
    """An error answer, as the SDK receives it.

    Parameters
    ----------
    code : str
        The error's name, e.g. ``ValidationException``.
    message : str
        The error's message.
    **extra
        Further members of the error's shape.
    """

    def __init__(self, code: str, message: str, **extra: Any) -> None:
        self.code, self.message, self.extra = code, message, extra
        super().__init__(f"{code}: {message}")

    @property
    def status(self) -> int:
        """HTTP status of the error; 400 unless its code has another."""
        return _STATUS.get(self.code, 400)


def invalid(message: str) -> ApiError:
    """Return a ``ValidationException`` for a request that cannot be executed."""
    return ApiError("ValidationException", message)


def denied(message: str) -> ApiError:
    """Return an ``AccessDeniedException``."""
    return ApiError("AccessDeniedException", message)
