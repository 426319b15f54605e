"""Runs a model's own code: build the estimator, fit it, export it."""

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


@dataclass(frozen=True, slots=True)
class Code:
    """What a model's own files give.

    Parameters
    ----------
    build
        Makes an unfitted estimator.
    export
        Makes an ONNX graph of it once fitted; None for the ordinary way.
    features
        Makes the spec's columns and its target of the raw tables; None for a model with one.
    """

    build: Any
    export: Any | None
    features: Any | None = None

    @classmethod
    def of(cls, folder: Path) -> Code:
        """Load the model.py of a folder, and its features.py where there is one.

        Raises
        ------
        SpecError
            It has no ``build``.
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
    """Give encoded columns as the DataFrame an estimator takes."""
    return pd.DataFrame(dict(columns))


def fit(spec: ModelSpec, code: Code, hyperparameters: Mapping[str, float], table: Table) -> Any:
    """Build and fit the estimator of a model.

    Parameters
    ----------
    spec
        The model's spec.
    code
        The model's own code.
    hyperparameters
        Keywords for ``build``.
    table
        The rows to fit on.

    Raises
    ------
    ArtifactError
        A classifier that gives no probabilities, or not those of the spec's classes; or an estimator that takes no
        missing values of the columns that have some.
    """
    try:
        estimator = code.build(**hyperparameters).fit(frame(table.columns), table.target)
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
