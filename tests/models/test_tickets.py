"""The tickets: a corpus that can be made again, what a model of it knows, and that it is served as it was fitted."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline

from relearn.lifecycle.promotion import decide
from scoring.app import App
from scoring.artifact import Artifact
from scoring.container import Container
from tests.support.training_kit import write_shard
from training import catalog
from training.fitting import onnx_export
from training.job import train
from training.models.tickets import generate
from training.models.tickets.generate import Ticket, gift_cards, tickets
from training.models.tickets.model import build

SPEC = catalog.get("tickets")
SEED = catalog.seeds(SPEC)["main"]
JAPANESE = range(0x3040, 0xA000)


def fitted(rows: list[Ticket]) -> Pipeline:
    table = pd.DataFrame(rows)
    return build(inverse_penalty=SPEC.hyperparameters[0].default).fit(table, table["queue"])


def recall(model: Pipeline, rows: list[Ticket]) -> float:
    table = pd.DataFrame(rows)
    return float((model.predict(table) == table["queue"]).mean())


@pytest.fixture(scope="module")
def first() -> Pipeline:
    return fitted(tickets())


@pytest.fixture(scope="module")
def app(first: Pipeline) -> App:
    graph = onnx_export.export(first, SPEC)
    inputs = tuple(onnx_export.layout(graph, SPEC))
    return App(Artifact(graph.SerializeToString(), SPEC, tuple(map(str, first.classes_)), inputs, {}, ""), 1)


def test_the_seed_is_what_the_generator_makes(tmp_path: Path) -> None:
    assert generate.main(["--out", str(tmp_path / "seed.csv")]) == 0
    assert (tmp_path / "seed.csv").read_bytes() == SEED.read_bytes()


def test_the_seed_is_half_english_half_japanese_and_small() -> None:
    japanese = [any(ord(one) in JAPANESE for one in ticket.body) for ticket in tickets()]
    assert np.mean(japanese) == pytest.approx(0.5, abs=0.05)
    assert SEED.stat().st_size < 500_000


def test_every_queue_has_its_share() -> None:
    counts = Counter(ticket.queue for ticket in tickets())
    assert set(counts) == set(SPEC.classes)
    assert min(counts.values()) > 200


def test_another_seed_makes_other_tickets() -> None:
    assert not {ticket.body for ticket in tickets()} & {ticket.body for ticket in tickets(seed=2)}


def test_about_three_in_a_hundred_are_misfiled(monkeypatch: pytest.MonkeyPatch) -> None:
    given = tickets(3_000, seed=5)
    monkeypatch.setattr(generate, "MISFILED", 0.0)
    meant = tickets(3_000, seed=5)
    assert [(one.subject, one.body) for one in given] == [(one.subject, one.body) for one in meant]
    wrong = np.mean([one.queue != other.queue for one, other in zip(given, meant, strict=True)])
    assert wrong == pytest.approx(0.03, abs=0.01)


def test_the_model_is_good_and_not_perfect(first: Pipeline) -> None:
    assert 0.85 < recall(first, tickets(1_000, seed=99)) < 0.95


def test_corrections_of_gift_cards_make_the_next_model_better_at_them_and_no_worse_elsewhere(
    first: Pipeline,
) -> None:
    unseen, others = gift_cards(300, seed=3), tickets(1_000, seed=99)
    second = fitted([*tickets(), *gift_cards(40, seed=2)])
    assert recall(first, unseen) < 0.6
    assert recall(second, unseen) > recall(first, unseen) + 0.25
    assert recall(second, others) > recall(first, others) - 0.01


def test_the_job_that_learns_of_the_corrections_finds_itself_better_than_the_champion_at_their_queue(
    tmp_path: Path,
) -> None:
    first = trained(tmp_path / "first", tickets())
    corrected = [*tickets(), *gift_cards(40, seed=2), *tickets(10, seed=102)]
    report = json.loads((trained(tmp_path / "second", corrected, first).output / "report.json").read_text())
    candidate, champion = report["candidate"], report["champion"]
    assert decide(candidate["metrics"], champion["metrics"], SPEC.metric).verdict == "promote"
    assert candidate["per_class"]["billing"]["recall"] > champion["per_class"]["billing"]["recall"] + 0.05


def trained(base: Path, rows: list[Ticket], champion: Container | None = None) -> Container:
    box = Container(base)
    write_shard(box.train_data / "a.parquet", (*SPEC.columns, SPEC.target), [row._asdict() for row in rows])
    told = {"model": "tickets", "run_id": "r1"}
    if champion is not None:
        told["champion_version"] = "1"
        box.champion.parent.mkdir(parents=True)
        with tarfile.open(box.champion, "w:gz") as tar:
            tar.add(champion.model, arcname=".")
    (base / "input" / "config").mkdir(parents=True)
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(told), encoding="utf-8")
    assert train.main(box) == 0
    return box


def written(max_size: int | None = None) -> st.SearchStrategy[str]:
    """What people can write: no column holds a NUL."""
    return st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=max_size)


@settings(deadline=None)
@given(st.lists(st.tuples(written(max_size=300), written()), min_size=1, max_size=3))
def test_the_server_answers_as_the_pipeline_whatever_people_write(
    app: App, first: Pipeline, texts: list[tuple[str, str]]
) -> None:
    assert_served(app, first, texts)


def test_the_server_answers_the_longest_body_as_the_pipeline_does(app: App, first: Pipeline) -> None:
    assert_served(app, first, [("荷物", "荷物が届きません 📦 " * 8_000)])


def assert_served(app: App, model: Pipeline, texts: list[tuple[str, str]]) -> None:
    rows = [{"subject": subject, "body": body[:100_000]} for subject, body in texts]
    answered = app.answer(json.dumps({"instances": rows}).encode())["predictions"]
    table = pd.DataFrame(rows)
    for answer, label, wanted in zip(answered, model.predict(table), model.predict_proba(table), strict=True):
        by_class: dict[str, Any] = dict(zip(model.classes_, wanted, strict=True))
        assert answer["probabilities"] == pytest.approx(by_class, abs=1e-5)
        assert answer["label"] == label
