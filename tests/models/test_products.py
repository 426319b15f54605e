"""The recommender: it knows more than what is popular, is refused where there is nothing to know, and serves."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pytest

from preparation import prepare
from relearn.errors import DataError
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.promotion import Naive, decide
from relearn.spec.model import Metric, Serverless
from scoring import artifact
from scoring.app import App
from scoring.container import Container, Job
from tests.support.training_kit import write_shard
from training import catalog
from training.features.build import Features
from training.features.testing import compute, rows_of
from training.fitting import choice, tasks
from training.job import snapshot, train
from training.models.products import generate

SPEC = catalog.get("products")
SEED = catalog.seeds(SPEC)["events"]
FEATURES: Features = vars(catalog.load_module(catalog.folder("products") / "features.py"))["features"]
VERSION = 3
Event = Mapping[str, Any]


def test_the_seed_is_what_its_generator_makes(tmp_path: Path) -> None:
    assert generate.main(["--out", str(tmp_path)]) == 0
    assert (tmp_path / "events.csv").read_bytes() == SEED.read_bytes()
    assert SEED.stat().st_size < 1_000_000


def event(visitor: str, product: str, kind: str, at: str) -> Event:
    return {"visitor": visitor, "product": product, "event": kind, "at": at}


def test_what_a_visitor_does_with_a_product_at_one_moment_is_one_row() -> None:
    rows = compute(
        SPEC,
        FEATURES,
        {
            "events": [
                event("v1", "tea-01", "view", "2026-01-01T10:00Z"),
                event("v1", "tea-01", "cart", "2026-01-01T10:00Z"),
                event("v1", "tea-02", "view", "2026-01-01T10:00Z"),
                event("v1", "tea-01", "purchase", "2026-01-02T10:00Z"),
            ]
        },
    )
    assert [(row["as_of"].day, row["product"], row["weight"]) for row in rows] == [
        (1, "tea-01", 4.0),
        (1, "tea-02", 1.0),
        (2, "tea-01", 5.0),
    ]


def test_two_rows_of_a_visitor_with_a_product_at_one_moment_are_refused() -> None:
    twice = {"events": [event("v1", "tea-01", kind, "2026-01-01T10:00Z") for kind in ("view", "cart")]}

    def each(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        return tables["events"].select("visitor", "product", as_of="at", weight=ibis.literal(1.0))

    with pytest.raises(DataError, match="2 rows for 1 triples of visitor and as_of and product"):
        compute(SPEC, each, twice)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A first version, trained on what the shop knew by the middle of May."""
    early = [row for row in rows_of(SEED) if row["at"] < "2026-05-15"]
    return trained(tmp_path_factory.mktemp("first"), early)


