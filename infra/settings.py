"""Everything a stage may choose, read from the CDK context and checked before anything is built.

``cdk.json`` holds ``"relearn": {"stages": {name: {key: value}}}``; ``-c stage=`` picks one,
``-c region=`` and ``-c account=`` say where it goes. Without the last two the templates fit any
account and region.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

from relearn import names
from relearn.errors import ConfigError

DEFAULT_STAGE = "dev"
LAPTOP_STAGE = "local"
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)  # fmt: skip  # CloudWatch Logs' own list


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What makes one stage differ from another.

    Parameters
    ----------
    stage
        Name of the stage; part of every name.
    account, region
        Where the stage goes; None: wherever it is deployed.
    api_auth
        ``"iam"``: callers sign their requests. ``"none"``: anyone may call, only on the laptop.
    protect
        Whether the ledger survives a destroyed stack and refuses deletion.
    debounce_seconds
        Overrides what the specs say, 0 to 86400; None: the specs decide.
    poll_seconds
        How long a run waits between two looks at an endpoint that is being created, 1 to 300;
        also the first pause before a throttled training job is asked for again.
    sweep_minutes
        How often the sweep looks for what an event lost, 1 to 1440.
    ingest_timeout_seconds
        How long one upload may take to check, 30 to 900; a failed try is repeated after that time.
    record_window_seconds
        How long prediction records are gathered before they are written, 1 to 300.
    log_retention_days
        One of `LOG_RETENTION_DAYS`.
    requests_per_second, burst
        What the HTTP API lets through before it answers 429, 1 to 10000 and 1 to 5000.
    alarm_email
        Who is told of alarms and of runs' ends; None: nobody subscribes.
    github_repository, github_branch
        ``owner/name`` and branch that may deploy this stage; None: no deploy role is made.
    github_provider
        ``"create"``, or ``"existing"`` when the account already trusts GitHub's tokens (it can do so once).
    """

    stage: str
    account: str | None = None
    region: str | None = None
    api_auth: Literal["iam", "none"] = "iam"
    protect: bool = False
    debounce_seconds: int | None = None
    poll_seconds: int = 15
    sweep_minutes: int = 5
    ingest_timeout_seconds: int = 900
    record_window_seconds: int = 30
    log_retention_days: int = 30
    requests_per_second: int = 100
    burst: int = 200
    alarm_email: str | None = None
    github_repository: str | None = None
    github_branch: str = "main"
    github_provider: Literal["create", "existing"] = "create"

    def __post_init__(self) -> None:
        names.check_stage(self.stage)
        for key, (holds, allowed) in _RULES.items():
            value = getattr(self, key)
            if not holds(value):
                raise ConfigError(key, value, allowed)
        if self.api_auth == "none" and self.stage != LAPTOP_STAGE:
            raise ConfigError("api_auth", "none", f"iam; none is for the stage {LAPTOP_STAGE!r} alone")


def read(context: Callable[[str], object]) -> Settings:
    """Read the settings of the stage that the context chooses.

    Parameters
    ----------
    context
        Gives the value of a context key, or None: ``app.node.try_get_context``.

    Raises
    ------
    ConfigError
        A key is unknown, or a value wrong: with the key, what was given and what is allowed.
    """
    root = _mapping("relearn", context("relearn"), ("stages",))
    stages = _mapping("relearn.stages", root.get("stages"), None)
    stage = context("stage") or DEFAULT_STAGE
    if not isinstance(stage, str) or stage not in stages:
        raise ConfigError("stage", stage, f"one of {', '.join(sorted(stages))} (cdk.json, relearn.stages)")
    known = tuple(field.name for field in fields(Settings) if field.name != "stage")
    values = dict(_mapping(f"relearn.stages.{stage}", stages[stage], known))
    for key in ("account", "region"):
        if (override := context(key)) is not None:
            values[key] = override
    return Settings(stage=stage, **values)


def _mapping(key: str, value: object, known: tuple[str, ...] | None) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(key, value, "an object of settings")
    for name in value:
        if known is not None and name not in known:
            raise ConfigError(f"{key}.{name}", value[name], f"no such setting; one of {', '.join(known)}")
    return cast("Mapping[str, Any]", value)


_Rule = tuple[Callable[[Any], bool], str]


def _whole(low: int, high: int, *, optional: bool = False) -> _Rule:
    def holds(value: Any) -> bool:
        return (optional and value is None) or (type(value) is int and low <= value <= high)

    return holds, f"a whole number, {low} to {high}" + (", or nothing" if optional else "")


def _text(pattern: str, allowed: str, *, optional: bool = True) -> _Rule:
    def holds(value: Any) -> bool:
        return (optional and value is None) or (isinstance(value, str) and bool(re.fullmatch(pattern, value)))

    return holds, allowed


def _one_of(*choices: Any) -> _Rule:
    return (lambda value: any(value is c or (type(value) is type(c) and value == c) for c in choices)), (
        f"one of {', '.join(str(choice) for choice in choices)}"
    )


_RULES: dict[str, _Rule] = {
    "account": _text(r"\d{12}", "the 12 digits of an AWS account, quoted"),
    "region": _text(r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region, e.g. eu-central-1"),
    "api_auth": _one_of("iam", "none"),
    "protect": _one_of(True, False),
    "debounce_seconds": _whole(0, 86_400, optional=True),
    "poll_seconds": _whole(1, 300),
    "sweep_minutes": _whole(1, 1440),
    "ingest_timeout_seconds": _whole(30, 900),
    "record_window_seconds": _whole(1, 300),
    "log_retention_days": _one_of(*LOG_RETENTION_DAYS),
    "requests_per_second": _whole(1, 10_000),
    "burst": _whole(1, 5_000),
    "alarm_email": _text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
    "github_repository": _text(r"[\w.-]+/[\w.-]+", "owner/name of a GitHub repository"),
    "github_branch": _text(r"[\w./-]+", "name of a branch", optional=False),
    "github_provider": _one_of("create", "existing"),
}
