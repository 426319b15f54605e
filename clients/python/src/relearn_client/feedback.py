"""Answers of the API about ground truth that was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from relearn_client.shapes import Json, pick


@dataclass(frozen=True, slots=True)
class FeedbackResult:
    """The result for one ground truth.

    Parameters
    ----------
    prediction
        Id of its prediction.
    state
        ``"accepted"``; ``"duplicate"``: the same value is stored already; ``"conflict"``: another value is
        stored, and stays; ``"unknown"``: there is no such prediction, or not yet; ``"late"``: the prediction
        is too old.
    detail
        Description in words.
    """

    prediction: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """The results for all ground truths that were sent.

    Parameters
    ----------
    model
        Name of the model.
    results
        One for each ground truth, in their order.
    """

    model: str
    results: tuple[FeedbackResult, ...]

    @classmethod
    def read(cls, data: Json) -> Feedback:
        """Construct from the API's JSON."""
        return cls(data["model"], tuple(pick(FeedbackResult, one) for one in data["results"]))

    @classmethod
    def joined(cls, model: str, answers: Iterable[Feedback]) -> Feedback:
        """Combine the answers to several calls."""
        return cls(model, tuple(one for answer in answers for one in answer.results))

    @property
    def counts(self) -> Mapping[str, int]:
        """State → number of ground truths with it."""
        return dict(Counter(one.state for one in self.results))
