"""Answers of the API as frozen dataclasses; fields that this version does not know are dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar

from relearn_client.errors import FieldError

T = TypeVar("T")
Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Threshold:
    """Least probability of one of two classes at which it is predicted.

    Parameters
    ----------
    label
        The class.
    probability
        The threshold.
    """

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class BareClassification:
    """A predicted class with the probability of each class, without an id.

    Parameters
    ----------
    label
        The most likely class; the one that ``threshold`` says where there is one.
    probabilities
        Class → probability; they sum to 1.
    threshold
        Threshold of the version that answered; None where it has none.
    """

    label: str
    probabilities: Mapping[str, float]
    threshold: Threshold | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Classification(BareClassification):
    """A predicted class with the probability of each class.

    Parameters
    ----------
    id
        Id of the prediction, for `feedback`.
    """

    id: str


@dataclass(frozen=True, slots=True)
class BareRegression:
    """A predicted number, without an id.

    Parameters
    ----------
    value
        The number, in the unit of the model's target.
    """

    value: float


@dataclass(frozen=True, slots=True)
class Regression(BareRegression):
    """A predicted number.

    Parameters
    ----------
    id
        Id of the prediction, for `feedback`.
    """

    id: str


@dataclass(frozen=True, slots=True)
class RankedItem:
    """One item of a ranking.

    Parameters
    ----------
    item
        Name of the item.
    score
        Larger is better; comparable only within one ranking.
    """

    item: str
    score: float


@dataclass(frozen=True, slots=True)
class BareRanking:
    """The best few items, best first, without an id.

    Parameters
    ----------
    items
        Distinct items; may be fewer than the model's maximum, also none.
    basis
        How they were chosen: by similarity to the named item, by the entity's history, or by popularity.
    """

    items: tuple[RankedItem, ...]
    basis: Literal["similar", "history", "popularity"]


@dataclass(frozen=True, slots=True)
class Ranking(BareRanking):
    """The best few items, best first.

    Parameters
    ----------
    id
        Id of the prediction, for `feedback`.
    """

    id: str


Prediction: TypeAlias = Classification | Regression | Ranking
BarePrediction: TypeAlias = BareClassification | BareRegression | BareRanking


@dataclass(frozen=True, slots=True)
class FailedLine:
    """A line of a batch's file that has no prediction.

    Parameters
    ----------
    line
        Line number in the file, from 1.
    errors
        Reasons, each with a JSON pointer (RFC 6901) within the line, which may be empty.
    """

    line: int
    errors: tuple[FieldError, ...]


BatchLine: TypeAlias = Prediction | BarePrediction | FailedLine
"""One line of a batch's result; older stages return predictions without an id."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The answer to `predict`.

    Parameters
    ----------
    model
        Name of the model.
    version
        Version that answered.
    predictions
        One for each instance, in their order.
    """

    model: str
    version: int
    predictions: tuple[Prediction, ...]

    @classmethod
    def read(cls, data: Json) -> Predictions:
        """Construct from the API's JSON."""
        return cls(data["model"], data["version"], tuple(map(_prediction, data["predictions"])))

    @property
    def ids(self) -> list[str]:
        """Ids of the predictions."""
        return [one.id for one in self.predictions]

    @property
    def labels(self) -> list[str]:
        """Classes of a classification; empty for other models."""
        return [one.label for one in self.predictions if isinstance(one, Classification)]

    @property
    def values(self) -> list[float]:
        """Numbers of a regression; empty for other models."""
        return [one.value for one in self.predictions if isinstance(one, Regression)]

    @property
    def items(self) -> list[list[str]]:
        """Names of the items of each ranking, best first; empty for other models."""
        return [[one.item for one in each.items] for each in self.predictions if isinstance(each, Ranking)]


@dataclass(frozen=True, slots=True)
class ModelBrief:
    """A model as listed.

    Parameters
    ----------
    name, title
        Its name in paths, and in words.
    kind
        Kind of prediction.
    state
        ``"live"`` when a version serves.
    version
        Version that serves; None when none does.
    metric
        ``name`` of the metric that decides between candidate and champion, and which value is ``better``:
        ``"higher"`` or ``"lower"``. None for an older stage.
    """

    name: str
    title: str
    kind: Literal["classification", "regression", "ranking"]
    state: Literal["live", "waiting"]
    version: int | None
    metric: Mapping[str, str] | None

    @classmethod
    def read(cls, data: Json) -> ModelBrief:
        """Construct from the API's JSON."""
        return pick(cls, {"metric": None, **data})  # older stages do not return it


@dataclass(frozen=True, slots=True)
class Model(ModelBrief):
    """A model with all details.

    Parameters
    ----------
    metrics
        Metrics of the version that serves, on its holdout.
    waiting_for
        What must happen before a version serves; None when one does.
    request_schema
        JSON Schema of the body of a prediction request.
    sample
        An example of such a body.
    target
        Name and JSON Schema of the predicted value.
    lookup
        Set when an instance may name an entity and omit the features: the ``column`` of its id, the number of
        known ``entities``, and ``as_of``, the time of their features; else None.
    """

    metrics: Mapping[str, float]
    waiting_for: str | None
    request_schema: Mapping[str, Json]
    sample: Mapping[str, list[dict[str, Json]]]
    target: Mapping[str, Json]
    lookup: Mapping[str, Json] | None = None

    @classmethod
    def read(cls, data: Json) -> Model:
        """Construct from the API's JSON."""
        return pick(cls, {"metric": None, "lookup": None, **data})  # older stages do not return them


@dataclass(frozen=True, slots=True)
class Step:
    """A state that a run, a batch or an upload has reached.

    Parameters
    ----------
    state
        The state.
    at
        Time at which it was reached.
    """

    state: str
    at: datetime


def pick(cls: type[T], data: Mapping[str, Json]) -> T:
    """Construct a dataclass from those entries of a mapping that are its fields."""
    return cls(**{name: data[name] for name in _names(cls)})


def moment(text: str | None) -> datetime | None:
    """Parse a time in ISO 8601; None stays None."""
    return None if text is None else datetime.fromisoformat(text)


def steps(data: Mapping[str, Json]) -> tuple[Step, ...]:
    """Construct the states that something has reached, in order."""
    return tuple(Step(one["state"], datetime.fromisoformat(one["at"])) for one in data["states"])


def _names(cls: Any) -> Iterable[str]:
    return (one.name for one in fields(cls))


def read_line(data: Mapping[str, Json]) -> BatchLine:
    """Construct a line of a batch's result from its JSON."""
    if "errors" in data:
        return FailedLine(data["line"], tuple(FieldError(e["pointer"], e["detail"]) for e in data["errors"]))
    if "id" in data:
        return _prediction(data)
    if "items" in data:
        return pick(BareRanking, _with_items(data))
    return pick(BareClassification, _with_threshold(data)) if "label" in data else pick(BareRegression, data)


def _prediction(data: Mapping[str, Json]) -> Prediction:
    if "items" in data:
        return pick(Ranking, _with_items(data))
    return pick(Classification, _with_threshold(data)) if "label" in data else pick(Regression, data)


def _with_threshold(data: Mapping[str, Json]) -> Mapping[str, Json]:
    told = data.get("threshold")
    return {**data, "threshold": None if told is None else pick(Threshold, told)}


def _with_items(data: Mapping[str, Json]) -> Mapping[str, Json]:
    return {**data, "items": tuple(pick(RankedItem, one) for one in data["items"])}
