"""Speed of serving a text model against the scikit-learn pipeline that it was exported from, in one run.

The tickets model, fitted on its seed: request rows through `scoring.scorer` (tokeniser, then ONNX graph), as the server
does it, against the pipeline's ``predict_proba`` on a DataFrame. Both count tokens with the same tokeniser.
For reference, the usual ``TfidfVectorizer`` of the same n-grams, which counts tokens itself. Short rounds
take turns; a ratio is the median over the rounds, of CPU time. The tickets have another seed than the model's
data.

The last line is one JSON object: ``one_row_vs_library``, ``hundred_rows_vs_library`` (library / Relearn:
above 1, Relearn is faster).
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core for each way

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from bench import arguments
from scoring.scorer import Scorer
from training import catalog
from training.fitting import onnx_export
from training.models.tickets.generate import Ticket, tickets
from training.models.tickets.model import build

FULL, SMALL = (41, 0.05), (2, 0.001)
"""Rounds, and seconds of each way per round."""
COLUMNS = ["subject", "body"]
WAYS = {
    "ours": "ours: tokeniser and ONNX graph",
    "library": "the fitted scikit-learn pipeline",
    "ordinary": "TfidfVectorizer and the same regression",
}
Ask = Callable[[list[Ticket]], Any]


def main() -> int:
    """Run the benchmark; print a table, then the ratios as JSON. Return the exit code."""
    size = SMALL if arguments.read(__doc__).small else FULL
    ways = made()
    asked = tickets(100, seed=7)
    one, hundred = (measured(ways, asked[:rows], *size) for rows in (1, 100))
    print(f"{'ms a request, median':<42}{'1 row':>10}{'ours is':>9}{'100 rows':>11}{'ours is':>9}")
    for name, title in WAYS.items():
        cells = [(statistics.median(times[name]), ratio(times, name)) for times in (one, hundred)]
        (a, b), (c, d) = cells
        print(f"{title:<42}{a:>10.3f}{b:>8.2f}x{c:>11.3f}{d:>8.2f}x")
    found = {
        "one_row_vs_library": ratio(one, "library"),
        "hundred_rows_vs_library": ratio(hundred, "library"),
    }
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))
    return 0


def made() -> dict[str, Ask]:
    """Fit the model on its seed and export it; return a function per way that scores rows."""
    spec = catalog.get("tickets")
    with (catalog.folder("tickets") / "seed.csv").open(encoding="utf-8") as file:
        seed = pd.DataFrame(list(csv.DictReader(file)))
    penalty = spec.hyperparameters[0].default
    pipeline = build(inverse_penalty=penalty).fit(seed[COLUMNS], seed["queue"])
    graph = onnx_export.export(pipeline, spec)
    scorer = Scorer(graph.SerializeToString(), spec, onnx_export.layout(graph, spec))
    ordinary = vectorised(penalty).fit(seed[COLUMNS], seed["queue"])
    return {
        "ours": lambda rows: scorer.rows([(row.subject, row.body) for row in rows]),
        "library": lambda rows: pipeline.predict_proba(frame(rows)),
        "ordinary": lambda rows: ordinary.predict_proba(frame(rows)),
    }


def vectorised(penalty: float) -> Any:
    """Return an unfitted pipeline of the same n-grams with scikit-learn's own vectoriser."""
    kinds: dict[str, dict[str, Any]] = {
        "char": {"analyzer": "char", "ngram_range": (1, 3)},
        "word": {"ngram_range": (1, 2)},
    }
    columns = [
        (TfidfVectorizer(min_df=2, max_features=10_000, sublinear_tf=True, **options), column)
        for column in COLUMNS
        for options in kinds.values()
    ]
    regression = LogisticRegression(C=penalty, solver="newton-cg", max_iter=1000)
    return make_pipeline(make_column_transformer(*columns), regression)


def frame(rows: list[Ticket]) -> pd.DataFrame:
    """Return rows as the DataFrame that a pipeline takes."""
    texts = np.array([(row.subject, row.body) for row in rows], dtype=object)
    return pd.DataFrame({name: texts[:, at] for at, name in enumerate(COLUMNS)})


def measured(ways: dict[str, Ask], rows: list[Ticket], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Measure each way in turn; return CPU milliseconds per request of every round."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, ask in ways.items():
            began, asked = time.process_time(), 0
            while time.process_time() - began < seconds:
                ask(rows)
                asked += 1
            if number:  # the first round warms up
                times[name].append((time.process_time() - began) * 1000 / asked)
    return times


def ratio(times: dict[str, list[float]], other: str) -> float:
    """Return the median, over the rounds, of another way's time divided by Relearn's."""
    return statistics.median(one / ours for one, ours in zip(times[other], times["ours"], strict=True))


if __name__ == "__main__":
    sys.exit(main())
