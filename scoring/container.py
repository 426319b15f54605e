"""SageMaker's container contract: where inputs are, where outputs go, what a job was told.

The root is /opt/ml; ``SAGEMAKER_BASE_DIR`` moves it, which is all that a laptop needs.
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
"""A job that is told this makes features of past moments instead of a model: `training.job.backfill`."""
FAILURE_LIMIT = 1024  # SageMaker shows that many characters of a failure's reason


@dataclass(frozen=True, slots=True)
class Container:
    """The folders of a container.

    Parameters
    ----------
    root
        What SageMaker calls /opt/ml.
    """

    root: Path

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Container:
        """Find the root."""
        return cls(Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))

    @property
    def train_data(self) -> Path:
        """The shards of the snapshot."""
        return self.root / "input" / "data" / "train"

    @property
    def champion(self) -> Path:
        """The champion's artifact; absent for a first model."""
        return self.root / "input" / "data" / "champion" / "model.tar.gz"

    @property
    def features(self) -> Path:
        """The features that Spark made; absent when the job makes them."""
        return self.root / "input" / "data" / "features"

    @property
    def checkpoints(self) -> Path:
        """What is kept from one job of a model to the next; absent when nothing is."""
        return self.root / "checkpoints"

    @property
    def model(self) -> Path:
        """The artifact: written by a training job, read by a server."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """The reports of a training job."""
        return self.root / "output" / "data"

    def fail(self, reason: str) -> None:
        """Leave the reason of a failure where SageMaker looks for it."""
        path = self.root / "output" / "failure"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(cut(reason, FAILURE_LIMIT), encoding="utf-8")

    def told(self) -> dict[str, str]:
        """Read the job's hyperparameters; those of SageMaker itself are left out.

        Raises
        ------
        ConfigError
            The file is missing or not an object of strings.
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
    """What one training job was told.

    Parameters
    ----------
    run_id
        The run it belongs to; the job's name outside the loop.
    snapshot
        Digest of the manifest it trains on; None when it was not told.
    champion_version
        Version in the champion channel; None for a first model.
    champion_sha256
        SHA-256 (hex) of its archive, as it was judged; empty when it was not told.
    hyperparameters
        Keywords for the model's ``build``.
    now
        The run's clock, aware: what is dated later is not known yet; None outside the loop.
    """

    run_id: str
    snapshot: str | None
    champion_version: int | None
    champion_sha256: str
    hyperparameters: dict[str, float]
    now: datetime | None = None

    @classmethod
    def of(cls, spec: ModelSpec, told: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Job:
        """Make sense of the hyperparameters of a job that trains ``spec``.

        Raises
        ------
        ConfigError
            A name is unknown, or a value is not a number or out of its range.
        """
        declared = {parameter.name: parameter for parameter in spec.hyperparameters}
        if unknown := sorted(told.keys() - declared.keys() - set(TOLD)):
            raise ConfigError(unknown[0], told[unknown[0]], f"one of {', '.join((*TOLD, *declared))}")
        version = told.get("champion_version")
        if version is not None and not version.isdecimal():
            raise ConfigError("champion_version", version, "a whole number")
        return cls(
            run_id=told.get("run_id") or environ.get("TRAINING_JOB_NAME", "by-hand"),
            snapshot=told.get("snapshot"),
            champion_version=int(version) if version is not None else None,
            champion_sha256=told.get("champion_sha256", ""),
            hyperparameters={
                name: _value(declared[name], told[name]) if name in told else declared[name].default
                for name in declared
            },
            now=clock(told) if "now" in told else None,
        )


def clock(told: Mapping[str, str]) -> datetime:
    """Read the run's clock; of a job outside the loop, which is not told it, this machine's.

    Raises
    ------
    ConfigError
        It is no moment.
    """
    text = told.get("now")
    try:
        return datetime.now(UTC) if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError("now", text, "a moment such as 2026-05-04T10:00:00+00:00") from None


def _value(parameter: Hyperparameter, text: str) -> float:
    allowed = f"a number, {parameter.minimum:g} to {parameter.maximum:g}"
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(parameter.name, text, allowed) from None
    if not parameter.minimum <= value <= parameter.maximum:
        raise ConfigError(parameter.name, text, allowed)
    # a whole default says that build takes a whole number, as tree counts are
    return round(value) if isinstance(parameter.default, int) else value
