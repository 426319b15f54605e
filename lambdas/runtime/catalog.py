"""Models of this deployment, read from data that the CDK app writes beside the code.

``lambdas/data/catalog.json`` is ``{"models": {name: {"spec": {...}, "sample": [instances]}}}``;
``lambdas/data/seeds/<model>/<table>.csv`` are the data that the first version of a model is trained on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdas import once_per_process
from relearn.errors import NotFoundError
from relearn.naming import sandbox
from relearn.spec import codec
from relearn.spec.model import ModelSpec

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True, slots=True)
class Catalog:
    """Specs, sample instances and seed data of all models.

    Parameters
    ----------
    specs
        Model name to spec, sorted by name.
    samples
        Model name to instances that a healthy version must answer.
    folder
        Folder with the seed files, in one subfolder for each model.
    """

    specs: dict[str, ModelSpec]
    samples: dict[str, list[dict[str, Any]]]
    folder: Path

    def spec(self, model: str) -> ModelSpec:
        """Return the spec of a model.

        Raises
        ------
        NotFoundError
            There is no such model; the message lists the models.
        """
        if model not in self.specs:
            raise NotFoundError(f"no model {model!r}; there are: {', '.join(self.specs) or 'none'}")
        return self.specs[model]

    @property
    def listed(self) -> dict[str, ModelSpec]:
        """Specs of the models that lists show: all but sandbox models."""
        return sandbox.without(self.specs)

    def seeds(self, model: str) -> dict[str, Path]:
        """Return the seed files of a model, by raw table; a sandbox model has none."""
        if model in sandbox.MODELS:
            return {}
        return {table: self.folder / model / f"{table}.csv" for table in self.spec(model).table_names}


@once_per_process
def load(folder: Path = DATA) -> Catalog:
    """Return the catalog beside the code; read once for each process and folder."""
    models = json.loads((folder / "catalog.json").read_text("utf-8"))["models"]
    return Catalog(
        specs={name: codec.from_dict(models[name]["spec"]) for name in sorted(models)},
        samples={name: models[name]["sample"] for name in models},
        folder=folder / "seeds",
    )
