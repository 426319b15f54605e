"""Policies of a spec: deciding metric, retraining, ingest, training and hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relearn.figures import exact
from relearn.spec import schedules
from relearn.spec.columns import NAME_ALLOWED, NAME_PATTERN, check, is_finite_number, is_whole
from relearn.spec.hosting import INSTANCE

LABEL_METRICS = (
    *("accuracy", "balanced_accuracy", "precision_macro", "recall_macro"),
    *("f1_macro", "f1_weighted", "mcc"),
)
"""Metrics of a classification's labels alone."""
PROBABILITY_METRICS = ("roc_auc", "average_precision", "log_loss")
"""Metrics of a classification's probabilities."""
CLASSIFICATION_METRICS = LABEL_METRICS + PROBABILITY_METRICS
REGRESSION_METRICS = ("r2", "mae", "rmse")
RANKING_METRICS = (
    "ndcg_at_k",
    "recall_at_k",
)  # coverage is reported too but cannot decide: random items cover most
METRICS = {
    "classification": CLASSIFICATION_METRICS,
    "regression": REGRESSION_METRICS,
    "ranking": RANKING_METRICS,
}
"""Kind of model to the metrics that may decide between its versions."""
CHECKED_PER_SECOND = 2_000_000
"""Bytes of text that ingest checks per second at least, as ``bench/ingest_memory.py`` measures on two busy
cores."""
CHECK_SECONDS = 900
"""Timeout of the ingest function, in seconds, where a stage does not set a shorter one: the longest that
Lambda allows."""
CHECK_MARGIN = 0.5
"""Share of the timeout that a file of the largest size needs at that rate; the rest is for slower data and
machines."""


def largest_upload(seconds: float) -> int:
    """Return the maximum size of an upload, in bytes, for an ingest timeout in seconds."""
    return int(CHECKED_PER_SECOND * seconds * CHECK_MARGIN)


