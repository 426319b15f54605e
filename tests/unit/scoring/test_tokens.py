"""A pipeline that begins with counts of tokens, as a graph: it answers as the pipeline does, whatever the text."""
# ruff: noqa: RUF001 - full-width letters are what is tested

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import helper
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline, make_pipeline

from relearn.errors import ArtifactError
from relearn.spec.model import Category, Metric, ModelSpec, Number, Text
from scoring import tokens
from scoring.encode import Array
from scoring.scorer import Scorer
from training.data.dataset import Table
from training.fitting import agreement, onnx_export, thresholds
from training.fitting.fit import frame
from training.fitting.token_counts import TokenCounts

SPEC = ModelSpec(
    name="notes",
    title="What a note is about",
    columns=(Text("title", max_length=100), Text("text", max_length=100_000)),
    target=Category("label", values=("late", "login", "refund")),
    metric=Metric("f1_macro", minimum=0.5),
)
SAID = {
    "late": [
        "the parcel is late",
        "荷物が届きません",
        "where is my parcel 📦",
        "Ｗｈｅｒｅ is it",
        "配送が遅い",
    ],
    "login": [
        "I forgot my password",
        "ログインできません",
        "パスワードを忘れた 🔑",
        "café account",
        "account locked",
    ],
    "refund": [
        "I want my money back",
        "返金してください",
        "refund please 💶",
        "Straße, refund",
        "お金を返して",
    ],
}
REGULAR = [TfidfTransformer(sublinear_tf=True), LogisticRegression(C=10.0)]
WORDS = st.sampled_from(
    [
        *" ".join(" ".join(texts) for texts in SAID.values()).split(),
        "👨‍👩‍👧",
        "🇯🇵",
        "e\u0301\u0323",
        "\0",
        "ﾊﾟ",
        "Ⅷ",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("".join))


def notes(count: int = 200) -> Table:
    """Make notes, some of two things."""
    generator = np.random.default_rng(0)
    labels = generator.choice(list(SAID), count)
    text = [
        f"{generator.choice(SAID[label])} {generator.choice(SAID[generator.choice(list(SAID))])}"
        for label in labels
    ]
    title = [generator.choice([*SAID[label], ""]) for label in labels]
    columns = {"title": np.array(title, dtype=object), "text": np.array(text, dtype=object)}
    return Table(columns, labels.astype(object))


NOTES = notes()


def fitted(*steps: Any, target: Array | None = None) -> Pipeline:
    """Fit counts of tokens and what follows."""
    counts = TokenCounts(columns=("title", "text"))
    return make_pipeline(counts, *map(clone, steps)).fit(
        frame(NOTES.columns), NOTES.target if target is None else target
    )


def scorer_of(pipeline: Pipeline, spec: ModelSpec = SPEC) -> Scorer:
    graph = onnx_export.export(pipeline, spec)
    return Scorer(graph.SerializeToString(), spec, onnx_export.layout(graph, spec))


PIPELINE = fitted(*REGULAR)
SCORER = scorer_of(PIPELINE)


def assert_agrees(texts: list[tuple[str, str]]) -> None:
    """As served and as evaluated, the graph gives the pipeline's own labels and probabilities."""
    titles, bodies = (np.array(texts, dtype=object)[:, at] for at in (0, 1))
    columns = {"title": titles, "text": bodies}
    wanted = PIPELINE.predict_proba(frame(columns))
    second, best = np.sort(wanted, axis=1)[:, -2:].T
    clear = best - second > 1e-5
    for scores in (SCORER.rows(texts), SCORER.columns(columns)):
        assert scores.probabilities is not None
        assert np.abs(scores.probabilities - wanted).max() <= 1e-5
        assert list(scores.predictions[clear]) == list(PIPELINE.predict(frame(columns))[clear])


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
@example([("", "")])
@example([("\0\x1f\x7f\u200b\ufeff", "\u202e\ufffe\U0010ffff")])
@example([("👍🏽", "👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️")])
@example([("ＲＥＦＵＮＤ　ｐｌｅａｓｅ", "ﾊﾟｽﾜｰﾄﾞ ㍿ ①")])
@example([("cafe\u0301", "a" + "\u0315\u0300" * 700), ("İSTANBUL", "ΣΊΣΥΦΟΣ ﬃ ſ")])
def test_the_graph_answers_as_the_pipeline_over_every_kind_of_text(texts: list[tuple[str, str]]) -> None:
    assert_agrees(texts)


@pytest.mark.parametrize("said", ["荷物が届きません。", "refund my parcel ", "ａ\u0301🔑", "\ufdfa"])
def test_a_text_of_100_kb_is_answered_as_the_pipeline_does_also_beside_short_ones(said: str) -> None:
    long = (said * (100_000 // len(said.encode()) + 1))[:100_000]
    assert_agrees([("", "refund"), (said, long), ("late", "")])


def test_many_rows_are_given_to_the_graph_in_parts_and_keep_their_order() -> None:
    texts = [
        (str(row[0]), f"{row[1]} {number}")
        for number, row in enumerate(zip(*NOTES.columns.values(), strict=True))
    ]
    assert_agrees([*texts, ("refund", "返金" * 20_000), *texts, *texts])


@pytest.mark.parametrize(
    "steps",
    [
        REGULAR,
        [LogisticRegression()],
        [TfidfTransformer(norm=None, use_idf=False), LogisticRegression()],
        [TfidfTransformer(norm="l1"), LogisticRegression(solver="newton-cg")],
        [TfidfTransformer(use_idf=False), ComplementNB()],
        [TfidfTransformer(sublinear_tf=True), SGDClassifier(loss="log_loss", random_state=0)],
        [RandomForestClassifier(10, random_state=0)],
    ],
    ids=lambda steps: " ".join(type(step).__name__ for step in steps),
)
def test_whatever_follows_the_counts_is_exported_and_agrees(steps: list[Any]) -> None:
    pipeline = fitted(*steps)
    graph = onnx_export.export(pipeline, SPEC)
    onnx.checker.check_model(graph, full_check=True)
    inputs = onnx_export.layout(graph, SPEC)
    assert thresholds.rows(graph, inputs, NOTES) is None  # a tree's feature is a token here, not a column
    assert agreement.check(
        pipeline, Scorer(graph.SerializeToString(), SPEC, inputs), NOTES.columns
    ).labels_identical


def test_two_classes_agree_too() -> None:
    spec = ModelSpec(
        name="notes",
        title="n",
        columns=SPEC.columns,
        target=Category("label", values=("late", "other")),
        metric=SPEC.metric,
    )
    pipeline = fitted(*REGULAR, target=np.where(NOTES.target == "late", "late", "other"))
    assert agreement.check(pipeline, scorer_of(pipeline, spec), NOTES.columns).labels_identical


def test_a_regression_of_tokens_agrees_too() -> None:
    spec = ModelSpec(
        name="notes",
        title="n",
        columns=SPEC.columns,
        target=Number("length"),
        metric=Metric("rmse", maximum=100.0),
    )
    pipeline = fitted(Ridge(), target=np.array([float(len(text)) for text in NOTES.columns["text"]]))
    assert agreement.check(pipeline, scorer_of(pipeline, spec), NOTES.columns).rows == len(NOTES)


def test_the_graph_takes_the_text_columns_as_one_input_of_tokens() -> None:
    (given_input,) = onnx_export.layout(onnx_export.export(PIPELINE, SPEC), SPEC)
    assert given_input.as_dict() == {"name": "Tokens", "type": "tokens", "columns": ["title", "text"]}


def test_the_vocabulary_keeps_to_its_bounds_and_is_the_same_whatever_the_order_of_the_rows() -> None:
    counts = TokenCounts(columns=("title", "text"), max_features=50, min_df=3)
    one = counts.fit(frame(NOTES.columns)).tokeniser_
    other = clone(counts).fit(frame(NOTES.columns).iloc[::-1]).tokeniser_
    assert one == other
    assert one.size == 50
    assert (counts.transform(frame(NOTES.columns)) > 0).sum(axis=0).min() >= 3


def test_a_vocabulary_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no token of title, text is in 1000 rows or more"):
        TokenCounts(columns=("title", "text"), min_df=1000).fit(frame(NOTES.columns))


def damaged(**changes: Any) -> onnx.ModelProto:
    """Give the graph with another tokeniser in its metadata."""
    graph = onnx_export.export(PIPELINE, SPEC)
    stored = {each.key: each.value for each in graph.metadata_props}
    helper.set_model_props(
        graph, {key: json.dumps({**json.loads(value), **changes}) for key, value in stored.items()}
    )
    return graph


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chars": [2, 1]}, "damaged: chars"),
        ({"known_words": "all"}, "damaged: known_words"),
        ({"columns": ["text"]}, "the tokeniser takes text, the model title, text"),
        ({"known_words": [f"word{at}" for at in range(10_000)]}, "does not take what its tokeniser gives"),
    ],
)
def test_a_graph_with_a_damaged_tokeniser_does_not_load(changes: dict[str, Any], message: str) -> None:
    inputs = onnx_export.layout(onnx_export.export(PIPELINE, SPEC), SPEC)
    with pytest.raises(ArtifactError, match=message):
        Scorer(damaged(**changes).SerializeToString(), SPEC, inputs)


def test_a_graph_without_its_tokeniser_does_not_load() -> None:
    graph = onnx_export.export(PIPELINE, SPEC)
    inputs = onnx_export.layout(graph, SPEC)
    helper.set_model_props(graph, {})
    del graph.metadata_props[:]
    with pytest.raises(ArtifactError, match=f"no {tokens.METADATA} in its metadata"):
        Scorer(graph.SerializeToString(), SPEC, inputs)
