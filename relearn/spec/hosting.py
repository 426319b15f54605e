"""Where a version of a model runs.

Three modes, one artifact and one contract: `Serverless` and `Realtime` are a SageMaker endpoint per version,
`InLambda` is a function per model that holds the versions it is asked for. A version keeps the mode that its spec
had when it was registered; the spec may name another one for the next.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeAlias

from relearn.errors import SpecError
from relearn.spec.columns import check

SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
"""SageMaker's MemorySizeInMB."""
SERVERLESS_MAX_CONCURRENCY = 200
"""SageMaker's MaxConcurrency for one endpoint."""
LAMBDA_MEMORY_MB = (256, 10_240)
"""Lambda's memory goes from 128 MB on; the ONNX runtime with numpy alone holds more than that."""
REALTIME_INSTANCES = 100
"""More of them for one endpoint is a mistake in writing rather than a wish."""
_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_BURSTABLE = re.compile(r"ml\.t\d.*")
"""Types whose speed hangs on credits: Application Auto Scaling refuses to scale them."""


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
    """A SageMaker endpoint on instances per version: always warm, scaled by the invocations of one instance.

    Parameters
    ----------
    instance
        SageMaker's type of an instance, e.g. ``"ml.m5.large"``.
    minimum
        Instances at least, 1 to `REALTIME_INSTANCES`; so many run from the start.
    maximum
        Instances at most, ``minimum`` to `REALTIME_INSTANCES`; scaling is off when both are equal, as it must be for
        a burstable type (``"ml.t2.medium"``).
    target_invocations
        Invocations per instance and minute that scaling aims at, 1 or more
        (SageMakerVariantInvocationsPerInstance).
    """

    type: ClassVar[str] = "realtime"
    instance: str
    minimum: int = 1
    maximum: int = 2
    target_invocations: int = 1000

    def __post_init__(self) -> None:
        right = isinstance(self.instance, str) and _INSTANCE.fullmatch(self.instance)
        check(bool(right), "hosting.instance", self.instance, 'a type of SageMaker\'s, as "ml.m5.large"')
        _whole("minimum", self.minimum, 1, REALTIME_INSTANCES)
        _whole("maximum", self.maximum, self.minimum, REALTIME_INSTANCES)
        if _BURSTABLE.fullmatch(self.instance):
            allowed = f"as many as the minimum, {self.minimum}: AWS scales no {self.instance}"
            check(not self.scales, "hosting.maximum", self.maximum, allowed)
        _whole("target_invocations", self.target_invocations, 1, 1_000_000)

    @property
    def scales(self) -> bool:
        """Whether there is anything to scale between."""
        return self.minimum < self.maximum


@dataclass(frozen=True, kw_only=True, slots=True)
class InLambda:
    """In the function that answers for the model: no endpoint, no second hop, scales to zero. For small models.

    Parameters
    ----------
    memory_mb
        Memory of the function, in MB, 256 to 10,240; Lambda gives it a whole core at 1,769.
    """

    type: ClassVar[str] = "in_lambda"
    memory_mb: int = 1769

    def __post_init__(self) -> None:
        _whole("memory_mb", self.memory_mb, *LAMBDA_MEMORY_MB)


Hosting: TypeAlias = Serverless | Realtime | InLambda
_TYPES: dict[str, type[Hosting]] = {kind.type: kind for kind in (Serverless, Realtime, InLambda)}


def to_dict(hosting: Hosting) -> dict[str, Any]:
    """Give it as JSON-ready data; `from_dict` reads it back equal."""
    return {"type": hosting.type, **asdict(hosting)}


def from_dict(data: dict[str, Any]) -> Hosting:
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
