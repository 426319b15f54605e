"""Where a version of a model runs: three ways, one contract."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from relearn.columns import check
from relearn.errors import SpecError

SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
"""SageMaker's MemorySizeInMB."""
SERVERLESS_MAX_CONCURRENCY = 200
"""SageMaker's MaxConcurrency for one endpoint."""
LAMBDA_MEMORY_MB = (512, 3008)
"""Least and most of a function; new accounts get no more than 3008 without asking."""
MOST_INSTANCES = 100


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Realtime:
    """A SageMaker endpoint per version on instances that are always up, more of them as more is asked.

    Parameters
    ----------
    instance
        SageMaker instance type.
    minimum, maximum
        How many there are, at least 1.
    invocations_per_minute
        What one instance is to answer a minute: above it one more starts, well below it one goes. Of no
        meaning while ``minimum`` is ``maximum``.
    """

    type: ClassVar[str] = "realtime"
    instance: str = "ml.m5.large"
    minimum: int = 1
    maximum: int = 1
    invocations_per_minute: int = 1000

    def __post_init__(self) -> None:
        spelt = re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9]+", self.instance) is not None
        check(spelt, "hosting.instance", self.instance, "a SageMaker instance type such as ml.m5.large")
        _whole("minimum", self.minimum, 1, MOST_INSTANCES)
        _whole("maximum", self.maximum, self.minimum, MOST_INSTANCES)
        _whole("invocations_per_minute", self.invocations_per_minute, 1, 1_000_000)

    @property
    def scales(self) -> bool:
        """Whether the number of instances follows what is asked."""
        return self.maximum > self.minimum


@dataclass(frozen=True, kw_only=True, slots=True)
class InLambda:
    """The model's own Lambda function, for small models: no endpoint, scales to zero, starts in a second.

    Parameters
    ----------
    memory_mb
        Memory of the function, in MB; its share of a core grows with it.
    """

    type: ClassVar[str] = "lambda"
    memory_mb: int = 1024

    def __post_init__(self) -> None:
        _whole("memory_mb", self.memory_mb, *LAMBDA_MEMORY_MB)


Hosting = Serverless | Realtime | InLambda
_TYPES: dict[str, type[Hosting]] = {cls.type: cls for cls in (Serverless, Realtime, InLambda)}


def to_dict(hosting: Hosting) -> dict[str, Any]:
    """Give it as JSON-ready data; `from_dict` reads it back equal."""
    return {"type": hosting.type, **asdict(hosting)}


def from_dict(data: dict[str, Any]) -> Hosting:
    """Make it from what `to_dict` gave.

    Raises
    ------
    SpecError
        The data is none of the ways, or breaks one of their rules.
    """
    rest = dict(data)
    kind = rest.pop("type", None)
    if kind not in _TYPES:
        raise SpecError("hosting.type", kind, f"one of {', '.join(_TYPES)}")
    return _TYPES[kind](**rest)


def _whole(name: str, value: object, least: int, most: int) -> None:
    right = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    check(right, f"hosting.{name}", value, f"a whole number, {least} to {most}")
