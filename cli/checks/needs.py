"""What the models ask of an account when every one of them serves, may be rolled back, and has a candidate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from relearn.engines import on_spark
from relearn.hosting import Serverless
from relearn.spec import ModelSpec

ENDPOINTS_OF_A_MODEL = 3
"""Champion, previous and candidate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What is asked of the account.

    Parameters
    ----------
    models
        How many models there are.
    endpoints, concurrency
        Serverless endpoints, and their concurrent invocations together.
    training
        Instance type to how many jobs may want one at the same time.
    spark
        The models whose features AWS Glue makes.
    """

    models: int
    endpoints: int
    concurrency: int
    training: Mapping[str, int]
    spark: tuple[str, ...]


def of(specs: Mapping[str, ModelSpec], engine: str | None) -> Needs:
    """Add up what the specs ask for.

    Parameters
    ----------
    engine
        The features engine that the stage chose for all of its models; None: as their specs say.
    """
    return Needs(
        models=len(specs),
        endpoints=ENDPOINTS_OF_A_MODEL * len(specs),
        concurrency=ENDPOINTS_OF_A_MODEL
        * sum(
            spec.hosting.max_concurrency for spec in specs.values() if isinstance(spec.hosting, Serverless)
        ),
        training=Counter(spec.training.instance for spec in specs.values()),
        spark=tuple(name for name, spec in specs.items() if on_spark(spec, engine)),
    )
