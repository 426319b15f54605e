"""The settings in cdk.json that determine what a stage needs of the account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relearn.errors import ConfigError

CDK_JSON = Path(__file__).resolve().parents[2] / "cdk.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class StageSettings:
    """Settings of a stage; None means that cdk.json does not set it.

    Parameters
    ----------
    account, region
        Account and region of the stage.
    features_engine
        Engine that computes the features of every model with tables.
    predict_reserved_concurrency
        Concurrency reserved for the predict function.
    verify
        Whether the stage has the sandbox models.
    """

    account: str | None = None
    region: str | None = None
    features_engine: str | None = None
    predict_reserved_concurrency: int | None = None
    verify: bool = False


def load_settings(stage: str, file: Path = CDK_JSON) -> StageSettings:
    """Read the settings of a stage.

    Raises
    ------
    ConfigError
        When cdk.json has no such stage.
    """
    stages: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["context"]["relearn"][
        "stages"
    ]
    if stage not in stages:
        raise ConfigError("stage", stage, f"one of {', '.join(sorted(stages))} (cdk.json, relearn.stages)")
    known = StageSettings.__dataclass_fields__
    return StageSettings(**{key: value for key, value in stages[stage].items() if key in known})
