"""List rows whose label contradicts the rest of the data; nothing is dropped for it.

The recipe is fitted in folds of a sample of the training rows, so that each row is answered by a fit that has not
learnt it; held-out rows are answered by the candidate itself. Of many rows one fit of a sample of the data that served before answers a
sample of the others, and the candidate a sample of those held out. Of few rows nothing is listed: of 20 training rows
of each class, ``bench/blame.py`` finds more than a quarter in the list although no label is wrong.

For a classification this is confident learning, pruned by noise rate (Northcutt, Jiang and Chuang, "Confident Learning:
Estimating Uncertainty in Dataset Labels", Journal of Artificial Intelligence Research 70, 2021): a class is likely for a
row when its probability is at least the mean probability of the class over the rows labelled with it. The rows of each label whose
most probable likely class is another one say how many of that label are wrong, and so many are listed, those first that the
other class leads most. For a regression a row is listed
when its error is more than `FAR` robust standard deviations (1.4826 times the median absolute deviation) from the median error.

The package cleanlab implements the method (its licence was the AGPL up to version 2.7, and is the Apache License in 2.9). What is needed of it
here are a few lines of numpy, which are not worth a further package in the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from relearn.spec.model import ModelSpec
from scoring.encode import Array
from scoring.scorer import Scores
from training.data.dataset import Dataset, Table
from training.fitting import lighter
from training.fitting.tabular import numbers, part
from training.fitting.tasks import Answers

FOLDS = 3
SAMPLE = 2_000
"""Training rows that are divided into folds at most."""
ANSWERED = 5_000
"""Training rows that are answered at most of many, and held-out rows; the others are not checked."""
FEWEST_ROWS = 30
"""Training rows of a class, on average, below which nothing is listed; of a regression, training rows."""
FAR = 6.0
"""Robust standard deviations beyond which an error of a regression is listed: 1 of 500 million normal errors."""
MOST_LISTED = 50
PRIVATE = "(private)"
"""What stands for the values of a private target."""
Fit = Callable[[Array, Table], Answers | None]
"""Fits the recipe on the training rows of a mask, and answers the rows of a table; None where it cannot be fitted."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Row whose label contradicts the rest of the data.

    Parameters
    ----------
    upload, row
        Id of its upload, and its number among the accepted rows of that, from 1.
    line
        Line of the uploaded file that it begins on, from 1; None where its shard does not have it.
    given, expected
        Its label or value, and what the other rows tell; `PRIVATE` where the target is private.
    confidence
        Probability of ``expected``; for a regression the error in robust standard deviations.
    """

    upload: str
    row: int
    line: int | None
    given: str | float
    expected: str | float
    confidence: float


@dataclass(frozen=True, slots=True)
class Labels:
    """Result of checking labels.

    Parameters
    ----------
    suspects
        Worst first, at most `MOST_LISTED`.
    count
        Number of all suspects.
    checked, rows
        Number of rows that were checked, and of all.
    """

    suspects: tuple[Suspect, ...]
    count: int
    checked: int
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready data."""
        return asdict(self)


def check(
    spec: ModelSpec, dataset: Dataset, fit: Fit, candidate: Answers, on_trial: Sequence[str] = ()
) -> Labels | None:
    """Check the labels of a classification or a regression.

    None where rows have no upload, are too few, or no fit succeeds.

    Parameters
    ----------
    spec
        Spec of the model.
    dataset
        Rows with their uploads.
    fit
        Fits the recipe.
    candidate
        Answers of the candidate to the evaluation set.
    on_trial
        Ids of the new uploads, or their first characters.
    """
    train, rows = dataset.train, len(dataset.train)
    if dataset.train_upload is None or dataset.train_row is None:
        return None
    if dataset.holdout_upload is None or dataset.holdout_row is None:
        return None
    if rows < FEWEST_ROWS * max(1, len(spec.classes)):
        return None
    generator = np.random.default_rng(0)
    held = np.arange(len(dataset.holdout))
    if len(held) > ANSWERED:
        held = np.sort(generator.choice(held, ANSWERED, replace=False))
    in_train = (dataset.train_upload, dataset.train_row, dataset.train_line)
    in_holdout = (dataset.holdout_upload, dataset.holdout_row, dataset.holdout_line)
    places, found = [_places(*in_holdout, held)], [part(candidate, held)]
    for learnt, asked in _divided(rows, np.isin(dataset.train_upload, dataset.places(on_trial)), generator):
        if (answers := fit(learnt, train.where(asked))) is not None:
            places.append(_places(*in_train, asked))
            found.append(answers)
    if len(found) == 1:
        return None
    by_kind = _classified if spec.kind == "classification" else _measured
    listed = by_kind(np.concatenate(places), found, dataset)
    if spec.target.private:
        shown = (replace(one, given=PRIVATE, expected=PRIVATE) for one in listed.suspects)
        return replace(listed, suspects=tuple(shown))
    return listed


