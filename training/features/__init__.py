"""From raw tables to the rows a model is fitted on: a model's `features(tables)`, run on DuckDB.

A model that declares tables gives in its features.py ``features(tables) -> ibis.Table``: one row for each
entity and moment, ``as_of``, with the columns and the target of its spec. `training.features.feature_set`
runs it on the shards of a snapshot, out of core and in bounded memory, and checks what comes out. The functions of
`training.features.in_time` join and cut tables so that no row sees what came after its ``as_of``;
`training.features.proof` proves it for any model, and `training.features.testing` computes features of a few
rows in a test.

Ibis is imported here: only models with tables import this package.
"""

from training.features.in_time import after, before, days_between, latest, onto

__all__ = ["after", "before", "days_between", "latest", "onto"]
