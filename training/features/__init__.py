"""Compute the rows that a model is fitted on from raw tables, with the model's `features(tables)` on DuckDB.

A model that declares tables has a features.py with ``features(tables) -> ibis.Table``. It returns one row for
each entity and moment, ``as_of``, with the columns and the target of the spec.
`training.features.feature_set` runs it on the shards of a snapshot, in bounded memory, and checks the result.
The functions of `training.features.in_time` join and filter tables so that no row sees anything after its
``as_of``. `training.features.proof` proves that for any model, and `training.features.testing` computes the
features of a few rows in a test.

This package imports Ibis; only models with tables import it.
"""

from training.features.in_time import after, before, days_between, latest, onto

__all__ = ["after", "before", "days_between", "latest", "onto"]
