"""What became of truths that were sent, as frozen dataclasses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from relearn_client.shapes import Json, pick


@dataclass(frozen=True, slots=True)
class FeedbackResult:
    """What became of one truth.

    Parameters
    ----------
    prediction
        Id of the prediction it is about.
    state
        ``"accepted"``; ``"duplicate"``: it was known; ``"conflict"``: another was given before, which stands;
        ``"unknown"``: there is no such prediction, or not yet; ``"late"``: the prediction is too old.
    detail
        In words.
    """

    prediction: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of all truths that were sent.

    Parameters
    ----------
    model
        Whose predictions they are about.
    results
        One for each truth, in their order.
    """

    model: str
    results: tuple[FeedbackResult, ...]

    @classmethod
    def read(cls, data: Json) -> Feedback:
        """Read the API's JSON."""
        return cls(data["model"], tuple(pick(FeedbackResult, one) for one in data["results"]))

    @classmethod
    def joined(cls, model: str, answers: Iterable[Feedback]) -> Feedback:
        """Make one of the answers to several calls."""
        return cls(model, tuple(one for answer in answers for one in answer.results))

    @property
    def counts(self) -> Mapping[str, int]:
        """State → how many truths ended so."""
        return dict(Counter(one.state for one in self.results))
