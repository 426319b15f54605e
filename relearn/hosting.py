"""Where a version of a model runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from relearn.columns import check
from relearn.errors import SpecError

SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
"""SageMaker's MemorySizeInMB."""
SERVERLESS_MAX_CONCURRENCY = 200
"""SageMaker's MaxConcurrency for one endpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Serverless:
    """A SageMaker serverless endpoint per version: scales to zero.

    Parameters
    ----------
    memory_mb
        Memory of one instance, in MB; one of `SERVERLESS_MEMORY_MB`.
    max_concurrency
        Concurrent invocations of the endpoint at most, 1 to 200.
    provisioned
        How many of them are kept warm, 0 to ``max_concurrency``; above 0 it costs while nobody asks.
    """

    type: ClassVar[str] = "serverless"
    memory_mb: int = 2048
    max_concurrency: int = 10
    provisioned: int = 0

    def __post_init__(self) -> None:
        check(
            self.memory_mb in SERVERLESS_MEMORY_MB,
            "hosting.memory_mb",
            self.memory_mb,
            f"one of {', '.join(map(str, SERVERLESS_MEMORY_MB))}",
        )
        _whole("max_concurrency", self.max_concurrency, 1, SERVERLESS_MAX_CONCURRENCY)
        _whole("provisioned", self.provisioned, 0, self.max_concurrency)


_TYPES = {Serverless.type: Serverless}


def to_dict(hosting: Serverless) -> dict[str, Any]:
    """Give it as JSON-ready data; `from_dict` reads it back equal."""
    return {"type": hosting.type, **asdict(hosting)}


def from_dict(data: dict[str, Any]) -> Serverless:
    """Make it from what `to_dict` gave.

    Raises
    ------
    SpecError
        The data is no hosting, or breaks one of its rules.
    """
    rest = dict(data)
    kind = rest.pop("type", None)
    if kind not in _TYPES:
        raise SpecError("hosting.type", kind, f"one of {', '.join(_TYPES)}")
    return _TYPES[kind](**rest)


def _whole(name: str, value: object, least: int, most: int) -> None:
    right = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    check(right, f"hosting.{name}", value, f"a whole number, {least} to {most}")
