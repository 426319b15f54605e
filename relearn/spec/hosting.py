"""Hosting of a model's versions.

There are three modes with one artifact and one contract. `Serverless` and `Realtime` create a SageMaker
endpoint per version; `InLambda` has a function per model, its host, which loads the versions that it is asked
for. A version keeps the mode that its spec had when it was registered; a change of the spec applies to later
versions. So a model that left `InLambda` keeps its host, by ``keeps_host``, while older versions need it.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeAlias

from relearn.errors import SpecError
from relearn.spec.columns import check, check_whole

SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
"""Allowed values of SageMaker's MemorySizeInMB."""
SERVERLESS_MAX_CONCURRENCY = 200
"""Largest MaxConcurrency that SageMaker allows for one endpoint."""
LAMBDA_MEMORY_MB = (256, 10_240)
"""Least and most memory of a host function, in MB. Lambda's own minimum is 128 MB, but the ONNX runtime with
numpy alone needs more."""
REALTIME_INSTANCES = 100
"""Maximum number of instances of one endpoint; a larger one is taken for a typing error."""
INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_BURSTABLE = re.compile(r"ml\.t\d.*")
"""Instance types whose speed depends on credits: Application Auto Scaling refuses to scale them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Serverless:
    """A SageMaker serverless endpoint per version: scales to zero.

    Parameters
    ----------
    memory_mb
        Memory of the endpoint, in MB; one of `SERVERLESS_MEMORY_MB`.
    max_concurrency
        Maximum number of concurrent invocations, 1 to 200.
    provisioned
        Provisioned concurrency, 0 to ``max_concurrency``; above 0 it costs even without requests.
    keeps_host
        Whether the model has a host all the same, for older versions that were registered `InLambda`.
    """

    type: ClassVar[str] = "serverless"
    memory_mb: int = 2048
    max_concurrency: int = 10
    provisioned: int = 0
    keeps_host: bool = False

    def __post_init__(self) -> None:
        check(
            self.memory_mb in SERVERLESS_MEMORY_MB,
            "hosting.memory_mb",
            self.memory_mb,
            f"one of {', '.join(map(str, SERVERLESS_MEMORY_MB))}",
        )
        check_whole("hosting.max_concurrency", self.max_concurrency, 1, SERVERLESS_MAX_CONCURRENCY)
        check_whole("hosting.provisioned", self.provisioned, 0, self.max_concurrency)
        _check_flag("hosting.keeps_host", self.keeps_host)


@dataclass(frozen=True, kw_only=True, slots=True)
class Realtime:
    """A SageMaker endpoint on instances per version: always warm, scaled by the invocations per instance.

    Parameters
    ----------
    instance
        SageMaker instance type, e.g. ``"ml.m5.large"``.
    minimum
        Minimum and initial number of instances, 1 to `REALTIME_INSTANCES`.
    maximum
        Maximum number of instances, ``minimum`` to `REALTIME_INSTANCES`. Scaling is off when both are equal,
        as they must be for a burstable type (``"ml.t2.medium"``).
    target_invocations
        Target of scaling, in invocations per instance and minute, 1 or more
        (SageMakerVariantInvocationsPerInstance).
    keeps_host
        Whether the model has a host all the same, for older versions that were registered `InLambda`.
    """

    type: ClassVar[str] = "realtime"
    instance: str
    minimum: int = 1
    maximum: int = 2
    target_invocations: int = 1000
    keeps_host: bool = False

    def __post_init__(self) -> None:
        right = isinstance(self.instance, str) and INSTANCE.fullmatch(self.instance)
        check(bool(right), "hosting.instance", self.instance, 'a type of SageMaker\'s, as "ml.m5.large"')
        check_whole("hosting.minimum", self.minimum, 1, REALTIME_INSTANCES)
        check_whole("hosting.maximum", self.maximum, self.minimum, REALTIME_INSTANCES)
        if _BURSTABLE.fullmatch(self.instance):
            allowed = f"as many as the minimum, {self.minimum}: AWS scales no {self.instance}"
            check(not self.scales, "hosting.maximum", self.maximum, allowed)
        check_whole("hosting.target_invocations", self.target_invocations, 1, 1_000_000)
        _check_flag("hosting.keeps_host", self.keeps_host)

    @property
    def scales(self) -> bool:
        """Whether the endpoint scales."""
        return self.minimum < self.maximum


@dataclass(frozen=True, kw_only=True, slots=True)
class InLambda:
    """A Lambda function per model that answers without an endpoint and scales to zero; for small models.

    Parameters
    ----------
    memory_mb
        Memory of the function, in MB, 256 to 10,240; at 1,769 Lambda gives it one whole core.
    """

    type: ClassVar[str] = "in_lambda"
    memory_mb: int = 1769

    def __post_init__(self) -> None:
        check_whole("hosting.memory_mb", self.memory_mb, *LAMBDA_MEMORY_MB)


Hosting: TypeAlias = Serverless | Realtime | InLambda
_TYPES: dict[str, type[Hosting]] = {kind.type: kind for kind in (Serverless, Realtime, InLambda)}


def has_host(hosting: Hosting) -> bool:
    """Return whether a model whose spec has this hosting has a host."""
    return isinstance(hosting, InLambda) or hosting.keeps_host


def to_dict(hosting: Hosting) -> dict[str, Any]:
    """Return ``hosting`` as JSON-ready data; `from_dict` reads it back equal.

    A flag that is off is left out, so that earlier releases, which have none, can read it.
    """
    return {
        "type": hosting.type,
        **{key: value for key, value in asdict(hosting).items() if value is not False},
    }


def from_dict(data: dict[str, Any]) -> Hosting:
    """Build a hosting from data that `to_dict` returned.

    Raises
    ------
    SpecError
        The data is not a hosting, or breaks one of its rules.
    """
    rest = dict(data)
    kind = rest.pop("type", None)
    if kind not in _TYPES:
        raise SpecError("hosting.type", kind, f"one of {', '.join(_TYPES)}")
    return _TYPES[kind](**rest)


def _check_flag(field: str, value: object) -> None:
    check(isinstance(value, bool), field, value, "True or False")
