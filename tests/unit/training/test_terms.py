"""The terms that speak for each class, in report.json and on the page."""

from __future__ import annotations

import pytest
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB

from tests.unit.scoring.test_tokens import NOTES, PIPELINE, SPEC, fitted
from training.fitting.terms import MOST, Terms, shown, terms


@pytest.fixture(scope="module")
def found() -> Terms:
    given = terms(PIPELINE)
    assert given is not None
    return given


def names(found: Terms, label: str) -> list[str]:
    return [term for term, _ in found[label]]


def test_each_class_has_words_and_runs_of_characters_of_its_own(found: Terms) -> None:
    assert list(found) == list(SPEC.classes)
    assert "refund" in names(found, "refund")
    assert "「返」" in names(found, "refund")
    assert "account" in names(found, "login")
    assert not set(names(found, "refund")) & set(names(found, "login"))


def test_the_greatest_come_first_and_none_speaks_against_the_class(found: Terms) -> None:
    for listed in found.values():
        weights = [weight for _, weight in listed]
        assert weights == sorted(weights, reverse=True)
        assert min(weights) > 0
        assert MOST < len(listed) <= 2 * MOST


def test_a_space_in_a_run_of_characters_can_be_seen(found: Terms) -> None:
    runs = [term for label in found for term in names(found, label) if term.startswith("「")]
    assert any("␣" in run for run in runs)
    assert not any(" " in run for run in runs)


def test_of_two_classes_each_has_its_own_side() -> None:
    given = terms(fitted(*PIPELINE[1:], target=(NOTES.target == "late").astype(str)))
    assert given is not None
    assert "parcel" in [term for term, _ in given["True"]]
    assert "parcel" not in [term for term, _ in given["False"]]


def test_an_estimator_without_coefficients_of_tokens_has_none() -> None:
    assert terms(fitted(TfidfTransformer(), ComplementNB())) is None
    assert terms(LogisticRegression()) is None


def test_the_page_lists_words_and_runs_apart_and_escapes_them(found: Terms) -> None:
    page = shown({**found, "late": [["「<b>」", 2.0], ["parcel", 1.0]]}, SPEC.classes)
    assert "<dt>late: words</dt><dd>parcel 1.00</dd>" in page
    assert "<dt>late: characters</dt><dd>「&lt;b&gt;」 2.00</dd>" in page
