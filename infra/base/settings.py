"""Settings of a stage, read from the CDK context and checked before anything is built.

``cdk.json`` has ``"relearn": {"stages": {name: {key: value}}}``; ``-c stage=`` selects one, ``-c region=``
and ``-c account=`` override its target, ``-c image=`` its image. Without region and account the templates fit any;
only a sandbox may lack them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

from infra.base.setting_rules import RULES
from relearn.errors import ConfigError
from relearn.naming import resources

DEFAULT_STAGE = "dev"
FROM_COMMAND_LINE = ("account", "region", "image")
"""Settings that ``cdk -c`` overrides."""
DEFAULT_THROTTLES = {"createBatch": (2, 10), "createUpload": (5, 20), "giveFeedback": (20, 50)}
"""Throttles (requests per second, burst) of operations that start or write something costly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Settings of one stage.

    Parameters
    ----------
    stage
        Name of the stage; part of every name.
    account
        Account that the stage goes to; None: that of the credentials it is deployed with.
    region
        Region that the stage goes to; None: that of the credentials it is deployed with.
    image
        Digest of the training image, alone or after the repository that it was pushed to first. It is in the
        repository of container assets of the stage's account and region already; None: the image is built and
        pushed by the deployment.
    api_auth
        ``"iam"``: callers sign their requests. ``"jwt"``: callers send a token of an OIDC issuer.
    jwt_issuer
        URL that the tokens name as their issuer; required with ``"jwt"``, and refused without.
    jwt_audience
        Audiences of the tokens, one of which each must name; required with ``"jwt"``, and refused without.
    jwt_scope_prefix
        Prefix of the scopes ``predict``, ``upload`` and ``operate`` in the tokens.
    cors_origins
        Origins whose pages may call the API from a browser; none: no page of another origin may. ``"*"``,
        alone, stands for any origin, and is allowed only with ``"jwt"``.
    protect
        Whether the ledger survives a destroyed stack and refuses deletion.
    debounce_seconds
        Seconds that a run waits for more uploads, instead of the specs' own; None: the specs decide.
    rollout_seconds
        Seconds that every step of a rollout lasts, whatever the specs say; None: the specs decide.
    features_engine
        ``"duckdb"`` or ``"spark"``: engine that computes the features of every model with tables, whatever
        its spec says; None: the specs decide.
    poll_seconds
        Seconds between the first checks of an endpoint that is being created, and before a throttled training job
        is requested again.
    sweep_minutes
        Minutes between two runs of the sweep, which repairs what a lost event left undone.
    ingest_timeout_seconds
        Seconds that the check of one upload may take; a check that failed is repeated after that time.
    record_window_seconds
        Seconds for which prediction records are collected before they are written.
    log_retention_days
        Days that logs are kept.
    requests_per_second
        Requests a second that the HTTP API accepts; further ones are answered with 429.
    burst
        Requests that the HTTP API accepts at the same moment; further ones are answered with 429.
    throttles
        Requests a second and burst of single operations, by their id; an operation that is not named keeps
        `DEFAULT_THROTTLES`.
    predict_reserved_concurrency
        Predictions that may run at once, reserved for them; None: as many as the account has left. A new
        account has 10 in
        all, and refuses to reserve any.
    alarm_email
        Address that alarms and the ends of runs are sent to; None: nobody subscribes.
    github_repository
        Repository that may deploy this stage, as the subject of its tokens names it: ``owner@id/name@id`` where
        it was created, renamed or transferred on or after 2026-07-15 or opted in, else ``owner/name``. None: no
        deploy role is created.
    github_branch
        Branch of that repository that may deploy this stage, in the GitHub environment of the stage's name.
    github_provider
        ``"create"``, or ``"existing"`` when the account already trusts GitHub's tokens (an account can do so
        only once).
    model_stacks
        Number of stacks that hold the roles and Glue jobs of the models; 1: the stack of training does, for about
        100 models. It stays as it is once the stage has been deployed (docs/operations/MODELS.md says how it is
        changed).
    verify
        Whether the stage has the sandbox models, on which ``relearn verify`` tries it. They cost nothing while
        nobody verifies, but for their alarms.
    """

    stage: str
    account: str | None = None
    region: str | None = None
    image: str | None = None
    api_auth: Literal["iam", "jwt"] = "iam"
    jwt_issuer: str | None = None
    jwt_audience: tuple[str, ...] = ()
    jwt_scope_prefix: str = "relearn/"
    cors_origins: tuple[str, ...] = ()
    protect: bool = False
    debounce_seconds: int | None = None
    rollout_seconds: int | None = None
    features_engine: Literal["duckdb", "spark"] | None = None
    poll_seconds: int = 15
    sweep_minutes: int = 5
    ingest_timeout_seconds: int = 900
    record_window_seconds: int = 30
    log_retention_days: int = 30
    requests_per_second: int = 100
    burst: int = 200
    throttles: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    predict_reserved_concurrency: int | None = None
    alarm_email: str | None = None
    github_repository: str | None = None
    github_branch: str = "main"
    github_provider: Literal["create", "existing"] = "create"
    model_stacks: int = 1
    verify: bool = False

    def __post_init__(self) -> None:
        resources.check_stage(self.stage)
        for key, (holds, allowed) in RULES.items():
            value = getattr(self, key)
            if not holds(value):
                raise ConfigError(key, value, allowed)
        for key in ("account", "region"):
            if getattr(self, key) is None and not self.sandbox:
                raise ConfigError(
                    key,
                    None,
                    f"{RULES[key][1]}; a stage that is protected or deployed from GitHub names it, so that no "
                    "other account's credentials can deploy it",
                )
        for key in ("jwt_issuer", "jwt_audience"):
            value = getattr(self, key)
            if self.api_auth == "jwt" and not value:
                raise ConfigError(key, value, f"{RULES[key][1]}; api_auth jwt needs it")
            if self.api_auth != "jwt" and value:
                raise ConfigError(key, value, "nothing, unless api_auth is jwt")
        if self.api_auth != "jwt" and "*" in self.cors_origins:
            raise ConfigError(
                "cors_origins",
                self.cors_origins,
                "named origins: pages that hold AWS credentials are known ones",
            )

    @property
    def sandbox(self) -> bool:
        """Whether the stage may go wherever the credentials lead: neither protected nor deployed from GitHub."""
        return not self.protect and self.github_repository is None


def load_settings(context: Callable[[str], object]) -> Settings:
    """Read the settings of the stage that the context selects.

    Parameters
    ----------
    context
        Returns the value of a context key, or None: ``app.node.try_get_context``.

    Raises
    ------
    ConfigError
        A key is unknown or a value is wrong; the error has the key, the value and what is allowed.
    """
    root = _mapping("relearn", context("relearn"), ("stages",))
    stages = _mapping("relearn.stages", root.get("stages"), None)
    stage = context("stage") or DEFAULT_STAGE
    if not isinstance(stage, str) or stage not in stages:
        raise ConfigError("stage", stage, f"one of {', '.join(sorted(stages))} (cdk.json, relearn.stages)")
    known = tuple(field.name for field in fields(Settings) if field.name != "stage")
    values = dict(_mapping(f"relearn.stages.{stage}", stages[stage], known))
    for key in FROM_COMMAND_LINE:
        if (override := context(key)) is not None:
            values[key] = override
    return Settings(stage=stage, **{key: _frozen(value) for key, value in values.items()})


def _frozen(value: Any) -> Any:
    """Convert JSON lists to tuples, also inside an object."""
    if isinstance(value, dict):
        return {key: _frozen(part) for key, part in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _mapping(key: str, value: object, known: tuple[str, ...] | None) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(key, value, "an object of settings")
    for name in value:
        if known is not None and name not in known:
            raise ConfigError(f"{key}.{name}", value[name], f"no such setting; one of {', '.join(known)}")
    return cast("Mapping[str, Any]", value)
