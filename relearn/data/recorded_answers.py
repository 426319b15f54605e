"""Comparison of an endpoint's answers with those recorded in training.

Both come from one ONNX graph, but from two machines whose arithmetic differs in the last digits of a float32.
So numbers may differ by a thousandth, and where two labels or items are that close, either is accepted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOLERANCE = 1e-3
"""Absolute tolerance of probabilities; for other numbers, relative to the largest of all answers."""
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """One instance, and the prediction that the training job made for it.

    ``twin`` is the prediction of the model that was judged, where another one serves; else None.
    """

    instance: Mapping[str, Any]
    prediction: Answer
    twin: Answer | None = None

    @classmethod
    def parse_lines(cls, lines: Iterable[bytes]) -> list[RecordedAnswer]:
        """Parse the file of a training job: one instance with its prediction per line."""
        return [cls(**json.loads(line)) for line in lines]


def difference(recorded: Sequence[Answer], given: Sequence[Answer]) -> str | None:
    """Describe how answers differ from the recorded ones; None when they agree.

    Parameters
    ----------
    recorded, given
        Predictions for the same instances, in the same order.
    """
    scale = max((abs(figure) for answer in recorded for figure in _figures(answer)), default=0.0)
    pairs = list(zip(recorded, given, strict=True))
    wrong = [pair for pair in pairs if not _same(*pair, scale)]
    if not wrong:
        return None
    was, now = (_words(answer) for answer in wrong[0])
    return f"{len(wrong)} of {len(pairs)} answers are not those of the model that was judged: {now}, and it gave {was}"


def _same(was: Answer, now: Answer, scale: float) -> bool:
    if was.keys() != now.keys():
        return False
    if "value" in was:
        return _close(was["value"], now["value"], scale)
    if "label" in was:
        first, second = was["probabilities"], now["probabilities"]
        if first.keys() != second.keys() or not all(
            _close(first[label], second[label], 1.0) for label in first
        ):
            return False
        return _has_its_label(was, now)
    if was["basis"] != now["basis"] or len(was["items"]) != len(now["items"]):
        return False
    return all(
        _close(one["score"], other["score"], scale)
        for one, other in zip(was["items"], now["items"], strict=True)
    ) and all(_has_its_place(at, was["items"], other["item"], scale) for at, other in enumerate(now["items"]))


def _has_its_label(was: Answer, now: Answer) -> bool:
    """Return whether the recorded label is answered, or one that is as probable or as near the same threshold."""
    chances, threshold = was["probabilities"], was.get("threshold")
    if threshold != now.get("threshold"):
        return False
    if was["label"] == now["label"]:
        return True
    if threshold is not None:
        return _close(chances.get(threshold["label"], -1.0), threshold["probability"], 1.0)
    return _close(chances[was["label"]], chances.get(now["label"], -1.0), 2.0)


def _has_its_place(at: int, items: Sequence[Mapping[str, Any]], item: str, scale: float) -> bool:
    """Return whether the recorded item at this place is ``item``, or has nearly its score."""
    here = items[at]
    if here["item"] == item:
        return True
    score = next((one["score"] for one in items if one["item"] == item), items[-1]["score"])
    return _close(here["score"], score, scale)


def _close(first: float, second: float, scale: float) -> bool:
    return math.isclose(first, second, rel_tol=0.0, abs_tol=TOLERANCE * scale)


def _figures(answer: Answer) -> list[float]:
    if "value" in answer:
        return [answer["value"]]
    return [one["score"] for one in answer.get("items", ())]


def _words(answer: Answer) -> str:
    if "value" in answer:
        return f"{answer['value']:.6g}"
    if "label" in answer:
        return f"{answer['label']} ({answer['probabilities'].get(answer['label'], math.nan):.4f})"
    return ", ".join(str(one["item"]) for one in answer["items"])