LARGEST_UPLOAD = largest_upload(CHECK_SECONDS)
"""Maximum size of an upload, in bytes, at the longest ingest timeout."""
LOWER_IS_BETTER = ("mae", "rmse", "log_loss")
"""Metrics that are errors."""
TOLERANCE = 0.01
"""Default tolerance: a point of a metric where higher is better."""
ERROR_TOLERANCE = 0.02
"""Default tolerance of an error, as a share of the champion's value."""
MOST_DAYS = 36_500
"""Most days of a policy about the age of rows: a century."""
UNDECIDED = ("near", "promote", "keep")
"""What becomes of a candidate whose evaluation set shows no difference."""
TOLD = (
    *("model", "run_id", "snapshot", "champion_version", "champion_sha256"),
    *("reference_version", "reference_sha256", "now", "on_trial", "left_out"),
)
"""Hyperparameters that a run itself passes to a training job; no declared hyperparameter may have these
names."""
TOLD_OF_MOMENTS = ("moments_from", "moments_to", "moments_every")
"""Further ones of a job that computes features of past moments."""
SAGEMAKER = "sagemaker_"
"""Prefix of SageMaker's own hyperparameters, which a job ignores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bounds:
    """Absolute bound that a metric must meet."""

    minimum: float | None = None
    maximum: float | None = None
    margin: float = 0.0
    tolerance: float | None = None
    confidence: float = 0.95
    undecided: Literal["near", "promote", "keep"] = "near"
    contradiction: Literal["ask", "promote"] = "ask"


@dataclass(frozen=True, slots=True)
class Metric(_Bounds):
    """Metric that decides between candidate and champion.

    Parameters
    ----------
    name
        One of `METRICS`.
    minimum
        Worst value that may ever serve, for a metric where higher is better.
    maximum
        Worst value that may ever serve, for an error (`LOWER_IS_BETTER`), where lower is better.
    margin
        Least lead of a candidate over the champion; 0: no lead is needed, because the candidate has seen more
        recent data, and the verdict alone decides. Only for a ranking it may be below 0: the candidate may be
        worse by at most that much. A recommender without new items goes stale, and the bound and the popularity
        baseline still apply.
    tolerance
        Loss against the champion that does not matter, 0 or more: in units of the metric, for an error as a
        share of the champion's value. None: `TOLERANCE`, or `ERROR_TOLERANCE` for an error.
    confidence
        One-sided confidence of a verdict, 0.5 to below 1.
    undecided
        What becomes of a candidate when the evaluation set shows no difference. ``"near"``: it is promoted
        unless its value is behind the champion's by more than a standard error of the difference, but at least
        one and at most two tolerances; ``"promote"``: it is promoted; ``"keep"``: the champion stays.
    contradiction
        What becomes of a candidate that would be promoted, but not by the rows alone that were held out before:
        the uploads on trial have wrong labels, or the world changed. So too where these rows can say nothing, as
        more than half of them are gone, or the metric is undefined on them. ``"ask"``: a person has to approve
        it, whatever `Retrain` says; ``"promote"``: it is promoted.
    """

    name: str

    def __post_init__(self) -> None:
        known = CLASSIFICATION_METRICS + REGRESSION_METRICS + RANKING_METRICS
        check(self.name in known, "metric.name", self.name, f"one of {', '.join(known)}")
        bound, other = ("maximum", "minimum") if self.lower_is_better else ("minimum", "maximum")
        value = getattr(self, bound)
        check(is_finite_number(value), f"metric.{bound}", value, "a finite number, the worst that may serve")
        check(
            getattr(self, other) is None,
            f"metric.{other}",
            getattr(self, other),
            f"nothing: {self.name} takes {bound}",
        )
        check(
            is_finite_number(self.margin) and (self.margin >= 0 or self.name in RANKING_METRICS),
            "metric.margin",
            self.margin,
            f"a number, 0 or more; of {', '.join(RANKING_METRICS)} also below 0",
        )
        check(
            self.tolerance is None or (is_finite_number(self.tolerance) and self.tolerance >= 0),
            "metric.tolerance",
            self.tolerance,
            "a number, 0 or more, or None",
        )
        confidence = self.confidence
        sure = is_finite_number(confidence) and 0.5 <= confidence < 1  # noqa: PLR2004 - below, a coin is surer
        check(sure, "metric.confidence", confidence, "a probability, 0.5 to below 1")
        asked = self.contradiction
        check(asked in ("ask", "promote"), "metric.contradiction", asked, "ask or promote")
        check(
            self.undecided in UNDECIDED, "metric.undecided", self.undecided, f"one of {', '.join(UNDECIDED)}"
        )

    @property
    def lower_is_better(self) -> bool:
        """Whether the metric is an error."""
        return self.name in LOWER_IS_BETTER

    @property
    def better(self) -> Literal["higher", "lower"]:
        """Direction in which values are better."""
        return "lower" if self.lower_is_better else "higher"

    @property
    def bound(self) -> float:
        """Worst value that may ever serve."""
        bound = self.maximum if self.lower_is_better else self.minimum
        assert bound is not None  # noqa: S101 - checked when it was made
        return bound

    def tolerated(self, champion: float) -> float:
        """Return the loss that does not matter, in units of the metric, against a champion with this value."""
        if not self.lower_is_better:
            return TOLERANCE if self.tolerance is None else self.tolerance
        return (ERROR_TOLERANCE if self.tolerance is None else self.tolerance) * abs(champion)

    @property
    def demanded(self) -> str:
        """Bound in words, e.g. ``"at least 0.9"``."""
        return f"{'at most' if self.lower_is_better else 'at least'} {exact(self.bound)}"


@dataclass(frozen=True, slots=True)
class Threshold:
    """Threshold that a training job chooses for the probability of the last of two classes.

    A row is answered with that class where its probability is at least the threshold.

    Parameters
    ----------
    metric
        Metric that the threshold makes greatest, one of `LABEL_METRICS`.
    """

    metric: str

    def __post_init__(self) -> None:
        check(
            self.metric in LABEL_METRICS,
            "threshold.metric",
            self.metric,
            f"one of {', '.join(LABEL_METRICS)}",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrain:
    """When uploads start a run, and who approves its candidate.

    Parameters
    ----------
    debounce_seconds
        Seconds that a run waits for more uploads after the first, 0 to 86,400.
    approval
        ``"auto"``: a candidate that wins is promoted without a person. ``"manual"``: someone has to approve
        it before it is deployed.
    approval_hours
        Hours that a candidate waits for an approval, 1 to 720; then it is rejected.
    schedule
        Schedule expression of EventBridge Scheduler, in UTC, at which the pending uploads are trained on:
        ``"rate(1 day)"``, ``"cron(0 3 ? * MON *)"``; None for no schedule.
    on_upload
        Whether an accepted upload starts a run. False: uploads wait for the schedule once the model has a
        version that serves.
    """

    debounce_seconds: int = 60
    approval: Literal["auto", "manual"] = "auto"
    approval_hours: int = 72
    schedule: str | None = None
    on_upload: bool = True

    def __post_init__(self) -> None:
        check(
            is_whole(self.debounce_seconds, 0, 86_400),
            "retrain.debounce_seconds",
            self.debounce_seconds,
            "a whole number of seconds, 0 to 86400",
        )
        check(self.approval in ("auto", "manual"), "retrain.approval", self.approval, "auto or manual")
        check(
            is_whole(self.approval_hours, 1, 720),
            "retrain.approval_hours",
            self.approval_hours,
            "a whole number of hours, 1 to 720",
        )
        found = None if self.schedule is None else schedules.problem(self.schedule)
        check(found is None, "retrain.schedule", self.schedule, found or schedules.ALLOWED)
        check(isinstance(self.on_upload, bool), "retrain.on_upload", self.on_upload, "True or False")
        check(
            self.on_upload or self.schedule is not None,
            "retrain.on_upload",
            self.on_upload,
            "True, or a schedule beside it: without either no upload would ever be trained on",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingest:
    """Limits of an upload.

    Parameters
    ----------
    max_bad_row_rate
        Share of rows, 0 to 1, that may break the spec before the whole upload is quarantined.
    max_bytes
        Maximum size of the object, in bytes, as stored in S3; never above `LARGEST_UPLOAD`.
    min_rows
        Minimum number of accepted rows.
    allow_one_class
        Whether all accepted rows may have the same label.
    """

    max_bad_row_rate: float = 0.05
    max_bytes: int = LARGEST_UPLOAD
    min_rows: int = 1
    allow_one_class: bool = False

    def __post_init__(self) -> None:
        rate = self.max_bad_row_rate
        check(is_finite_number(rate) and 0 <= rate <= 1, "ingest.max_bad_row_rate", rate, "a share, 0 to 1")
        for name in ("max_bytes", "min_rows"):
            value = getattr(self, name)
            check(is_whole(value, 1), f"ingest.{name}", value, "a whole number, at least 1")
        check(
            self.max_bytes <= LARGEST_UPLOAD,
            "ingest.max_bytes",
            self.max_bytes,
            f"at most {LARGEST_UPLOAD}: more cannot be checked in the time that ingest has",
        )
        one = self.allow_one_class
        check(isinstance(one, bool), "ingest.allow_one_class", one, "True or False")


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """Resources of a training job, the size of its holdout, and the use of repeated and of old rows.

    Parameters
    ----------
    instance
        SageMaker instance type.
    volume_gb
        Size of the training volume, in GB, at least 1.
    max_runtime_seconds
        Seconds after which SageMaker stops the job, 60 to 432,000.
    holdout
        Share of rows, 0.05 to 0.5, that is held out to measure candidate and champion. A row's side is
        settled when its upload is accepted, so another share holds for later uploads alone.
    duplicates
        Use of a row that equals an earlier one in every column, ids and target included. ``"drop"``: it is
        counted, and neither learnt nor examined again. ``"keep"``: every copy counts, which is right where
        few different rows are possible and their frequency matters. Models with tables have no such rows:
        ``features`` decides what a repeated raw row means.
    blame_fits
        Most further fits of the job, 0 to 64, that find out which new uploads are to blame for a loss; 0: it
        does not look, and a rejected run's new uploads all fail.
    refit
        Whether the recipe is fitted again, on all rows, and that model serves. The model that was fitted on the
        training side alone, its twin, is the one that is judged, and that later candidates are compared with. A
        fit more, and twice the size of the artifact; a candidate that will be rejected is not fitted again.
    check_labels
        Whether the job lists rows whose label contradicts the rest of the data, which takes three more fits of at most 2,000
        rows, or one of a part of more than 20,000 training rows. Of few rows nothing is listed.
    cross_validate
        ``"small"``: where fewer than 1,000 rows are held out, the comparison with the champion is also of the training
        rows that it has not learnt, each answered by a fit without it: ten fits more. Not with ``"latest"``, with a
        `Threshold`, or for a ranking. ``"never"``: the held-out rows alone decide.
    time
        Name of the `DateTime` column, not optional, with the time of a row. It stays a feature, so requests have it
        too. None: rows have no time; those of a model with tables have the moment of their features in any case.
    evaluate
        Rows on which versions are measured. ``"random"``: those that are held out, of any time. ``"latest"``: those of the
        newest ``days``, of which nothing is learnt; rows need a time (`training.data.window`). Where the window has moved
        on by more than half of the champion's rows a person is asked, unless ``Metric(contradiction="promote")``.
    days
        Days of that window, 1 to 36,500, before the newest row; None for ``"random"``.
    keep_days
        Days before a run for which an upload is in snapshots, 1 to 36,500, by its newest row, or by its arrival where its
        rows have no time; None: for ever. With ``"latest"`` more than ``days``.
    half_life_days
        Days after which a row counts half as much in a fit, above 0, at most 36,500; None: all rows count alike. The age
        of a row is that against the newest row that is learnt (`training.fitting.weights`).
    """

    instance: str = "ml.m5.large"
    volume_gb: int = 10
    max_runtime_seconds: int = 3600
    holdout: float = 0.25
    duplicates: Literal["drop", "keep"] = "drop"
    blame_fits: int = 8
    refit: bool = False
    check_labels: bool = True
    cross_validate: Literal["small", "never"] = "small"
    time: str | None = None
    evaluate: Literal["random", "latest"] = "random"
    days: int | None = None
    keep_days: int | None = None
    half_life_days: float | None = None

    def __post_init__(self) -> None:
        check(
            isinstance(self.instance, str) and INSTANCE.fullmatch(self.instance) is not None,
            "training.instance",
            self.instance,
            "a SageMaker instance type such as ml.m5.large",
        )
        volume, seconds, holdout = self.volume_gb, self.max_runtime_seconds, self.holdout
        check(is_whole(volume, 1), "training.volume_gb", volume, "a whole number of GB, at least 1")
        check(
            is_whole(seconds, 60, 432_000),
            "training.max_runtime_seconds",
            seconds,
            "a whole number of seconds, 60 to 432000",
        )
        share = is_finite_number(holdout) and 0.05 <= holdout <= 0.5  # noqa: PLR2004
        check(share, "training.holdout", holdout, "a share, 0.05 to 0.5")
        check(self.duplicates in ("drop", "keep"), "training.duplicates", self.duplicates, "drop or keep")
        fits = self.blame_fits
        check(is_whole(fits, 0, 64), "training.blame_fits", fits, "a whole number of fits, 0 to 64")
        check(isinstance(self.refit, bool), "training.refit", self.refit, "True or False")
        labels = self.check_labels
        check(isinstance(labels, bool), "training.check_labels", labels, "True or False")
        crossed = self.cross_validate
        check(crossed in ("small", "never"), "training.cross_validate", crossed, "small or never")
        self._check_time()

    def _check_time(self) -> None:
        evaluate, days, half, time = self.evaluate, self.days, self.half_life_days, self.time
        named = time is None or (isinstance(time, str) and NAME_PATTERN.fullmatch(time) is not None)
        check(named, "training.time", time, f"None, or the name of a column: {NAME_ALLOWED}")
        check(evaluate in ("random", "latest"), "training.evaluate", evaluate, "random or latest")
        if evaluate == "latest":
            check(
                is_whole(days, 1, MOST_DAYS),
                "training.days",
                days,
                f"a whole number of days, 1 to {MOST_DAYS}",
            )
        else:
            check(days is None, "training.days", days, 'None: only evaluate="latest" has a window')
        keep, least = self.keep_days, 1 if days is None else days + 1
        check(
            keep is None or is_whole(keep, least, MOST_DAYS),
            "training.keep_days",
            keep,
            f"a whole number of days, {least} to {MOST_DAYS}, or None",
        )
        right = half is None or (is_finite_number(half) and 0 < half <= MOST_DAYS)
        check(
            right, "training.half_life_days", half, f"a number of days above 0, at most {MOST_DAYS}, or None"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Range:
    """Default and search range of a hyperparameter."""

    default: float
    minimum: float
    maximum: float
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True, slots=True)
class Hyperparameter(_Range):
    """Numeric argument of `build` that an experiment may tune.

    Parameters
    ----------
    name
        Name of the keyword argument.
    default
        Value that runs train with.
    minimum, maximum
        Inclusive range that an experiment searches.
    scale
        Scale of the search: ``"linear"`` or ``"log"``; a log scale needs a minimum above 0.
    """

    name: str

    def __post_init__(self) -> None:
        key = f"hyperparameters.{self.name}"
        check(
            isinstance(self.name, str)
            and NAME_PATTERN.fullmatch(self.name) is not None
            and self.name not in TOLD + TOLD_OF_MOMENTS
            and not self.name.startswith(SAGEMAKER),
            "hyperparameters.name",
            self.name,
            f"{NAME_ALLOWED}; not {', '.join(TOLD + TOLD_OF_MOMENTS)}, nor one that begins with {SAGEMAKER}: a job is told these itself",
        )
        check(self.scale in ("linear", "log"), f"{key}.scale", self.scale, "linear or log")
        for field in ("default", "minimum", "maximum"):
            value = getattr(self, field)
            check(is_finite_number(value), f"{key}.{field}", value, "a finite number")
        check(
            self.scale == "linear" or self.minimum > 0,
            f"{key}.minimum",
            self.minimum,
            "above 0 on a log scale",
        )
        check(
            self.minimum <= self.default <= self.maximum,
            f"{key}.default",
            self.default,
            f"{self.minimum} to {self.maximum}",
        )