def _divided(rows: int, new: Array, generator: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """Return the rows that each fit learns, as a mask, and those that it answers, as indices; ``new`` are those of new uploads."""
    if rows > lighter.MANY_ROWS:
        sample = lighter.sample(rows)
        before = sample & ~new
        learnt = before if before.sum() >= sample.sum() / 2 else sample
        others = np.flatnonzero(~learnt)
        yield learnt, generator.choice(others, min(len(others), ANSWERED), replace=False)
        return
    order = generator.permutation(rows)
    sample, folds = order[:SAMPLE], np.arange(rows) % FOLDS
    for fold in range(FOLDS):
        learnt = np.zeros(rows, dtype=bool)
        learnt[sample[folds[: len(sample)] != fold]] = True
        yield learnt, order[folds == fold]


def _places(uploads: Array, numbers: Array, lines: Array | None, rows: Array) -> Array:
    """Return the (upload, row, line) of some rows, given by their indices; line 0 where it is not known."""
    line = np.zeros(len(rows), dtype=np.int64) if lines is None else lines[rows]
    return np.stack([uploads[rows], numbers[rows], line], axis=1)


def _classified(places: Array, found: list[Answers], dataset: Dataset) -> Labels:
    """Return the suspects of a classification, given answers and the (upload, row, line) of each answered row."""
    classes = np.array(found[0].classes)
    truth = np.concatenate([one.evaluation_set.target for one in found])
    chances = np.concatenate([_chances(one.scores, one.classes, classes) for one in found])
    given = numbers(truth, found[0].classes)
    counts = np.bincount(given, minlength=len(classes))
    own = chances[np.arange(len(given)), given]
    least = np.bincount(given, own, minlength=len(classes)) / np.maximum(counts, 1)
    likely = np.where((chances >= least) & (counts > 0), chances, 0.0)
    sure = likely.max(axis=1) > 0
    joint = np.zeros((len(classes), len(classes)))
    np.add.at(joint, (given[sure], likely.argmax(axis=1)[sure]), 1)
    joint *= (counts / np.maximum(joint.sum(axis=1), 1))[:, None]
    chosen = np.full(len(given), -1)
    for label, other in zip(*np.nonzero(joint.round()), strict=True):
        if label == other:
            continue
        rows = np.flatnonzero(given == label)
        lead = chances[rows, other] - own[rows]
        worst = np.argsort(-lead, kind="stable")[: int(joint[label, other].round())]
        chosen[rows[worst[lead[worst] > 0]]] = other
    suspect = np.flatnonzero(chosen >= 0)
    expected = np.where(chosen >= 0, chances.argmax(axis=1), given)
    lead = chances[np.arange(len(given)), expected] - own
    listed = suspect[np.argsort(-lead[suspect], kind="stable")]
    told = (classes[given], classes[expected], chances[np.arange(len(given)), expected])
    return _labels(places, listed, dataset, told)


def _chances(scores: Scores, order: tuple[str, ...], classes: Array) -> Array:
    """Return probabilities in the order of ``classes``."""
    if scores.probabilities is None:
        raise ValueError("a classification answers probabilities")
    return np.asarray(scores.probabilities)[:, [order.index(name) for name in classes]]


def _measured(places: Array, found: list[Answers], dataset: Dataset) -> Labels:
    truth = np.concatenate([one.evaluation_set.target for one in found])
    expected = np.concatenate([np.asarray(one.scores.predictions, np.float64) for one in found])
    errors = truth - expected
    apart = np.abs(errors - np.median(errors))
    spread = max(1.4826 * float(np.median(apart)), float(np.finfo(np.float64).tiny))
    suspect = np.flatnonzero(apart > FAR * spread)
    listed = suspect[np.argsort(-apart[suspect], kind="stable")]
    return _labels(places, listed, dataset, (truth, expected, apart / spread))


def _labels(places: Array, listed: Array, dataset: Dataset, told: tuple[Array, Array, Array]) -> Labels:
    """Return the rows that are listed, given what is told of every row: label, expected label and confidence."""
    given, expected, confidence = told
    suspects = tuple(
        Suspect(
            dataset.uploads[places[row, 0]],
            int(places[row, 1]),
            int(places[row, 2]) or None,
            given[row].item(),
            expected[row].item(),
            float(confidence[row]),
        )
        for row in listed[:MOST_LISTED]
    )
    rows = len(dataset.train) + len(dataset.holdout)
    return Labels(suspects, len(listed), len(places), rows)
