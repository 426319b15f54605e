"""What the API answers, as frozen dataclasses. Fields that this version does not know are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar

from relearn_client.errors import FieldError

T = TypeVar("T")
Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class BareClassification:
    """A class, and how likely each class is; as a batch gives it.

    Parameters
    ----------
    label
        The most likely class.
    probabilities
        Class → probability; they sum to 1.
    """

    label: str
    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Classification(BareClassification):
    """A class, and how likely each class is; as an answer gives it.

    Parameters
    ----------
    id
        Names this prediction, so that `feedback` can say what proved true.
    """

    id: str


@dataclass(frozen=True, slots=True)
class BareRegression:
    """A number; as a batch gives it.

    Parameters
    ----------
    value
        In the unit of the model's target.
    """

    value: float


@dataclass(frozen=True, slots=True)
class Regression(BareRegression):
    """A number; as an answer gives it.

    Parameters
    ----------
    id
        Names this prediction, so that `feedback` can say what proved true.
    """

    id: str


@dataclass(frozen=True, slots=True)
class RankedItem:
    """One item of a ranking.

    Parameters
    ----------
    item
        Its name.
    score
        Larger is better; comparable within one ranking alone.
    """

    item: str
    score: float


@dataclass(frozen=True, slots=True)
class BareRanking:
    """The best few items, best first; as a batch gives it.

    Parameters
    ----------
    items
        None twice; may be fewer than the model gives at most.
    basis
        What they were chosen by: likeness to the item that was named, what was met before, or what most
        others met.
    """

    items: tuple[RankedItem, ...]
    basis: Literal["similar", "history", "popularity"]


@dataclass(frozen=True, slots=True)
class Ranking(BareRanking):
    """The best few items, best first; as an answer gives it.

    Parameters
    ----------
    id
        Names this prediction, so that `feedback` can say what proved true.
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
        Its number in the file, from 1.
    errors
        Why; each with a JSON pointer (RFC 6901) within the line, which may be empty.
    """

    line: int
    errors: tuple[FieldError, ...]


BatchLine: TypeAlias = Prediction | BarePrediction | FailedLine
"""What a batch's result has for a line; those of stages that gave no ids are bare."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The answer to `predict`.

    Parameters
    ----------
    model
        Who was asked.
    version
        Which version answered.
    predictions
        One for each instance, in their order.
    """

    model: str
    version: int
    predictions: tuple[Prediction, ...]

    @classmethod
    def read(cls, data: Json) -> Predictions:
        """Read the API's JSON."""
        return cls(data["model"], data["version"], tuple(map(_prediction, data["predictions"])))

    @property
    def ids(self) -> list[str]:
        """What names each prediction."""
        return [one.id for one in self.predictions]

    @property
    def labels(self) -> list[str]:
        """The classes, for a classification; empty for a regression."""
        return [one.label for one in self.predictions if isinstance(one, Classification)]

    @property
    def values(self) -> list[float]:
        """The numbers, for a regression; empty for a classification."""
        return [one.value for one in self.predictions if isinstance(one, Regression)]

    @property
    def items(self) -> list[list[str]]:
        """The names of the items, best first, for a ranking; empty for other models."""
        return [[one.item for one in each.items] for each in self.predictions if isinstance(each, Ranking)]


@dataclass(frozen=True, slots=True)
class ModelBrief:
    """A model in the list.

    Parameters
    ----------
    name, title
        Its name in paths, and in words.
    kind
        What it predicts.
    state
        Whether a version serves.
    version
        Which; None when none does.
    metric
        What decides between candidate and champion: its ``name``, and which of two values is ``better``, ``"higher"`` or
        ``"lower"``; None of a stage that does not tell it.
    """

    name: str
    title: str
    kind: Literal["classification", "regression", "ranking"]
    state: Literal["live", "waiting"]
    version: int | None
    metric: Mapping[str, str] | None

    @classmethod
    def read(cls, data: Json) -> ModelBrief:
        """Read the API's JSON."""
        return pick(cls, {"metric": None, **data})  # an older stage tells nothing of it


@dataclass(frozen=True, slots=True)
class Model(ModelBrief):
    """All about a model.

    Parameters
    ----------
    metrics
        Of the version that serves, on its holdout.
    waiting_for
        What has to happen before a version serves; None when one does.
    request_schema
        JSON Schema of the body of a prediction request.
    sample
        Such a body.
    target
        Name and JSON Schema of what is predicted.
    lookup
        When an instance may name an entity and leave the rest out: ``column`` that names it, how many
        ``entities`` are known, and ``as_of`` when; else None.
    """

    metrics: Mapping[str, float]
    waiting_for: str | None
    request_schema: Mapping[str, Json]
    sample: Mapping[str, list[dict[str, Json]]]
    target: Mapping[str, Json]
    lookup: Mapping[str, Json] | None = None

    @classmethod
    def read(cls, data: Json) -> Model:
        """Read the API's JSON."""
        return pick(cls, {"metric": None, "lookup": None, **data})  # an older stage tells nothing of it


@dataclass(frozen=True, slots=True)
class Step:
    """A state that a run, a batch or an upload reached.

    Parameters
    ----------
    state
        State that was reached.
    at
        When.
    """

    state: str
    at: datetime


def pick(cls: type[T], data: Mapping[str, Json]) -> T:
    """Make a dataclass of the fields that it has."""
    return cls(**{name: data[name] for name in _names(cls)})


def moment(text: str | None) -> datetime | None:
    """Read a time (ISO 8601)."""
    return None if text is None else datetime.fromisoformat(text)


def steps(data: Mapping[str, Json]) -> tuple[Step, ...]:
    """Read the states that something reached."""
    return tuple(Step(one["state"], datetime.fromisoformat(one["at"])) for one in data["states"])


def _names(cls: Any) -> Iterable[str]:
    return (one.name for one in fields(cls))


def read_line(data: Mapping[str, Json]) -> BatchLine:
    """Read a line of a batch's result."""
    if "errors" in data:
        return FailedLine(data["line"], tuple(FieldError(e["pointer"], e["detail"]) for e in data["errors"]))
    if "id" in data:
        return _prediction(data)
    if "items" in data:
        return pick(BareRanking, _with_items(data))
    return pick(BareClassification, data) if "label" in data else pick(BareRegression, data)


def _prediction(data: Mapping[str, Json]) -> Prediction:
    if "items" in data:
        return pick(Ranking, _with_items(data))
    return pick(Classification, data) if "label" in data else pick(Regression, data)


def _with_items(data: Mapping[str, Json]) -> Mapping[str, Json]:
    return {**data, "items": tuple(pick(RankedItem, one) for one in data["items"])}
