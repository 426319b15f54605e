"""Speed of recommendations, and memory that a large catalogue needs.

Two catalogues: that of the products model, trained on its seed, and a synthetic one of 100,000 items and 1,000,000
visitors with about ten seen items each (random factors, as many as the spec's default). For both, one row and 100 rows
go through `scoring.scorer.Scorer.rows`, which the server calls with a checked request, with names as input
and output. They are compared with the library's ``recommend(filter_already_liked_items=True)``, with numbers
as input and output, on all cores or on one core, whichever is faster. Rounds are interleaved; a ratio is of
medians, library / Relearn.

The large catalogue is then served by ``python -m training serve`` in its own process: size of the artifact,
seconds to the first answer of /ping, and peak memory of the process after single rows and a request of 1,000
rows.

The last line is one JSON object: ``one_row_vs_library`` and ``hundred_rows_vs_library`` of the products model,
``large_one_row_vs_library`` and ``large_hundred_rows_vs_library`` of the large catalogue, ``serving_mb`` and
``declared_mb``.
"""

from __future__ import annotations

import functools
import http.client
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from bench import arguments
from relearn.spec import codec, hosting
from relearn.spec.model import ModelSpec
from scoring import artifact
from scoring.scorer import Input, Scorer
from training import catalog
from training.fitting.fit import Code
from training.fitting.ranking import graph
from training.fitting.ranking.evaluation_set import ranking_of
from training.fitting.ranking.fit import Factors, factors_of, fit
from training.fitting.ranking.interactions import Interactions

ROOT = Path(__file__).resolve().parents[1]
SEEN = 10
"""Items that each synthetic visitor has seen."""
ROWS = (1, 100)
CALLS = {("products", 1): 300, ("products", 100): 50, ("large", 1): 30, ("large", 100): 2}  # per round
SEED = """
    SELECT visitor, product, CASE event WHEN 'view' THEN 1 WHEN 'cart' THEN 3 ELSE 5 END AS weight FROM read_csv(?)
"""


@dataclass(frozen=True)
class Size:
    """Size of a measurement: the large catalogue, rounds, and the share of `CALLS` per round."""

    visitors: int = 1_000_000
    items: int = 100_000
    rounds: int = 15
    share: float = 1.0


SMALL = Size(visitors=2_000, items=500, rounds=1, share=0.01)


@dataclass(frozen=True)
class Served:
    """Figures of serving the large catalogue."""

    artifact_mb: float
    seconds: float
    peak_mb: float


def main() -> int:
    """Run the benchmark; print a table, then the figures as JSON. Return the exit code."""
    size = SMALL if arguments.read(__doc__).small else Size()
    spec = catalog.get("products")
    ratios: dict[str, float] = {}
    print(f"{'catalogue':<12}{'rows':>6}{'library, ms':>14}{'ours, ms':>12}{'theirs / ours':>16}")
    known, model = products(spec)
    onnx = drawn(spec, known, factors_of(model))
    for rows, ratio in compare("products", spec, known, model, onnx, size=size).items():
        ratios[f"{'one_row' if rows == 1 else 'hundred_rows'}_vs_library"] = ratio
    known, model = large(spec, size)
    onnx = drawn(spec, known, factors_of(model))
    for rows, ratio in compare("large", spec, known, model, onnx, size=size).items():
        ratios[f"large_{'one_row' if rows == 1 else 'hundred_rows'}_vs_library"] = ratio
    with tempfile.TemporaryDirectory(prefix="relearn-bench-") as folder:
        write(Path(folder), spec, onnx)
        served = serve(Path(folder), known)
    declared = hosting.to_dict(spec.hosting)["memory_mb"]
    print(f"\n{size.items:,} items, {size.visitors:,} visitors, {factors_of(model).items.shape[1]} factors")
    print(f"artifact {served.artifact_mb:,.0f} MB; {served.seconds:.1f} s until it answers")
    print(f"memory at most {served.peak_mb:,.0f} MB; the spec declares {declared:,} MB")
    figures = {**ratios, "serving_mb": served.peak_mb, "declared_mb": declared}
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))
    return 0


def products(spec: ModelSpec) -> tuple[Interactions, Any]:
    """Fit the products model on all of its seed; return its interactions and the model."""
    seed = str(catalog.seeds(spec)["events"])
    rows = duckdb.execute(SEED, [seed]).fetchnumpy()
    known = Interactions.of(*(np.ma.getdata(rows[name]) for name in ("visitor", "product", "weight")))
    defaults = {parameter.name: parameter.default for parameter in spec.hyperparameters}
    return known, fit(spec.name, Code.of(catalog.folder(spec.name)).build, defaults, known)


