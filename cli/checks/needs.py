"""What the models ask of an account when every one of them serves, may be rolled back, and has a candidate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from relearn.spec.hosting import Realtime, Serverless
from relearn.spec.model import ModelSpec, on_spark

ENDPOINTS_OF_A_MODEL = 3
"""Champion, previous and candidate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What is asked of the account.

    Parameters
    ----------
    serverless
        How many models are on serverless endpoints.
    concurrency
        Concurrent invocations of these endpoints together.
    hosted
        Instance type to how many of them endpoints may have at the same time.
    training
        Instance type to how many jobs may want one at the same time.
    spark
        The models whose features AWS Glue makes.
    """

    serverless: int
    concurrency: int
    hosted: Mapping[str, int]
    training: Mapping[str, int]
    spark: tuple[str, ...]

    @property
    def endpoints(self) -> int:
        """How many serverless endpoints there may be at the same time."""
        return ENDPOINTS_OF_A_MODEL * self.serverless


def of(specs: Mapping[str, ModelSpec], engine: str | None) -> Needs:
    """Add up what the specs ask for.

    Parameters
    ----------
    engine
        The features engine that the stage chose for all of its models; None: as their specs say.
    """
    hostings = [spec.hosting for spec in specs.values()]
    serverless = [one for one in hostings if isinstance(one, Serverless)]
    hosted: Counter[str] = Counter()
    for one in hostings:
        if isinstance(one, Realtime):
            # Who serves may have grown to its most while the two others, whom few ask, have their least.
            hosted[one.instance] += one.maximum + (ENDPOINTS_OF_A_MODEL - 1) * one.minimum
    return Needs(
        serverless=len(serverless),
        concurrency=ENDPOINTS_OF_A_MODEL * sum(one.max_concurrency for one in serverless),
        hosted=hosted,
        training=Counter(spec.training.instance for spec in specs.values()),
        spark=tuple(name for name, spec in specs.items() if on_spark(spec, engine)),
    )
