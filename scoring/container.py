"""SageMaker's container contract: the folders for inputs and outputs, and the settings of a job.

The root is /opt/ml; ``SAGEMAKER_BASE_DIR`` moves it, for instance on a laptop.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from relearn.cutting import cut
from relearn.errors import ConfigError
from relearn.spec.model import Hyperparameter, ModelSpec
from relearn.spec.policies import SAGEMAKER, TOLD, TOLD_OF_MOMENTS

MOMENTS_FROM = TOLD_OF_MOMENTS[0]
"""Hyperparameter that makes a job compute features of past times instead of a model (`training.job.backfill`)."""
FAILURE_LIMIT = 1024  # characters of a failure's reason that SageMaker shows


@dataclass(frozen=True, slots=True)
class Container:
    """Folders of a container.

    Parameters
    ----------
    root
        Folder that SageMaker calls /opt/ml.
    """

    root: Path

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Container:
        """Return the container at ``SAGEMAKER_BASE_DIR``, else at /opt/ml."""
        return cls(Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))

    @property
    def train_data(self) -> Path:
        """Folder of the snapshot's shards."""
        return self.root / "input" / "data" / "train"

    @property
    def champion(self) -> Path:
        """Archive of the champion's artifact; absent for a first model."""
        return self.root / "input" / "data" / "champion" / "model.tar.gz"

    @property
    def reference(self) -> Path:
        """Archive of the reference's artifact; absent where the champion is its own reference, or it is gone."""
        return self.root / "input" / "data" / "reference" / "model.tar.gz"

    @property
    def features(self) -> Path:
        """Folder of the features from Spark; absent when the job computes features itself."""
        return self.root / "input" / "data" / "features"

    @property
    def checkpoints(self) -> Path:
        """Folder that is kept from one job of a model to the next; absent when nothing is kept."""
        return self.root / "checkpoints"

    @property
    def model(self) -> Path:
        """Folder of the artifact: a training job writes it, a server reads it."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """Folder of a training job's reports."""
        return self.root / "output" / "data"

    def fail(self, reason: str) -> None:
        """Write the reason of a failure where SageMaker reads it, cut to `FAILURE_LIMIT` bytes."""
        path = self.root / "output" / "failure"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(cut(reason, FAILURE_LIMIT), encoding="utf-8")

    def told(self) -> dict[str, str]:
        """Read the job's hyperparameters, without those of SageMaker itself.

        Raises
        ------
        ConfigError
            The file is missing, or not a JSON object.
        """
        path = self.root / "input" / "config" / "hyperparameters.json"
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(str(path), str(error), "a JSON object of strings") from error
        if not isinstance(given, dict):
            raise ConfigError(str(path), given, "a JSON object of strings")
        return {key: str(value) for key, value in given.items() if not key.startswith(("_", SAGEMAKER))}


@dataclass(frozen=True, slots=True)
class Job:
    """Settings of one training job.

    Parameters
    ----------
    run_id
        Run that the job belongs to; outside a run, the job's name.
    snapshot
        Digest of the manifest that the job trains on; None when it is not given.
    champion_version
        Version in the champion channel; None for a first model.
    champion_sha256
        SHA-256 (hex) of the champion's archive when it was evaluated; empty when it is not given.
    reference_version, reference_sha256
        The same of the reference, the version that the candidate is compared with beside the champion; None where
        that is the champion itself.
    hyperparameters
        Keyword arguments of the model's ``build``.
    now
        Clock of the run, aware: rows dated later are not known yet; None outside a run.
    on_trial
        First characters of the ids of the run's new uploads; empty when they are not given.
    left_out
        Number of uploads that are too old for the snapshot.
    """

    run_id: str
    snapshot: str | None
    champion_version: int | None
    champion_sha256: str
    hyperparameters: dict[str, float]
    now: datetime | None = None
    reference_version: int | None = None
    reference_sha256: str = ""
    on_trial: tuple[str, ...] = ()
    left_out: int = 0

    @classmethod
    def of(cls, spec: ModelSpec, told: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Job:
        """Parse the hyperparameters of a job that trains ``spec``.

        Raises
        ------
        ConfigError
            A name is unknown, or a value is not a number or out of its range.
        """
        declared = {parameter.name: parameter for parameter in spec.hyperparameters}
        if unknown := sorted(told.keys() - declared.keys() - set(TOLD)):
            raise ConfigError(unknown[0], told[unknown[0]], f"one of {', '.join((*TOLD, *declared))}")
        return cls(
            run_id=told.get("run_id") or environ.get("TRAINING_JOB_NAME", "by-hand"),
            snapshot=told.get("snapshot"),
            champion_version=_whole(told, "champion_version"),
            champion_sha256=told.get("champion_sha256", ""),
            hyperparameters={
                name: _value(declared[name], told[name]) if name in told else declared[name].default
                for name in declared
            },
            now=clock(told) if "now" in told else None,
            reference_version=_whole(told, "reference_version"),
            reference_sha256=told.get("reference_sha256", ""),
            on_trial=tuple(told.get("on_trial", "").split()),
            left_out=_whole(told, "left_out") or 0,
        )


def clock(told: Mapping[str, str]) -> datetime:
    """Return the clock of the run (UTC); outside a run, the time of this machine.

    Raises
    ------
    ConfigError
            The given clock is not an ISO 8601 time.
    """
    text = told.get("now")
    try:
        return datetime.now(UTC) if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError("now", text, "a moment such as 2026-05-04T10:00:00+00:00") from None


def _whole(told: Mapping[str, str], name: str) -> int | None:
    number = told.get(name)
    if number is not None and not number.isdecimal():
        raise ConfigError(name, number, "a whole number")
    return None if number is None else int(number)


def _value(parameter: Hyperparameter, text: str) -> float:
    allowed = f"a number, {parameter.minimum:g} to {parameter.maximum:g}"
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(parameter.name, text, allowed) from None
    if not parameter.minimum <= value <= parameter.maximum:
        raise ConfigError(parameter.name, text, allowed)
    # an integer default means that build takes an integer, such as a number of trees
    return round(value) if isinstance(parameter.default, int) else value