def large(spec: ModelSpec, size: Size) -> tuple[Interactions, Any]:
    """Return random interactions of a large catalogue, and a model of the library with random factors."""
    generator = np.random.default_rng(0)
    seen = generator.integers(0, size.items, size.visitors * SEEN, dtype=np.int32)
    shape = (size.visitors, size.items)
    matrix = csr_matrix((np.ones(len(seen), np.float32), seen, np.arange(0, len(seen) + 1, SEEN)), shape)
    matrix.sum_duplicates()
    names = [
        np.array([f"{kind}{n:07d}" for n in range(count)], object)
        for kind, count in (("v", size.visitors), ("p", size.items))
    ]
    defaults = {parameter.name: parameter.default for parameter in spec.hyperparameters}
    with threadpool_limits(1, "blas"):
        model = Code.of(catalog.folder(spec.name)).build(**defaults)
    model.user_factors = generator.normal(size=(size.visitors, model.factors)).astype(np.float32)
    model.item_factors = generator.normal(size=(size.items, model.factors)).astype(np.float32)
    return Interactions(names[0], names[1], matrix), model


def drawn(spec: ModelSpec, known: Interactions, factors: Factors) -> bytes:
    """Return the serialised graph, built as training does."""
    target = ranking_of(spec)
    draft = graph.Draft(known, factors, target.k)
    model = graph.build(draft, spec.name, visitor=str(spec.entity), similar_to=target.similar_to)
    onnx: bytes = model.SerializeToString(deterministic=True)
    return onnx


def compare(
    name: str, spec: ModelSpec, known: Interactions, model: Any, onnx: bytes, *, size: Size
) -> dict[int, float]:
    """Time both ways; return library / Relearn by number of rows."""
    scorer, found = Scorer(onnx, spec, inputs_of(spec)), {}
    for rows in ROWS:
        numbers = np.random.default_rng(1).choice(len(known.visitors), rows, replace=False)
        asked = [(known.visitors[number], None) for number in numbers]
        whom = int(numbers[0]) if rows == 1 else numbers
        with threadpool_limits(1, "blas"):
            ours, theirs = rounds(
                size.rounds,
                math.ceil(CALLS[name, rows] * size.share),
                functools.partial(scorer.rows, asked),
                functools.partial(recommend, model, known, whom, spec),
                model,
            )
        found[rows] = theirs / ours
        print(f"{name:<12}{rows:>6}{theirs * 1e3:>14.3f}{ours * 1e3:>12.3f}{found[rows]:>15.1f}x")
    return found


def recommend(model: Any, known: Interactions, whom: Any, spec: ModelSpec) -> None:
    """Call the library's ``recommend``."""
    model.recommend(whom, known.matrix[whom], N=ranking_of(spec).k, filter_already_liked_items=True)


def rounds(
    number: int, calls: int, ours: Callable[[], object], theirs: Callable[[], object], model: Any
) -> tuple[float, float]:
    """Return the median seconds per call of both, interleaved; the library's on all cores or one, the faster."""
    times: dict[str, list[float]] = {"ours": [], "all cores": [], "one core": []}
    for _ in range(number):
        for name, call in (("ours", ours), ("all cores", theirs), ("one core", theirs)):
            model.num_threads = int(name == "one core")  # 0: all cores
            call()  # warm the caches again after the other calls
            began = time.perf_counter()
            for _ in range(calls):
                call()
            times[name].append((time.perf_counter() - began) / calls)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    return medians["ours"], min(medians["all cores"], medians["one core"])


def inputs_of(spec: ModelSpec) -> list[Input]:
    """Return the inputs of the graph."""
    return [Input(column.name, "string", (column.name,)) for column in spec.inputs]


def write(base: Path, spec: ModelSpec, onnx: bytes) -> None:
    """Write the artifact of a version to the folder ``model`` of ``base``."""
    meta = {
        "format": artifact.FORMAT,
        "spec": codec.to_dict(spec),
        "spec_digest": codec.digest(spec),
        "classes": [],
        "inputs": [given.as_dict() for given in inputs_of(spec)],
        "onnx_sha256": artifact.sha256(onnx),
    }
    artifact.write(base / "model", onnx, meta)


def serve(base: Path, known: Interactions) -> Served:
    """Serve the artifact in its own process, send requests, and return its figures.

    Raises
    ------
    SystemExit
        The server ends, or does not answer a request.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = {
        "PYTHONPATH": str(ROOT),
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "RELEARN_BIND_HOST": "127.0.0.1",
    }
    began = time.monotonic()
    server = subprocess.Popen([sys.executable, "-m", "training", "serve"], env={**os.environ, **told})
    try:
        while not answers(port, "GET", "/ping"):
            if server.poll() is not None:
                raise SystemExit(f"the server ended with {server.returncode}")
            time.sleep(0.02)
        seconds = time.monotonic() - began
        whole = [{"visitor": name} for name in known.visitors[:1000]]
        for instances in (*([one] for one in whole[:50]), [{"similar_to": known.items[0]}], whole):
            if not answers(port, "POST", "/invocations", json.dumps({"instances": instances})):
                raise SystemExit("the server did not answer")
        status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    finally:
        server.terminate()
        server.wait(timeout=30)
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return Served((base / "model" / artifact.ONNX).stat().st_size / 2**20, seconds, peak / 1024)


def answers(port: int, method: str, path: str, body: str | None = None) -> bool:
    """Return whether the server answers with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
    except OSError:
        return False
    finally:
        connection.close()
    return answer.status == 200


if __name__ == "__main__":
    sys.exit(main())
