"""Quotas that the models need when each has a champion, a previous version and a candidate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from relearn.spec.hosting import InLambda, Realtime, Serverless
from relearn.spec.model import ModelSpec, on_spark

ENDPOINTS_OF_A_MODEL = 3
"""Champion, previous and candidate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """Requirements of all models together.

    Parameters
    ----------
    serverless
        Number of models on serverless endpoints.
    concurrency
        Sum of the concurrent invocations of their endpoints.
    hosted
        Instance type to the maximum number of endpoint instances at the same time.
    training
        Instance type to the maximum number of training jobs at the same time.
    hosts
        Model to the memory of its host, in MB, of the models in Lambda functions.
    spark
        Models whose features are computed by AWS Glue.
    """

    serverless: int
    concurrency: int
    hosted: Mapping[str, int]
    training: Mapping[str, int]
    hosts: Mapping[str, int]
    spark: tuple[str, ...]

    @property
    def endpoints(self) -> int:
        """Maximum number of serverless endpoints at the same time."""
        return ENDPOINTS_OF_A_MODEL * self.serverless


def of(specs: Mapping[str, ModelSpec], engine: str | None) -> Needs:
    """Sum up the requirements of the specs.

    Parameters
    ----------
    specs
        Specs by model name.
    engine
        Features engine that the stage sets for all models; None leaves it to their specs.
    """
    hostings = [spec.hosting for spec in specs.values()]
    serverless = [one for one in hostings if isinstance(one, Serverless)]
    hosted: Counter[str] = Counter()
    for one in hostings:
        if isinstance(one, Realtime):
            # The champion may have scaled to its maximum; the other two get few requests and stay at their minimum.
            hosted[one.instance] += one.maximum + (ENDPOINTS_OF_A_MODEL - 1) * one.minimum
    return Needs(
        serverless=len(serverless),
        concurrency=ENDPOINTS_OF_A_MODEL * sum(one.max_concurrency for one in serverless),
        hosted=hosted,
        training=Counter(spec.training.instance for spec in specs.values()),
        hosts={
            name: spec.hosting.memory_mb for name, spec in specs.items() if isinstance(spec.hosting, InLambda)
        },
        spark=tuple(name for name, spec in specs.items() if on_spark(spec, engine)),
    )
