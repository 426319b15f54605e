"""What SageMaker answers when it refuses."""

from __future__ import annotations

from typing import Any

_STATUS = {"ModelError": 424, "ServiceUnavailable": 503, "InternalFailure": 500, "ThrottlingException": 429}


class ApiError(Exception):
    """A refusal, as the SDK sees it.

    Parameters
    ----------
    code : str
        The error's name, e.g. ``ValidationException``.
    message : str
        What was wrong.
    extra : Any
        Further members of the error's shape.
    """

    def __init__(self, code: str, message: str, **extra: Any) -> None:
        self.code, self.message, self.extra = code, message, extra
        super().__init__(f"{code}: {message}")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS.get(self.code, 400)


def invalid(message: str) -> ApiError:
    """Return SageMaker's answer to a request that cannot be carried out."""
    return ApiError("ValidationException", message)


def denied(message: str) -> ApiError:
    """Return the answer to a caller without the permission."""
    return ApiError("AccessDeniedException", message)
