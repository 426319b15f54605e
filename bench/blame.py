"""How surely the upload to blame for a loss is found, with real fits on simulated uploads.

Old data and five uploads of one distribution, one or two of them bad in one of several ways: labels swapped in a
circle, random labels, features in another unit, columns in another order; for a regression the target in
another unit, or random. Recipes are linear and of trees. Where the real judge
(`relearn.lifecycle.promotion`) rejects the candidate for a sure loss or asks a person, the real search
(`training.fitting.blame`) looks for the uploads to blame.

Then labels of 5, 10 and 20 % of the rows are changed to another class, and the real list of contradicting labels
(`training.fitting.labels`) is compared with them.

The last line is one JSON object: ``blamed_right`` (share of searches that blame exactly the one bad upload
among five), ``blamed_two`` (the same with two bad ones), ``left_out_two`` (the same if each upload was left out in
turn instead), ``blamed_innocent`` (share of searches among good uploads alone that blame any), ``searches`` (their number with one
bad upload), ``blamed_many`` (share of the searches with one or no bad upload among five of 100,000 rows that blame exactly it or none),
``extra_share_linear``, ``extra_share_forest`` and ``extra_share_boosting`` (CPU time of the evaluation set, the list of labels and the costlier of these
searches, as a share of that of the one fit of 100,000 rows), ``label_precision_5``, ``label_recall_5``, ``label_precision_10``,
``label_recall_10``, ``label_precision_20`` and ``label_recall_20`` (means over the recipes), the same of 100,000 rows with 5 % wrong labels
(``label_precision_many``, ``label_recall_many``), and ``listed_of_few`` (share of rows in the list of 20 training rows of each class, without any wrong
label).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the shares are of CPU time

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench import arguments
from relearn.lifecycle.promotion import decide
from relearn.spec.model import Category, Metric, ModelSpec, Number
from scoring.scorer import Scores
from training.data.dataset import Dataset, Table
from training.fitting import blame, labels, tabular
from training.fitting.fit import Code, frame
from training.fitting.tasks import Answers
from training.job.small_fits import SmallFits

FEATURES = ("a", "b", "c", "d", "e", "f")
CLASSES = ("blue", "green", "red")
T = TypeVar("T")
REPEATS, LONG = 7, 2.0
"""Most times that a call is timed, and CPU seconds of all of them after which it is not repeated."""
FITS = 8
HOLDOUT = 4
"""One row in so many is held out."""
BAD = {
    "classification": ("swapped labels", "random labels", "another unit", "columns moved"),
    "regression": ("another target unit", "random target", "another unit", "columns moved"),
}
"""Kind of model to the ways in which an upload is bad."""
SPECS = {
    kind: ModelSpec(
        name="bench",
        title="Bench",
        columns=tuple(map(Number, FEATURES)),
        target=target,
        metric=metric,
    )
    for kind, target, metric in (
        ("classification", Category("y", values=CLASSES), Metric("f1_macro", minimum=0.1)),
        ("regression", Number("y"), Metric("mae", maximum=1e6)),
    )
}
RECIPES: dict[str, dict[str, Callable[[], Any]]] = {
    "classification": {
        "linear": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        "forest": lambda: RandomForestClassifier(30, random_state=0),
        "boosting": lambda: HistGradientBoostingClassifier(max_iter=30, random_state=0),
    },
    "regression": {
        "linear": lambda: make_pipeline(StandardScaler(), Ridge()),
        "boosting": lambda: HistGradientBoostingRegressor(max_iter=30, random_state=0),
    },
}


TIMED: dict[str, Callable[[], Any]] = {
    "linear": RECIPES["classification"]["linear"],
    "forest": lambda: RandomForestClassifier(100, random_state=0),
    "boosting": lambda: HistGradientBoostingClassifier(max_iter=100, random_state=0),
}
"""Recipes whose time is measured."""


@dataclass(frozen=True)
class Size:
    """Size: seeds, rows of the old data and shares of bad uploads, rows and sets of the timed fits, ways to be bad, draws of few rows."""

    seeds: int = 1
    old: tuple[int, ...] = (200, 800, 2_500)
    times: tuple[float, ...] = (1.0, 3.0)
    rows: int = 100_000
    sets: int = 2
    ways: int = 4
    draws: int = 10


SMALL = Size(seeds=1, old=(200,), times=(3.0,), rows=600, sets=1, ways=1, draws=1)


def main() -> int:
    """Run the measurements; print tables, then the figures as JSON. Return 1 when an aim is missed."""
    small = arguments.read(__doc__).small
    labels.MOST_LISTED = sys.maxsize  # all of them are compared with the truth
    if small:
        for recipes in (*RECIPES.values(), TIMED):
            recipes.update({name: partial(of_few_trees, recipe) for name, recipe in recipes.items()})
    figures = measured(SMALL if small else Size())
    print(json.dumps(figures))
    return 0 if small else int(figures["blamed_right"] < 0.95)


def of_few_trees(recipe: Callable[[], Any]) -> Any:
    """Return an estimator of a recipe, with three trees or rounds where it has any."""
    estimator = recipe()
    few = {name: 3 for name in ("n_estimators", "max_iter") if name in estimator.get_params(deep=False)}
    return estimator.set_params(**few)


def measured(size: Size) -> dict[str, float]:
    """Print and return the figures."""
    one = [found for kind in BAD for found in searched(kind, size, (2,))]
    two = [found for kind in BAD for found in searched(kind, size, (1, 3))]
    none = innocent(size)
    return {
        "blamed_right": share([found.right for found in one]),
        "blamed_two": share([found.right for found in two]),
        "left_out_two": share([found.left_out for found in two]),
        "blamed_innocent": share(none),
        "searches": len(one),
        **of_many(size.rows, size.sets),
        **listed(size),
    }


@dataclass(frozen=True)
class Found:
    """Whether a search blamed exactly the bad uploads, and whether leaving each out in turn would have."""

    right: bool
    left_out: bool


def searched(kind: str, size: Size, bad: tuple[int, ...]) -> list[Found]:
    """Search in every case that the judge refuses; print and return the results."""
    every: list[Found] = []
    for how in BAD[kind][: size.ways]:
        for name, recipe in RECIPES[kind].items():
            found = []
            for seed in range(size.seeds):
                for old in size.old:
                    for times in size.times:
                        generator = np.random.default_rng([seed, old, int(10 * times), len(bad)])
                        rows = [int(old * (times if at in bad else 0.5)) for at in range(5)]
                        data = dataset(generator, kind, old, rows, dict.fromkeys(bad, how))
                        if (one := case(kind, data, recipe, bad)) is not None:
                            found.append(one)
            every += found
            right, left = (
                f"{share([getattr(one, key) for one in found]):4.0%}" for key in ("right", "left_out")
            )
            print(
                f"{kind:<15} {how:<20} {name:<9} {len(bad)} bad of 5: refused {len(found):>3}, "
                f"blamed rightly {right}, by leaving out {left}",
                flush=True,
            )
    return every


def case(kind: str, data: Dataset, recipe: Callable[[], Any], bad: Sequence[int]) -> Found | None:
    """Judge a candidate of all data; search if it is refused for a sure loss or a person is asked, else None."""
    spec, made_fits = SPECS[kind], fits(SPECS[kind], data, recipe)
    fit = made_fits.answer
    old = np.asarray(data.train_upload) == 0
    masks = (old, np.ones(len(data.train), dtype=bool))
    champion, candidate = (made(made_fits.probabilities(rows, data.holdout)) for rows in masks)
    compared = made(tabular.compare(spec, candidate, champion))
    parts = tabular.compare_parts(spec, candidate, champion, np.asarray(data.holdout_upload) > 0)
    compared = replace(compared, known=parts["known"], new=parts["new"], fall=parts["fall"])
    values = (
        {
            spec.metric.name: tabular.evaluate(spec, data.holdout, one.scores, one.classes)["metrics"][
                spec.metric.name
            ]
        }
        for one in (candidate, champion)
    )
    decision = decide(next(values), next(values), spec.metric, None, compared)
    if not decision.asks and (decision.verdict == "promote" or decision.keeps):
        return None
    names = {f"new{at}" for at in bad}
    several = len(bad) > 1  # one bad upload hides behind no other
    is_better = decision.verdict == "reject"
    return Found(
        blamed(spec, data, fit, champion, is_better=is_better) == names,
        several and left_out(spec, data, fit, candidate) == names,
    )


def blamed(
    spec: ModelSpec, data: Dataset, fit: blame.Fit, champion: Answers, *, is_better: bool = True
) -> set[str]:
    """Return the uploads that the search blames."""
    limits = blame.Limits(FITS, 1e9, time.monotonic)
    known = blame.Champion(champion, int((np.asarray(data.train_upload) == 0).sum()), is_better)
    found = blame.find(spec, data, ["new"], fit, known, limits)
    return set() if found is None else set(found.by_upload(spec.metric.name))


def left_out(spec: ModelSpec, data: Dataset, fit: blame.Fit, candidate: Answers) -> set[str]:
    """Return the uploads without which a fit on all the others is surely better than the candidate."""
    found = set()
    for place in range(1, len(data.uploads)):
        without = fit(np.asarray(data.train_upload) != place, data.holdout)
        rows = np.asarray(data.holdout_upload) != place
        compared = None if without is None else tabular.compared(spec, without, candidate, rows, 0.995)
        if compared is not None and compared.low > 0:
            found.add(data.uploads[place])
    return found


def innocent(size: Size) -> list[bool]:
    """Print and return whether a search among good uploads blames any."""
    found = []
    for kind, recipes in RECIPES.items():
        for recipe in recipes.values():
            for seed in range(2 * size.seeds):
                for old in size.old:
                    generator = np.random.default_rng([seed, old])
                    data = dataset(generator, kind, old, [old // 2] * 5, {})
                    fit = fits(SPECS[kind], data, recipe).answer
                    champion = made(fit(np.asarray(data.train_upload) == 0, data.holdout))
                    found.append(bool(blamed(SPECS[kind], data, fit, champion)))
    print(f"five good uploads: any is blamed in {sum(found)} of {len(found)}", flush=True)
    return found


def of_many(rows: int, sets: int) -> dict[str, float]:
    """Print and return what searches among five uploads of many rows find, and the CPU time beside a fit's."""
    spec, figures, right = SPECS["classification"], dict[str, float](), list[bool]()
    for name, recipe in TIMED.items():
        extra = []
        for bad in ({0: "random labels"}, {})[:sets]:
            generator = np.random.default_rng(len(bad))
            data = dataset(generator, "classification", rows // 2, [rows // 10] * 5, bad)
            estimator, whole = timed(partial(estimated, data.train, recipe))
            old = estimated(data.train.where(np.asarray(data.train_upload) == 0), recipe)
            candidate, champion = (answered(one, data.holdout) for one in (estimator, old))
            _, examined = timed(partial(compared, spec, data, candidate, champion))
            found, looked = timed(partial(searched_and_listed, spec, data, recipe, candidate, champion))
            right.append(found == {f"new{at}" for at in bad})
            extra.append((examined + looked) / whole)
            print(
                f"{rows} rows, {name}, {len(bad)} bad of 5, blamed rightly {right[-1]}: of the fit's {whole:.2f} s of CPU time the evaluation set "
                f"takes {examined / whole:.1%}, a search and a list of labels {looked / whole:.1%}",
                flush=True,
            )
        figures[f"extra_share_{name}"] = round(max(extra), 3)
    return {"blamed_many": share(right), **figures}


def estimated(rows: Table, recipe: Callable[[], Any]) -> Any:
    """Return the estimator of a recipe, fitted on rows."""
    return recipe().fit(frame(rows.columns), rows.target)


def answered(estimator: Any, asked: Table) -> Answers:
    """Return what a classifier answers to rows."""
    chances = estimator.predict_proba(frame(asked.columns))
    classes = tuple(map(str, estimator.classes_))
    return Answers(asked, Scores(np.asarray(classes, dtype=object)[chances.argmax(axis=1)], chances), classes)


def compared(spec: ModelSpec, data: Dataset, candidate: Answers, champion: Answers) -> None:
    """Compare a candidate with a champion as a job does: in all, and on the known and the new rows."""
    tabular.compare(spec, candidate, champion)
    tabular.compare_parts(spec, candidate, champion, np.asarray(data.holdout_upload) > 0)


def searched_and_listed(
    spec: ModelSpec, data: Dataset, recipe: Callable[[], Any], candidate: Answers, champion: Answers
) -> set[str]:
    """Search for uploads to blame and list labels as a job does; return the uploads."""
    small = fits(spec, data, recipe)
    found = blamed(spec, data, small.answer, champion)
    labels_of(spec, data, small, candidate)
    return found


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return the result of a call, and its CPU time in seconds: the least of several where it is short."""
    times: list[float] = []
    while not times or (len(times) < REPEATS and sum(times) < LONG):
        began = time.process_time()
        result = work()
        times.append(time.process_time() - began)
    return result, min(times)


def listed(size: Size) -> dict[str, float]:
    """Print and return precision and recall of the list of labels."""
    figures: dict[str, float] = {"listed_of_few": listed_of_few(size.draws)}
    few, many = max(size.old), size.rows * 2 // 3
    for name, wrong, rows in (("5", 5, few), ("10", 10, few), ("20", 20, few), ("many", 5, many)):
        found = [labels_found(recipe, rows, wrong / 100) for recipe in RECIPES["classification"].values()]
        precision, recall = (round(float(np.mean(values)), 4) for values in zip(*found, strict=True))
        print(
            f"{wrong} % of the labels of {rows * 3 // 2} rows are wrong: precision {precision:.1%}, recall {recall:.1%} of the checked rows",
            flush=True,
        )
        figures |= {f"label_precision_{name}": precision, f"label_recall_{name}": recall}
    return figures


def listed_of_few(draws: int) -> float:
    """Print and return the share of rows in the list of 20 training rows of each class, none of them wrong."""
    spec, found = SPECS["classification"], list[float]()
    fewest, labels.FEWEST_ROWS = labels.FEWEST_ROWS, 0
    for seed in range(draws):
        data = dataset(np.random.default_rng(seed), "classification", 80, [], {})
        for recipe in RECIPES["classification"].values():
            candidate = answered(estimated(data.train, recipe), data.holdout)
            listed = labels_of(spec, data, fits(spec, data, recipe), candidate)
            found.append(listed.count / listed.checked)
    labels.FEWEST_ROWS = fewest
    print(f"80 rows without a wrong label: {np.mean(found):.1%} of them are in the list", flush=True)
    return round(float(np.mean(found)), 4)


def labels_found(recipe: Callable[[], Any], rows: int, wrong: float) -> tuple[float, float]:
    """Return precision and recall of the list for rows of which a share has another label."""
    generator = np.random.default_rng([rows, int(100 * wrong)])
    data = dataset(generator, "classification", rows, [rows // 2], {})
    true: set[tuple[str, int]] = set()
    sides = []
    for table, places, numbers in (
        (data.train, data.train_upload, data.train_row),
        (data.holdout, data.holdout_upload, data.holdout_row),
    ):
        turned = np.flatnonzero(generator.random(len(table)) < wrong)
        target = table.target.copy()
        for row in turned:
            target[row] = generator.choice([name for name in CLASSES if name != target[row]])
            true.add((data.uploads[np.asarray(places)[row]], int(np.asarray(numbers)[row])))
        sides.append(Table(table.columns, target))
    data = replace(data, train=sides[0], holdout=sides[1])
    spec = SPECS["classification"]
    candidate = answered(estimated(data.train, recipe), data.holdout)
    listed = labels_of(spec, data, fits(spec, data, recipe), candidate)
    found = {(one.upload, one.row) for one in listed.suspects}
    checked = len(true) * listed.checked / listed.rows
    return len(found & true) / max(len(found), 1), len(found & true) / max(checked, 1)


def labels_of(spec: ModelSpec, data: Dataset, small: SmallFits, candidate: Answers) -> labels.Labels:
    """Return the list of contradicting labels."""
    return made(labels.check(spec, data, small.probabilities, candidate, ["new"]))


def made(found: T | None) -> T:
    """Return what must be there: simulated data has all classes."""
    if found is None:
        raise ValueError("simulated data cannot be fitted or compared")
    return found


def share(found: Sequence[bool]) -> float:
    """Return the share that is true; 1 of none."""
    return round(float(np.mean(found)), 4) if found else 1.0


def fits(spec: ModelSpec, data: Dataset, recipe: Callable[[], Any]) -> SmallFits:
    """Return fits of a recipe as a job makes them."""
    return SmallFits(spec, Code(lambda **_: recipe(), None), {}, data, 1e9)


def dataset(
    generator: np.random.Generator, kind: str, old: int, rows: Sequence[int], bad: dict[int, str]
) -> Dataset:
    """Draw old data, and uploads of so many rows; ``bad`` has the place of each bad upload and in which way it is bad."""
    tables = [drawn(generator, kind, old)]
    tables += [
        spoilt(generator, drawn(generator, kind, count), bad.get(at, "")) for at, count in enumerate(rows)
    ]
    places = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    columns = {name: np.concatenate([table.columns[name] for table in tables]) for name in FEATURES}
    whole = Table(columns, np.concatenate([table.target for table in tables]))
    held = np.arange(len(whole)) % HOLDOUT == 0
    names = ("old", *(f"new{at}" for at in range(len(rows))))
    return Dataset(
        whole.where(~held), whole.where(held), "", len(tables), {}, uploads=names,
        train_upload=places[~held], holdout_upload=places[held],
        train_row=1 + np.flatnonzero(~held), holdout_row=1 + np.flatnonzero(held),
    )  # fmt: skip


def drawn(generator: np.random.Generator, kind: str, rows: int) -> Table:
    """Draw rows of one distribution; the target is not linear in the features alone."""
    values = generator.normal(size=(rows, len(FEATURES)))
    score = (
        2 * values[:, 0]
        + values[:, 1]
        - values[:, 2]
        + values[:, 3] * values[:, 4]
        + generator.normal(size=rows) / 2
    )
    columns = {name: (20 + 5 * values[:, at]).astype(np.float32) for at, name in enumerate(FEATURES)}
    if kind == "regression":
        return Table(columns, 50 + 10 * score)
    return Table(columns, np.array(CLASSES, dtype=object)[np.digitize(score, (-1.2, 1.2))])


def spoilt(generator: np.random.Generator, table: Table, how: str) -> Table:
    """Return rows that are bad in one way; good ones for an empty text."""
    columns, target = dict(table.columns), table.target
    match how:
        case "swapped labels":
            circle = dict(zip(CLASSES, (*CLASSES[1:], CLASSES[0]), strict=True))
            target = np.array([circle[label] for label in target], dtype=object)
        case "random labels" | "random target":
            target = generator.permutation(target)
        case "another target unit":
            target = target * 2.2
        case "another unit":
            columns["a"] = columns["a"] * np.float32(1.8) + np.float32(32)
            columns["b"] = columns["b"] * np.float32(2.54)
            columns["c"] = columns["c"] * np.float32(0.4536)
        case "columns moved":
            columns = {name: columns[FEATURES[at - 1]] for at, name in enumerate(FEATURES)}
    return Table(columns, target)


if __name__ == "__main__":
    sys.exit(main())
