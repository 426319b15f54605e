"""One stage that differs from the laptop's own, for flows that need what that one has not.

Its API takes tokens. Candidates of iris are shadowed, then tried on a fifth and on half of the requests. Versions of diabetes
wait for a person. Its cloud is started by ``python -m demo``, which tells the story of churn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from relearn.spec.hosting import Serverless
from relearn.spec.model import Metric, Retrain
from relearn.spec.rollout import Canary, Instant, Limits, Shadow
from tests.e2e.client import Stage
from tests.e2e.clouds import LOG, app_of, cloud_of

TOLD, TRIED, ASKING = "churn", "iris", "diabetes"
STEP_SECONDS = 12
"""Of a busy machine, too, enough copies of requests are answered within."""
# A machine that trains at the same time is slow now and then; a candidate that is stopped again and again is slower than that.
SPECS = {
    TRIED: {
        "shadow": Shadow(minutes=5, limits=Limits(requests=10, latency_ratio=50)),
        "rollout": Canary(steps=(20, 50), limits=Limits(requests=4, latency_ratio=4, error_rate=0.7)),
    },
    ASKING: {
        "hosting": Serverless(),
        "metric": Metric("rmse", maximum=1000.0),
        "rollout": Instant(),
        "retrain": Retrain(debounce_seconds=0, approval="manual", approval_hours=1),
    },
}
ISSUER, ORIGIN = "https://login.example.com/", "https://app.example.com"
DEMO = ("-m", "demo", "--models", TOLD)
UP = "up; Ctrl-C stops it"
"""What the cloud says once it is deployed, and the demonstration once its story ended."""


@dataclass(frozen=True)
class Variants:
    """The stage, what describes it, and what is printed while it runs."""

    stage: Stage
    info: Path
    log: Path

    def story(self) -> str:
        """Wait for the story's end; give it."""

        def told() -> str | None:
            printed = self.log.read_text()
            return printed if printed.count(UP) == 2 else None

        return self.stage.wait("the end of the story", told)


@contextmanager
def running(folder: Path) -> Iterator[Variants]:
    """Run the stage; ``folder`` takes its log and what describes it."""
    app = app_of(
        "variants", __file__, (TOLD, TRIED, ASKING), specs=SPECS, rollout_seconds=STEP_SECONDS,
        api_auth="jwt", jwt_issuer=ISSUER, jwt_audience=["relearn"], cors_origins=[ORIGIN],
    )  # fmt: skip
    with cloud_of(folder, app, DEMO) as stage:
        made = Variants(stage, folder / "info.json", folder / LOG)
        made.story()  # it ends badly when a run of any model does
        yield made
