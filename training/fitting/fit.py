"""Run a model's own code: build the estimator and fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from relearn.errors import ArtifactError, SpecError
from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training import catalog
from training.data.dataset import Table
from training.fitting import weights


@dataclass(frozen=True, slots=True)
class Code:
    """Functions of a model's own files.

    Parameters
    ----------
    build
        Returns an unfitted estimator.
    export
        Returns the ONNX graph of a fitted estimator; None: `training.fitting.onnx_export.export` does.
    features
        Computes the spec's columns and target from the raw tables; None for a model with one table.
    """

    build: Any
    export: Any | None
    features: Any | None = None

    @classmethod
    def of(cls, folder: Path) -> Code:
        """Load model.py of a folder, and features.py if there is one.

        Raises
        ------
        SpecError
            model.py has no function ``build``.
        """
        module = catalog.load_module(folder / "model.py")
        making = folder / "features.py"
        features = getattr(catalog.load_module(making), "features", None) if making.is_file() else None
        build = getattr(module, "build", None)
        if not callable(build):
            raise SpecError(
                f"{folder.name}/model.py: build", build, "a function that gives an unfitted estimator"
            )
        return cls(build, getattr(module, "export", None), features)


def frame(columns: Mapping[str, Array]) -> pd.DataFrame:
    """Return encoded columns as the DataFrame that an estimator takes."""
    return pd.DataFrame(dict(columns))


def fit(spec: ModelSpec, code: Code, hyperparameters: Mapping[str, float], table: Table) -> Any:
    """Build and fit the estimator of a model, on rows weighed by their age where the spec says so.

    Parameters
    ----------
    spec
        Spec of the model.
    code
        Functions of the model.
    hyperparameters
        Keyword arguments of ``build``.
    table
        Rows to fit on.

    Raises
    ------
    ArtifactError
        A classifier has no ``predict_proba`` or other classes than the spec, or the estimator does not accept
        the missing values of a column, or weights where `relearn.spec.model.Training.half_life_days` needs them.
    """
    unfitted = code.build(**hyperparameters)
    weighed = weights.arguments(spec, unfitted, table)
    try:
        estimator = unfitted.fit(frame(table.columns), table.target, **weighed)
    except ValueError as error:
        if "NaN" not in str(error):
            raise
        lacking = [
            name
            for name, values in table.columns.items()
            if values.dtype != object and np.isnan(values).any()
        ]
        raise ArtifactError(
            f"the estimator of {spec.name} cannot learn from rows without {' or '.join(lacking)} "
            f"({str(error).splitlines()[0]}); put an imputer (SimpleImputer) before it in the pipeline, or make the column required"
        ) from error
    if spec.kind == "classification":
        if not hasattr(estimator, "predict_proba"):
            raise ArtifactError(
                f"the estimator of {spec.name} has no predict_proba; answers name probabilities"
            )
        if sorted(estimator.classes_) != sorted(spec.classes):
            raise ArtifactError(f"the estimator of {spec.name} knows {list(estimator.classes_)}")
    return estimator