@pytest.fixture(scope="module")
def second(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The next version, trained on all of the seed beside the first as champion."""
    base = tmp_path_factory.mktemp("second")
    channel = base / "input/data/champion"
    channel.mkdir(parents=True)
    with tarfile.open(channel / "model.tar.gz", "w:gz") as tar:
        tar.add(first / "model", arcname=".")
    return trained(base, rows_of(SEED), champion_version="1")


def trained(base: Path, events: Sequence[Event], **told: str) -> Path:
    """Take events the way of an upload, and run a training job on them."""
    upload = base / "events.csv"
    names = [column.name for column in SPEC.tables[0].columns]
    lines = [",".join(str(row[name]) for name in names) for row in events]
    upload.write_text("\n".join([",".join(names), *lines, ""]), encoding="utf-8")
    shard = prepare(SPEC, upload, "events.csv", base, table="events").shard
    assert shard is not None
    (base / "input/data/train/events").mkdir(parents=True)
    shard.rename(base / "input/data/train/events/a.parquet")
    (base / "input/config").mkdir()
    config = {"model": "products", "run_id": "r1", **told}
    (base / "input/config/hyperparameters.json").write_text(json.dumps(config), encoding="utf-8")
    train.run(Container(base))
    return base


def report_of(base: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((base / "output/data/report.json").read_text(encoding="utf-8"))
    return report


def test_it_beats_what_is_popular_by_a_real_margin(second: Path) -> None:
    report = report_of(second)
    assert report["naive"]["method"] == "popularity"
    assert report["naive"]["lead"]["low"] > 0.15  # of ndcg_at_k, surely
    for name in ("ndcg_at_k", "recall_at_k", "coverage_at_k"):
        assert report["candidate"]["metrics"][name] > 2 * report["naive"]["metrics"][name]


def test_its_description_counts_names_and_tells_none(second: Path) -> None:
    text = (second / "model/model.json").read_text(encoding="utf-8")
    described = json.loads(text)["baseline"]
    assert (described["visitor"]["distinct"], described["product"]["distinct"]) == (600, 120)
    assert described["weight"]["quantiles"][0] == 1
    assert "v0001" not in text
    assert "tea-03" not in text


def test_a_champion_sits_the_same_exam(first: Path, second: Path) -> None:
    champion = report_of(second)["champion"]
    assert champion["version"] == 1
    assert champion["visitors"] == report_of(second)["candidate"]["visitors"]
    assert champion["metrics"] != report_of(first)["candidate"]["metrics"]
    assert 0.1 < champion["metrics"]["ndcg_at_k"] < 1


def test_a_champion_was_never_trained_on_a_row_held_out(first: Path, second: Path) -> None:
    learnt, held = (snapshot.load(SPEC, base / "input/data/train") for base in (first, second))
    met_by_champion = set(zip(learnt.train.columns["visitor"], learnt.train.target, strict=True))
    evaluation_set = choice.of(SPEC).make_evaluation_set(SPEC, held)
    truths = {
        (visitor, evaluation_set.known.items[item])
        for visitor, truth in zip(evaluation_set.columns["visitor"], evaluation_set.truths, strict=True)
        for item in truth
        if item < len(evaluation_set.known.items)
    }
    assert truths
    assert not truths & met_by_champion


@pytest.fixture(scope="module")
def app(second: Path) -> App:
    return App(artifact.load(second / "model"), VERSION)


def ask(app: App, *instances: dict[str, Any]) -> list[dict[str, Any]]:
    answer = app.answer(json.dumps({"instances": instances}).encode())
    assert answer["version"] == VERSION
    predictions: list[dict[str, Any]] = answer["predictions"]
    return predictions


def test_a_visitor_gets_what_they_have_not_met_mostly_of_their_taste(app: App) -> None:
    met = {row["product"] for row in rows_of(SEED) if row["visitor"] == "v0002"}
    counts = {name: sum(product.startswith(name) for product in met) for name in generate.CATEGORIES}
    tastes = sorted(counts, key=lambda name: -counts[name])[:2]
    (answer,) = ask(app, {"visitor": "v0002"})
    items = [one["item"] for one in answer["items"]]
    scores = [one["score"] for one in answer["items"]]
    assert answer["basis"] == "history"
    assert len(set(items)) == 10
    assert scores == sorted(scores, reverse=True)
    assert sum(item.partition("-")[0] in tastes for item in items) >= 6


def test_products_like_one_are_mostly_of_its_category_and_never_itself(app: App) -> None:
    (answer,) = ask(app, {"similar_to": "tea-03"})
    items = [one["item"] for one in answer["items"]]
    assert answer["basis"] == "similar"
    assert "tea-03" not in items
    assert sum(item.startswith("tea-") for item in items) >= 8


def test_a_stranger_and_nobody_get_what_is_popular(app: App) -> None:
    stranger, nobody = ask(app, {"visitor": "who"}, {})
    assert stranger == nobody
    assert nobody["basis"] == "popularity"
    assert nobody["items"][0]["score"] <= 1


def test_all_three_kinds_are_answered_in_one_request_as_alone(app: App) -> None:
    asked: list[dict[str, Any]] = [{"visitor": "v0001"}, {}, {"similar_to": "pets-01"}, {"visitor": "v0003"}]
    together = ask(app, *asked)
    assert [one["basis"] for one in together] == ["history", "popularity", "similar", "history"]
    for instance, answer in zip(asked, together, strict=True):
        (alone,) = ask(app, instance)
        assert [one["item"] for one in alone["items"]] == [one["item"] for one in answer["items"]]


def test_lines_are_answered_a_line_each(app: App) -> None:
    lines = app.answer_lines(b'{"visitor": "v0001"}\n{}\n')
    assert [line["basis"] for line in lines] == ["history", "popularity"]


def test_the_page_compares_with_what_is_popular_and_names_no_visitor(second: Path) -> None:
    page = (second / "output/data/report.html").read_text(encoding="utf-8")
    assert "Against what is popular" in page
    assert "Some recommendations" in page
    assert "v0" not in page.replace("v0.", "")


def by_chance(seed: int) -> list[Event]:
    """Make events that anybody may have with anything at any time, each as likely as any other."""
    generator = np.random.default_rng(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        {
            "visitor": f"v{generator.integers(300)}",
            "product": f"p{generator.integers(100)}",
            "event": "view",
            "at": start + timedelta(minutes=int(generator.integers(180 * 1440))),
        }
        for _ in range(6000)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_on_interactions_by_chance_it_is_refused(seed: int, tmp_path: Path) -> None:
    write_shard(tmp_path / "events" / "a.parquet", SPEC.tables[0].columns, by_chance(seed))
    spec = replace(SPEC, metric=Metric("ndcg_at_k", minimum=0.0))  # so that the bound does not refuse it
    data, task = snapshot.load(spec, tmp_path), choice.of(spec)
    evaluation_set = task.make_evaluation_set(spec, data)
    candidate = task.make_candidate(spec, Job.of(spec, {"run_id": "r1"}), data)
    answers = tasks.Answers(evaluation_set, candidate.scorer.columns(evaluation_set.columns), ())
    measured = task.evaluate(spec, evaluation_set, answers.scores, ())
    naive = Naive.from_report(task.naive(spec, answers), "ndcg_at_k")
    decision = decide(measured["metrics"], None, spec.metric, naive)
    assert decision.verdict == "reject"
    assert "not surely better than popularity" in decision.reason


PAGES = [
    Path(__file__).resolve().parents[2] / "docs" / "how-to" / "RECOMMEND.md",
    catalog.folder("products") / "README.md",
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_figures_in_the_documents_are_those_of_the_report(second: Path, page: Path) -> None:
    report, text = report_of(second), page.read_text(encoding="utf-8")
    for name, digits in (("ndcg_at_k", 3), ("recall_at_k", 3), ("coverage_at_k", 2)):
        mine, popular = report["candidate"]["metrics"][name], report["naive"]["metrics"][name]
        assert f"| `{name}` | {mine:.{digits}f} | {popular:.{digits}f} |" in text
    if page.name == "RECOMMEND.md":
        assert isinstance(SPEC.hosting, Serverless)
        assert f"`products` declares {SPEC.hosting.memory_mb:,} MB" in text
        assert f"{report['candidate']['visitors']} visitors with a truth" in text


def test_the_spec_in_the_document_is_that_of_the_model_in_what_it_shows() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - our own page
    shown = names["SPEC"]
    assert (shown.name, shown.title, shown.entity, shown.metric) == (
        SPEC.name,
        SPEC.title,
        SPEC.entity,
        SPEC.metric,
    )
    assert [column.name for column in shown.columns] == [column.name for column in SPEC.columns]
    assert (shown.target.name, shown.target.k, shown.target.similar_to) == ("product", 10, "similar_to")
    assert shown.tables[0].columns == SPEC.tables[0].columns


def test_fitted_again_it_knows_the_interactions_that_were_held_out(
    tmp_path: Path, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = replace(SPEC, training=replace(SPEC.training, refit=True))
    monkeypatch.setattr(catalog, "get", lambda _name: again)
    base = trained(tmp_path, rows_of(SEED))
    judged = artifact.load(second / "model")
    served = artifact.load(base / "model")
    assert (base / "model" / artifact.TWIN).read_bytes() == judged.onnx
    dataset = snapshot.load(SPEC, base / "input/data/train")
    visitors = dataset.holdout.columns["visitor"]
    asked = sorted(set(map(str, visitors)))[:50]
    held = {visitor: set(map(str, dataset.holdout.target[visitors == visitor])) for visitor in asked}
    body = json.dumps({"instances": [{"visitor": visitor} for visitor in asked]}).encode()
    recommended = {}
    for name, found in (("twin", judged), ("served", served)):
        answers = App(found, 1).answer(body)["predictions"]
        lists = [{item["item"] for item in answer["items"]} for answer in answers]
        recommended[name] = sum(
            len(held[visitor] & shown) for visitor, shown in zip(asked, lists, strict=True)
        )
    assert recommended["twin"] > 0
    assert recommended["served"] == 0


def test_visitors_who_were_held_out_before_are_compared_apart_and_a_month_more_contradicts_nothing(
    second: Path,
) -> None:
    report = report_of(second)
    comparison = Comparison.from_report(report["champion"])
    assert comparison is not None
    assert comparison.known is not None
    assert comparison.known.rows == comparison.rows - 1  # one visitor is new, too few to compare
    candidate, champion = (report[name]["metrics"] for name in ("candidate", "champion"))
    decision = decide(candidate, champion, SPEC.metric, None, comparison)
    assert (decision.verdict, decision.asks) == ("promote", False)
